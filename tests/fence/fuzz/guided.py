"""Fuzz one target with atheris: `python -m tests.fence.fuzz.guided TARGET [libFuzzer options]`.

A crash or a broken promise ends the program with a traceback and the input that did it.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["unlit.fence.gateway", "unlit.policy", "tests.fence.fuzz"]
):
    from tests.fence.fuzz.targets import TARGETS


def main(name: str, options: list[str]) -> None:
    """Fuzz until the options say that it is enough."""
    target, seeds = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="unlit-fuzz-") as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        atheris.Setup(
            [name, *options, f"-artifact_prefix={tempfile.gettempdir()}/", corpus], target
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
