"""What one step of a trajectory showed."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Observation:
    """What one step showed; `end` and `turns` are a conversation's, `picture` a page's (JPEG)."""

    step: int
    kind: str
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    duration_s: float = 0.0
    timed_out: bool = False
    problem: str = ""
    end: str = ""
    turns: int = 0
    picture: bytes = field(default=b"", repr=False)
