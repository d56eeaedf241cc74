"""The command line; nothing is built yet."""

import sys


def main(argv: list[str]) -> int:
    """Run one command line and return its exit code."""
    print("access-review: nothing is built yet", file=sys.stderr)
    return 2
