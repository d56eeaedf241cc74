"""What is said of a name that names no run; the same for both ways of reading the record."""

from unlit.core.errors import InvalidInput


def no_such_run(name: str, found: int) -> InvalidInput:
    """Return the error for a name that `found` runs have, when it is not exactly one."""
    if name == "last" and not found:
        return InvalidInput(
            "REC-011",
            "There is no run yet.",
            "the record of this repository is empty.",
            "begin one with `unlit run specs/NAME.md`, or name the repository with --repository.",
        )
    why = "more than one run starts with it" if found else "no run has it"
    return InvalidInput(
        "REC-011",
        f"{name!r} does not name a run.",
        f"{why} in this repository's record.",
        "use an id that `unlit runs` prints, or `last`.",
    )
