"""Our own loop, for real: steered while it works, and gone on with after it was killed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from unlit.core.ids import CandidateId, RunId
from unlit.harness.agents.own import OwnAgent, recipe_of
from unlit.harness.fakes import FakeFence, ListSink
from unlit.harness.model import Companion, End, EndReason, Job, Word
from unlit.harness.tools import Program
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer

pytestmark = pytest.mark.usefixtures("socket_enabled")

STEPS = 4
SCRIPT = {
    "parts": [
        {
            "when": {"tools": True},
            "turns": [
                *({"say": f"Step {n}.", "bash": f"echo {n} >> steps"} for n in range(1, STEPS + 1)),
                "Done.",
            ],
        }
    ]
}


class Kept(Companion):
    """A companion in memory; it may say a word once the agent has made some model calls."""

    def __init__(self, *, word_after: int = -1) -> None:
        self.kept: dict[int, str] = {}
        self.delivered: list[Word] = []
        self._word_after = word_after
        self._word = Word("w-1", "Use the word GREEN.", "ann")

    @override
    def words(self) -> Sequence[Word]:
        due = 0 <= self._word_after <= len(self.kept) and not self.delivered
        return (self._word,) if due else ()

    @override
    def heard(self) -> Sequence[Word]:
        return tuple(self.delivered)

    @override
    def deliver(self, word: Word, how: str) -> None:
        self.delivered.append(word)

    @override
    def replies(self) -> Sequence[str]:
        return [self.kept[n] for n in sorted(self.kept)]

    @override
    def keep_reply(self, number: int, body: str) -> None:
        assert number not in self.kept
        self.kept[number] = body


class Hearing(ModelTwin):
    """A model twin that keeps what it was told."""

    told: list[str]
    delay_s = 0.0

    @override
    async def _answer(self, form: object, ask: object, send: object) -> None:
        self.told = [*getattr(self, "told", []), str(getattr(ask, "text", ""))]
        await asyncio.sleep(self.delay_s)
        await super()._answer(form, ask, send)  # type: ignore[arg-type] # as the twin's own


@pytest.fixture
async def model() -> AsyncIterator[tuple[Hearing, str]]:
    twin = Hearing(parse_script(SCRIPT))
    server = await ModelTwinServer.start(twin)
    yield twin, f"http://{server.address}"
    await server.close()


async def turn(
    tmp_path: Path,
    url: str,
    companion: Companion,
    hooks: dict[str, str] | None = None,
    name: str = "openai-chat:gpt-5.2",
    deadline_s: float = 90,
) -> tuple[End, str]:
    (tmp_path / "lower").mkdir(exist_ok=True)
    fence = FakeFence(tmp_path / "lower")
    agent = OwnAgent(recipe_of(name), Program(Path(sys.executable), ()))
    env = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "fake-key"}
    env |= {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "fake-key"}
    job = Job(
        RunId("r-1"), CandidateId("c1"), 1, "Do the task.", deadline_s=deadline_s, env=env,
        companion=companion, hooks=hooks or {},
    )  # fmt: skip
    try:
        end = await agent.run(job, fence, ListSink())
        steps = fence.folder / "steps"
        return end, steps.read_text() if steps.exists() else ""
    finally:
        await fence.close()


ALL = "".join(f"{n}\n" for n in range(1, STEPS + 1))


async def test_each_reply_is_kept_before_it_is_acted_on(
    tmp_path: Path, model: tuple[Hearing, str]
) -> None:
    twin, url = model
    companion = Kept()
    end, steps = await turn(tmp_path, url, companion)
    assert (end.reason, end.text, steps) == (EndReason.DONE, "Done.", ALL)
    assert len(companion.kept) == len(twin.seen) == STEPS + 1


@pytest.mark.slow
@pytest.mark.parametrize("lived", [1, STEPS + 1])
async def test_a_turn_that_was_killed_goes_on_without_paying_twice(
    tmp_path: Path, model: tuple[Hearing, str], lived: int
) -> None:
    twin, url = model
    whole = Kept()
    await turn(tmp_path, url, whole)
    paid = len(twin.seen)
    again = Kept()
    again.kept = {n: body for n, body in whole.kept.items() if n <= lived}
    end, steps = await turn(tmp_path, url, again)
    assert (end.reason, steps) == (EndReason.DONE, ALL)
    assert len(twin.seen) - paid == STEPS + 1 - lived
    assert sorted(again.kept) == sorted(whole.kept)


@pytest.mark.slow
async def test_a_turn_killed_in_the_middle_of_a_call_pays_that_call_at_most(
    tmp_path: Path, model: tuple[Hearing, str]
) -> None:
    twin, url = model
    twin.delay_s = 0.3
    companion = Kept()
    working = asyncio.ensure_future(turn(tmp_path, url, companion))
    while len(companion.kept) < 2:  # noqa: ASYNC110 # the agent is another process
        await asyncio.sleep(0.02)
    working.cancel()
    await asyncio.wait({working})
    twin.delay_s = 0.0
    end, steps = await turn(tmp_path, url, companion)
    assert (end.reason, steps) == (EndReason.DONE, ALL)
    assert len(twin.told) <= STEPS + 2


@pytest.mark.slow
async def test_a_person_is_heard_before_the_next_model_call(
    tmp_path: Path, model: tuple[Hearing, str]
) -> None:
    twin, url = model
    twin.delay_s = 1.0
    companion = Kept(word_after=1)
    end, steps = await turn(tmp_path, url, companion)
    assert (end.reason, steps) == (EndReason.DONE, ALL)
    (word,) = companion.delivered
    assert 2 <= word.step <= STEPS + 1
    first = next(n for n, text in enumerate(twin.told, 1) if "GREEN" in text)
    assert first == word.step
    twin.told = []
    again = Kept()
    again.kept = {n: body for n, body in companion.kept.items() if n < word.step}
    again.delivered = [word]
    await turn(tmp_path, url, again)
    assert all("GREEN" in text for text in twin.told), "an earlier word is heard again"


PRE = "test $TOOL_PHASE = pre && grep -q 'echo 2' && exit 7; exit 0"
POST = "cat > $TOOL_NAME.post; exit 5"


@pytest.mark.slow
async def test_a_hook_before_a_tool_call_refuses_it_and_one_after_it_only_looks(
    tmp_path: Path, model: tuple[Hearing, str]
) -> None:
    twin, url = model
    end, steps = await turn(tmp_path, url, Kept(), {"pre": PRE, "post": POST})
    assert (end.reason, steps) == (EndReason.DONE, "1\n3\n4\n")
    assert any("a hook of the line refused it (exit code 7)" in text for text in twin.told)


@pytest.mark.slow
async def test_a_model_that_never_answers_is_no_failure_of_the_agent(
    tmp_path: Path, model: tuple[Hearing, str]
) -> None:
    twin, url = model
    twin.delay_s = 3600
    end, steps = await turn(tmp_path, url, Kept(), deadline_s=30)
    assert (end.reason, steps) == (EndReason.MODEL_FAILED, "")
    assert "the model had not answered for" in end.text


LONG = 90
LONG_SCRIPT = {"turns": [*({"bash": f"echo {n} >> steps"} for n in range(1, LONG + 1)), "Done."]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openai-chat:gpt-5.2", "anthropic:claude-sonnet-4-5"])
async def test_a_long_turn_folds_what_is_old_and_goes_on_after_a_kill_as_before(
    tmp_path: Path, name: str
) -> None:
    twin = Hearing(parse_script(LONG_SCRIPT))
    server = await ModelTwinServer.start(twin)
    try:
        whole = Kept()
        whole.delivered = [Word("w-1", "Use the word GREEN.", "ann", step=3)]
        end, steps = await turn(tmp_path, f"http://{server.address}", whole, name=name)
        told, twin.told = twin.told, []
        killed = Kept()
        killed.kept = {n: body for n, body in whole.kept.items() if n <= LONG - 20}
        killed.delivered = list(whole.delivered)
        again = await turn(tmp_path, f"http://{server.address}", killed, name=name)
    finally:
        await server.close()
    assert (end.reason, steps) == (EndReason.DONE, "".join(f"{n}\n" for n in range(1, LONG + 1)))
    assert again == (end, steps)
    assert twin.told == told[LONG - 20 :], (
        "what a killed turn is told next is what it would have been"
    )
    assert all(text.count("Do the task.") == 1 for text in told)
    assert ["Use the word GREEN." in text for text in told] == [n >= 2 for n in range(LONG + 1)]
    assert "What you did before" not in told[30]
    assert "echo 2 >> steps" in told[-1]
    assert "What you did before" in told[-1]
    sizes = [len(text) for text in told]
    assert max(sizes[50:]) < 2 * max(sizes[:50]), "a step costs the same however many came before"
