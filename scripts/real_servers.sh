#!/bin/sh
# Installs the real servers that the full check drives connectors against: Bugsink and Roundup, each
# in a Python of its own below FOLDER. What cannot be installed is named, and its tests say "not
# exercised".
# Usage: scripts/real_servers.sh FOLDER
set -u
mkdir -p "$1" || exit 5
for name in bugsink==2.6.2 roundup==2.6.0; do
    folder="$1/${name%%=*}"
    [ -f "$folder/.installed-$name" ] && continue
    if uv venv -q --clear "$folder" && uv pip install -q --python "$folder/bin/python" "$name" \
        $([ "${name%%=*}" = bugsink ] && echo sentry-sdk gunicorn); then
        : >"$folder/.installed-$name"
    else
        printf 'Not installed: %s\n' "$name" >&2
    fi
done
exit 0
