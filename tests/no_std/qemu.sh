#!/usr/bin/env bash
# Builds the program for a Cortex-M3 and runs it in an emulator of a board with one. It has 64 KiB of memory for heap,
# statics and stack; the files are on this computer's disk, through the emulator's semihosting. What it takes is reported.
#
#   tests/no_std/qemu.sh            with the tools at hand
#   tests/no_std/qemu.sh --install  installs them first: Debian's packages, as root
#   tests/no_std/qemu.sh BOARD      on lm3s6965evb (256 KiB of flash; what runs if none is named) or mps2-an385 (1 MiB)
#
# The program has 259,432 bytes of flash and takes 48,244 of memory: 11,408 of stack, 36,772 of heap.
#
# core and alloc are built from Debian's own sources of the standard library, by Debian's compiler: no other comes with
# those. It may be older than the workspace's `rust-version`; rustc.sh names the features that were not stable then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

board=lm3s6965evb flash_kib=256
if [ "${1:-}" = "--install" ]; then
    apt-get update -q
    lld=$(apt-cache search --names-only '^lld-22$' | cut -d' ' -f1)
    apt-get install -qy --no-install-recommends \
        rustc-web cargo-web rust-web-src libstd-rust-web-dev "${lld:-lld}" qemu-system-arm
elif [ "${1:-}" = "mps2-an385" ]; then
    board=mps2-an385 flash_kib=1024
elif [ -n "${1:-}" ] && [ "$1" != "$board" ]; then
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

# Short code before all: no texts and places of panics, which end in the handler of faults; nothing for `{:?}` to print,
# which only a wrong answer would; no tables for unwinding. Cargo.toml has the other half.
flags="-Zlocation-detail=none -Zfmt-debug=none -Cforce-unwind-tables=no"
flags="$flags -Clink-arg=--defsym=FLASH_KIB=$flash_kib -Clink-arg=-T$PWD/cortex_m3.ld -Clink-arg=--icf=all"
# That panics abort at once is a feature of the standard library, and since 1.91 a strategy.
features=optimize_for_size
minor=$(/usr/bin/rustc --version | cut -d. -f2)
if [ "$minor" -ge 91 ]; then
    flags="$flags -Zunstable-options -Cpanic=immediate-abort"
else
    features="$features,panic_immediate_abort"
fi
export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTC_WRAPPER="$PWD/rustc.sh"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER="$linker"
export CARGO_TARGET_THUMBV7M_NONE_EABI_RUSTFLAGS="$flags"
/usr/bin/cargo build --release --locked --ignore-rust-version --features small --target thumbv7m-none-eabi \
    -Z build-std=core,alloc,panic_abort -Z build-std-features="$features"

# The files lie where the emulator runs.
kernel=$(realpath "$CARGO_TARGET_DIR/thumbv7m-none-eabi/release/no_std")
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
cd "$files"
timeout 120 qemu-system-arm -machine "$board" -cpu cortex-m3 -nographic -monitor none -serial none \
    -semihosting -kernel "$kernel"
