"""A script from overlay folders: any agent on the model twin then makes the same candidates.

Candidate N of a run is known by the sentence "This is candidate N." in its brief.
"""

from pathlib import Path
from typing import Final

from unlit.models.twin.model import Act, Part, Script, Turn
from unlit.models.twin.rules import command_of

CANDIDATE: Final = "This is candidate {number}."
FINISH: Final = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""What mini-SWE-agent takes for the end; harmless for every other agent."""


def script_of(overlays: Path) -> Script:
    """Make a script that writes the files of ``OVERLAYS/N`` when asked for candidate N."""
    folders = sorted(
        (folder for folder in overlays.iterdir() if folder.name.isdigit()),
        key=lambda folder: int(folder.name),
        reverse=True,
    )
    return Script(
        tuple(_part(folder, tools=tools) for folder in folders for tools in (True, False))
    )


def _part(folder: Path, *, tools: bool) -> Part:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    writes = [
        Act("write", path.read_text(encoding="utf-8"), path=str(path.relative_to(folder)))
        for path in files
    ]
    # by shell where there is one: some agents' own tools do not write over a file they did not read
    acts = tuple(Act("bash", command_of(act)) if tools else act for act in writes)
    turns: tuple[Turn, ...] = (Turn(f"I write {len(files)} files.", acts),)
    if tools:
        turns += (Turn("All files are written.", (Act("bash", FINISH),)), Turn("Done."))
    contains = (CANDIDATE.format(number=folder.name),)
    return Part(turns, contains=contains, needs_tools=tools, by_words=not tools)
