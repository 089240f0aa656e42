#!/bin/sh
# The compiler, for qemu.sh: what `rust-version` takes for stable and Debian's compiler does not is named as a feature.
case " $* " in
*" --crate-name epilog "* | *" --crate-name epilog_derive "* | *" --crate-name no_std "*)
    exec "$@" '-Zcrate-attr=feature(let_chains,slice_as_chunks,unsigned_is_multiple_of)' ;;
*)
    exec "$@" ;;
esac
