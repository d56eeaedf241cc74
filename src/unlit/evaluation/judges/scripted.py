"""A judge for tests and demonstrations: answers by words in the evidence, and says so."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from unlit.evaluation.ports import Judge, Judged


class ScriptedJudge(Judge):
    """Says yes when all words of its script stand in the evidence.

    Args:
        options: ``words``: what must stand there; ``answer``: a fixed answer instead.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._words = [str(word) for word in options.get("words", ())]
        self._answer: bool | None = options.get("answer")

    @property
    @override
    def name(self) -> str:
        return "scripted"

    @property
    @override
    def family(self) -> str | None:
        return None

    @override
    async def judge(self, question: str, evidence: str) -> Judged:
        if self._answer is not None:
            return Judged(self._answer, evidence[:80])
        missing = [word for word in self._words if word not in evidence]
        return Judged(not missing, "" if missing else ", ".join(self._words))
