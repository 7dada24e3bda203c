#!/usr/bin/env bash
# Leaves .venv/bin/tolmach working, from the hash-locked requirements/dev.txt. May be repeated; the second run is quick.
#
#   PYTHON=python3.12 scripts/setup.sh     use this interpreter instead of the system's python3
#
# Where packages come from is the machine's own business: nothing here names or overrides an index.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
lock=requirements/dev.txt
stamp="$venv/.tolmach-$(cat "$lock" pyproject.toml "$0" | sha256sum | cut -c1-16)"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Where the environment forbids Python to keep compiled modules, every start would compile the program anew.
compile_ours() { "$venv/bin/python" -m compileall -q src; }

if [ -f "$stamp" ] && "$venv/bin/python" -c 'import tolmach' 2>/dev/null && [ -x "$venv/bin/tolmach" ]; then
    compile_ours
    exit 0
fi

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if new_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }

install_venv_module() {
    # Debian and Ubuntu ship python3 without ensurepip; it comes with python3-venv.
    command -v apt-get >/dev/null || fail "this Python has no ensurepip; install your system's package for Python virtual environments"
    can_be_root || fail "python3-venv is missing and this user may not install it; run: sudo apt-get install python3-venv"
    say "installing python3-venv"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        "$(basename "$(readlink -f "$1")")-venv" </dev/null >/dev/null \
        || as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3-venv </dev/null >/dev/null
}

own_index_chosen() {
    # Someone told pip where to look; uv would not hear of it.
    [ -n "${PIP_INDEX_URL:-}${PIP_EXTRA_INDEX_URL:-}${PIP_FIND_LINKS:-}${PIP_NO_INDEX:-}${PIP_CONFIG_FILE:-}" ]
}

with_uv() {
    command -v uv >/dev/null && ! own_index_chosen || return 1
    say "installing the locked packages with uv"
    uv pip install --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes -r "$lock" \
        && uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
}

with_pip() {
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip --default-pip >/dev/null
    say "installing the locked packages with pip"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r "$lock" </dev/null \
        && "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input \
            --no-deps --no-build-isolation -e . </dev/null
}

if [ ! -x "$venv/bin/python" ] || ! new_enough "$venv/bin/python"; then
    python="$(find_python)" || fail "Python 3.11 or newer is needed; install it, or name it: make setup PYTHON=/path/to/python3"
    "$python" -c 'import ensurepip' 2>/dev/null || install_venv_module "$python"
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

with_uv || with_pip || fail "the locked packages could not be installed; the lines above say why"

compile_ours
rm -f "$venv"/.tolmach-*
touch "$stamp"
say "done: $("$venv/bin/python" -c 'import tolmach; print("tolmach", tolmach.__version__)') at $venv/bin/tolmach"
