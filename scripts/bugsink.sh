#!/bin/sh
# Installs Bugsink, a server that takes Sentry's events, into a venv of its own for
# tests/context/connectors/test_bugsink.py. Its licence is its own; it is used for tests only.
# Usage: scripts/bugsink.sh [FOLDER]; another folder is named to the test by UNLIT_BUGSINK_PYTHON.
set -eu

folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/unlit/bugsink}
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "bugsink==2.6.2" "sentry-sdk==2.75.0"
printf '%s\n' "$folder/bin/python"
