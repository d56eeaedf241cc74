#!/bin/sh
# Usage: prepare.sh FOLDER   makes FOLDER a git repository of sqlparse 0.5.3 with the spec in it
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?name the folder to make}
if [ -e "$target" ]; then
    echo "prepare: $target exists; name a new folder" >&2
    exit 2
fi
python=${PYTHON:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary sqlparse --dest "$scratch" sqlparse==0.5.3
mkdir -p "$target"
tar -xzf "$scratch"/sqlparse-0.5.3.tar.gz -C "$target" --strip-components=1
mkdir -p "$target/specs"
cp "$here/specs/check.md" "$target/specs/"
cd "$target"
git init -q -b main
git add -A
git -c user.name=example -c user.email=example@example.com commit -q -m "sqlparse 0.5.3"
