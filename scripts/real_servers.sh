#!/bin/sh
# Installs what is real that the full check drives connectors against, below FOLDER: Bugsink and
# Roundup, each in a Python of its own, and Storybook, which builds a book. What cannot be installed is named, and its tests say "not
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

folder="$1/storybook"
from="$(dirname "$0")/../tests/clients/storybook"
if ! cmp -s "$from/package-lock.json" "$folder/.installed"; then
    mkdir -p "$folder" && rm -f "$folder/.installed"
    cp "$from/package.json" "$from/package-lock.json" "$from/.npmrc" "$folder/"
    if (cd "$folder" && timeout 180 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >install.log 2>&1); then
        cp "$from/package-lock.json" "$folder/.installed"
    else
        printf 'Not installed: Storybook (%s)\n' "$(grep -v '^$' "$folder/install.log" | head -n 1)" >&2
    fi
fi
exit 0
