"""What an adapter may need to be made."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What an adapter may need to be made.

    Attributes:
        argument: The part after the colon of ``NAME:ARGUMENT``.
        overlays: Where the scripted agent finds its overlays unless told.
        tools: Folder of tool environments in which agents from a registry are installed.
        path: Folders searched for programs, as in ``PATH``.
    """

    argument: str = ""
    overlays: Path | None = None
    tools: Path | None = None
    path: str = ""
