#!/bin/sh
# Builds the image of deploy/Containerfile with buildah and runs `unlit --version` in it.
# Usage: deploy/build.sh [TAG]      BASE=IMAGE uses that base; without it one is made by debootstrap.
# What cannot be done on this machine is printed as "not exercised", and the exit code is 0 for it.
set -eu

tag=${1:-localhost/unlit:latest}
cd "$(dirname "$0")/.."
say() { printf '%s\n' "$*" >&2; }
skip() { say "not exercised: $*"; exit 0; }

command -v buildah >/dev/null || skip "the image (buildah is not installed: apt-get install buildah)"
[ "$(id -u)" = 0 ] || buildah unshare true 2>/dev/null || skip "the image (no user namespaces here)"

context=$(mktemp -d "${TMPDIR:-/tmp}/unlit-image.XXXXXX")
trap 'rm -rf "$context"' EXIT
export STORAGE_DRIVER="${STORAGE_DRIVER:-vfs}" BUILDAH_ISOLATION="${BUILDAH_ISOLATION:-chroot}"

say "wheels of the lock file"
uv=${UV:-uv}
"$uv" build --quiet --wheel --out-dir "$context/wheels"
"$uv" export --quiet --frozen --no-default-groups --extra pg --no-emit-project --no-hashes >"$context/requirements.txt"
"$uv" run --no-sync --quiet --with pip python -m pip download --quiet --only-binary :all: --no-deps \
    --dest "$context/wheels" --requirement "$context/requirements.txt"

base=${BASE:-}
if [ -z "$base" ] && ! buildah pull --quiet docker.io/library/debian:12-slim >/dev/null 2>&1; then
    command -v debootstrap >/dev/null || skip "the image (no base image can be fetched, no debootstrap)"
    say "no base image can be fetched; making one by debootstrap"
    mirror=${MIRROR:-$(apt-cache policy base-files | awk '/http/ {print $2; exit}')}
    debootstrap --variant=minbase --include=ca-certificates bookworm "$context/root" "$mirror" >"$context/log" 2>&1 ||
        skip "the image (debootstrap: $(tail -n 1 "$context/log"))"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/keyrings; do
        [ -e "$file" ] && cp -a "$file" "$context/root/etc/apt/" 2>/dev/null || true
    done
    made=$(buildah from scratch)
    buildah add --quiet "$made" "$context/root" / >/dev/null
    buildah commit --quiet "$made" localhost/unlit-base:12 >/dev/null
    buildah rm "$made" >/dev/null
    rm -rf "$context/root"
    base=localhost/unlit-base:12
fi

say "building $tag"
buildah build --quiet --network host ${base:+--build-arg BASE="$base"} --file deploy/Containerfile \
    --tag "$tag" "$context" >"$context/build.log" 2>&1 ||
    { tail -n 20 "$context/build.log" >&2; exit 1; }

made=$(buildah from "$tag")
said=$(buildah run "$made" -- unlit --version) || { buildah rm "$made" >/dev/null; say "the image does not start"; exit 1; }
buildah rm "$made" >/dev/null
say "built $tag: $said"
