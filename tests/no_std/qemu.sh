#!/usr/bin/env bash
# Builds the program for a Cortex-M3 and runs it in an emulator of the MPS2 board with the AN385 image, 64 KiB of whose
# memory it has for heap, statics and stack; the files are in its external memory. What it takes is reported.
#
#   tests/no_std/qemu.sh            with the tools at hand
#   tests/no_std/qemu.sh --install  installs them first: Debian's packages, as root
#
# core and alloc are built from Debian's own sources of the standard library, by Debian's compiler: no other comes with
# those. It may be older than the workspace's `rust-version`; rustc.sh names the features that were not stable then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [ "${1:-}" = "--install" ]; then
    apt-get update -q
    lld=$(apt-cache search --names-only '^lld-22$' | cut -d' ' -f1)
    apt-get install -qy --no-install-recommends \
        rustc-web cargo-web rust-web-src libstd-rust-web-dev "${lld:-lld}" qemu-system-arm
elif [ -n "${1:-}" ]; then
    sed -n '2,8s/^# \{0,1\}//p' qemu.sh >&2
    exit 2
fi

linker=
for name in ld.lld-22 ld.lld; do
    linker=$(command -v "$name") && break
done
for tool in /usr/bin/rustc /usr/bin/cargo /usr/lib/rustlib/src/rust/library "${linker:-ld.lld}" "$(command -v qemu-system-arm || echo qemu-system-arm)"; do
    if [ ! -e "$tool" ]; then
        echo "$tool is missing: run tests/no_std/qemu.sh --install as root" >&2
        exit 2
    fi
done

export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTC_WRAPPER="$PWD/rustc.sh"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER="$linker"
export CARGO_TARGET_THUMBV7M_NONE_EABI_RUSTFLAGS="-Clink-arg=-T$PWD/cortex_m3.ld"
/usr/bin/cargo build --release --locked --ignore-rust-version --features small --target thumbv7m-none-eabi \
    -Z build-std=core,alloc,panic_abort -Z build-std-features=optimize_for_size

timeout 120 qemu-system-arm -machine mps2-an385 -cpu cortex-m3 -nographic -monitor none -serial none \
    -semihosting-config enable=on,target=native \
    -kernel "$CARGO_TARGET_DIR/thumbv7m-none-eabi/release/no_std"
