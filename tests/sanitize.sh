#!/usr/bin/env bash
# Runs the tests of the modules with `unsafe` under AddressSanitizer and under valgrind.
#
#   tests/sanitize.sh [asan|valgrind]
#
# Needs a nightly toolchain for the first, valgrind for the second; what is missing is said and left out. Each builds in a
# directory of its own below `target`. Miri, where it is installed: cargo +nightly miri test -p epilog --lib storage::pager::frames
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
# The modules that allow unsafe code, by the name that their tests have.
modules=$(grep -rl 'allow(unsafe_code)' epilog/src | sed -e 's|epilog/src/||' -e 's|/mod\.rs$||' -e 's|\.rs$||' -e 's|/|::|g' | sort -u)

run() {
    printf '\n== %s: %s\n' "$1" "$(tr '\n' ' ' <<<"$modules")"
}

asan() {
    if ! cargo +nightly --version >/dev/null 2>&1; then
        echo "AddressSanitizer is left out: there is no nightly toolchain"
        return
    fi
    run AddressSanitizer
    # shellcheck disable=SC2086
    RUSTFLAGS=-Zsanitizer=address cargo +nightly test -p epilog --lib --target "$host" --target-dir target/asan -- $modules
}

under_valgrind() {
    if ! command -v valgrind >/dev/null; then
        echo "valgrind is left out: it is not installed"
        return
    fi
    run valgrind
    local runner="CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$host")_RUNNER"
    # shellcheck disable=SC2086
    env "$runner=valgrind --quiet --error-exitcode=9" \
        cargo test -p epilog --lib -- --test-threads 1 $modules
}

case "${1:-all}" in
    asan) asan ;;
    valgrind) under_valgrind ;;
    all) asan && under_valgrind ;;
    *) echo "usage: tests/sanitize.sh [asan|valgrind]" >&2 && exit 2 ;;
esac
