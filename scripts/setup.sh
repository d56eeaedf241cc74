#!/bin/sh
# Sets up everything the two commands of the README need. Needs git, sh and Python 3.11 or newer.
# Usage: set profile to demo, quick or full, then source this (a sourced script has no arguments in sh).
set -eu

say() { printf '%s\n' "$*" >&2; }

stop() {
    say "SET-001 $1"
    say "  Why: $2"
    say "  Do:  $3"
    exit 5
}

find_python() {
    for name in python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$name" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

packages=""
need() { command -v "$1" >/dev/null 2>&1 || packages="$packages $2"; }

python=$(find_python) || stop "No Python 3.11 or newer was found." "Unlit is written for it." "apt-get install python3"

need bwrap bubblewrap
if [ "$profile" = full ]; then
    need chromium chromium
    [ -x "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1)" ] || packages="$packages postgresql"
    need node nodejs
    need npm npm
fi
"$python" -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3-venv"

if [ -n "$packages" ]; then
    if command -v apt-get >/dev/null 2>&1; then
        say "Installing:$packages"
        # shellcheck disable=SC2086 # a list of words is meant
        as_root env DEBIAN_FRONTEND=noninteractive sh -c "apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends $packages >/dev/null" ||
            if [ "$profile" = full ]; then
                say "Not installed:$packages (what needs them is printed as not exercised). Line: sudo apt-get install -y$packages"
            else
                stop "These system packages are missing:$packages" "they need root or sudo to install." "sudo apt-get install -y$packages"
            fi
    else
        stop "These system packages are missing:$packages" "this machine has no apt-get." "install them with its own package manager"
    fi
fi

root=$(pwd)
tools="$root/.tools"
if [ ! -x "$tools/bin/uv" ] || [ ! -x "$tools/bin/just" ]; then
    "$python" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check "uv>=0.8" "rust-just>=1.40"
fi
PATH="$tools/bin:$PATH"
export PATH
UV_PYTHON="$python"
export UV_PYTHON
case "$profile" in
demo) uv sync --quiet --frozen --no-default-groups ;;
quick) uv sync --quiet --frozen --group clients --extra agents --extra browser --extra mcp ;;
full) uv sync --quiet --frozen --group clients --group fuzz --all-extras ;;
esac
