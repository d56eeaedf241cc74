# The verbs of this project; `./check` and `./demo` set up and call them.

py := ".venv/bin"
agents := justfile_directory() / ".tools/state/unlit/agents"
node_clients := justfile_directory() / ".tools/state/unlit/node-clients"
servers := justfile_directory() / ".tools/state/unlit/servers"

# set up for development
setup:
    uv sync --frozen --group clients --all-extras

# what may be committed: style, types, contracts, all unmarked tests
check: check-quick

[private]
static:
    {{py}}/ruff format --check src tests bench scripts
    {{py}}/ruff check src tests bench scripts
    {{py}}/lint-imports --no-logo 2>/dev/null || {{py}}/lint-imports
    {{py}}/mypy

# the real coding agents that the full check runs, each at the version named there
agents:
    scripts/agents.sh {{justfile_directory()}}/.tools/state

# the vendors' clients for Node that drive the twins, each at the version of the lock file
node-clients:
    scripts/node_clients.sh {{node_clients}}

# real servers that connectors are driven against
servers:
    scripts/real_servers.sh {{servers}}

# at most 10 minutes
check-quick: static
    {{py}}/pytest -n 2 --dist loadfile -m "not slow and not soak"

# at most 45 minutes on 2 cores; what continuous integration runs, in an order that a seed fixes
check-full: static agents node-clients servers
    UNLIT_AGENTS={{agents}} UNLIT_NODE_MODULES={{node_clients}}/node_modules UNLIT_BUGSINK_PYTHON={{servers}}/bugsink/bin/python UNLIT_ROUNDUP_PYTHON={{servers}}/roundup/bin/python UNLIT_STORYBOOK={{servers}}/storybook/node_modules {{py}}/python scripts/full_check.py -n 2 --dist loadfile -m "not soak" --seeded-sample --randomly-seed=20261125

# by hand: everything, without a sample
check-soak: static agents node-clients servers
    UNLIT_AGENTS={{agents}} UNLIT_NODE_MODULES={{node_clients}}/node_modules UNLIT_BUGSINK_PYTHON={{servers}}/bugsink/bin/python UNLIT_ROUNDUP_PYTHON={{servers}}/roundup/bin/python UNLIT_STORYBOOK={{servers}}/storybook/node_modules {{py}}/pytest -n 2 --dist loadfile

# repair style
fix:
    {{py}}/ruff check --fix src tests bench scripts
    {{py}}/ruff format src tests bench scripts

# the tests of one room
test room="":
    {{py}}/pytest tests/{{room}}

# regenerate golden files; review them as a diff
golden:
    UNLIT_GOLDEN=write {{py}}/pytest tests -k golden

# regenerate the reference pages
docs:
    {{py}}/python scripts/reference.py

# sizes of modules and functions
measure:
    {{py}}/python scripts/measure.py

# the console on loopback
serve:
    {{py}}/unlit console
