#!/bin/sh
# Installs the vendors' clients for Node that the full check lets drive the twins, at the versions
# of tests/clients/node/package-lock.json. What cannot be installed within its time is named in
# FOLDER/problem, and the tests say "not exercised" with that reason.
# Usage: scripts/node_clients.sh FOLDER   (they lie in FOLDER/node_modules)
set -u
cd "$(dirname "$0")/.." || exit 5
mkdir -p "$1" || exit 5
from=tests/clients/node
mark="$1/.installed"
cmp -s "$from/package-lock.json" "$mark" && exit 0
rm -f "$1/problem" "$mark"

if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    reason="node and npm are not on this machine"
else
    cp "$from/package.json" "$from/package-lock.json" "$from/.npmrc" "$1/" || exit 5
    reason=""
    (cd "$1" && timeout 240 npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
        >install.log 2>&1) || reason="npm ci did not install the clients for Node ($?): $(grep -v '^$' "$1/install.log" | head -n 1)"
fi
if [ -n "$reason" ]; then
    printf '%s\n' "$reason" >"$1/problem"
    printf 'Not installed: clients for Node (%s)\n' "$reason" >&2
    exit 0
fi
cp "$from/package-lock.json" "$mark"
