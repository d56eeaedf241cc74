#!/bin/sh
# Installs the coding agents that the full check runs for real, each at the version named here.
# What the registry does not give within its time is named, and its tests say "not exercised".
# Usage: scripts/agents.sh STATE_FOLDER   (they lie in STATE_FOLDER/unlit/agents)
set -u
cd "$(dirname "$0")/.." || exit 5
XDG_STATE_HOME="$1"
export XDG_STATE_HOME
mkdir -p "$1/unlit/agents" || exit 5

for agent in \
    claude-code@2.1.197 codex@0.169.0 gemini-cli@0.61.0 opencode@1.18.33 goose@1.50.0 \
    claude-acp@0.23.1 codex-acp@0.16.0 aider@0.86.2 mini-swe-agent@2.4.6 own@2.68.0; do
    mark="$1/unlit/agents/.$agent"
    [ -e "$mark" ] && continue
    if timeout 240 .venv/bin/unlit agents install "$agent" >/dev/null 2>"$1.problem"; then
        : >"$mark"
    else
        printf 'Not installed: %s (%s)\n' "$agent" "$(head -n 1 "$1.problem")" >&2
    fi
done
