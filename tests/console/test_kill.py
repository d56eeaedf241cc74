"""A console that is killed at any moment loses no decision that it has confirmed."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest
from tests.ship.test_service import RUN, World

from unlit.policy import read_entries, verify
from unlit.record.engine import sqlite_url
from unlit.record.model import Question
from unlit.record.store import Store
from unlit.wiring.paths import state_paths
from unlit.wiring.settings import read_settings

POINTS = 8
SEED = 8101


class _Console:
    """The real command in a process of its own."""

    def __init__(self, repository: Path, env: dict[str, str]) -> None:
        words = [sys.executable, "-m", "unlit", "console", "--json"]
        self.process = subprocess.Popen(
            [*words, "--repository", str(repository)], env=env, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        url = json.loads(self.process.stdout.readline())["url"]
        base, _, token = url.partition("/login?token=")
        self.client = httpx2.Client(base_url=base, timeout=30)
        self.client.get("/login", params={"token": token})

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.client.get(f"/runs/{RUN}").text)
        assert found is not None
        return found[1]

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _send(console: _Console, form: dict[str, str], answers: list[int]) -> None:
    try:
        answers.append(console.client.post(f"/runs/{RUN}/questions/1", data=form).status_code)
    except httpx2.HTTPError:
        answers.append(0)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_answer_is_lost_only_when_it_was_never_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(SEED)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    world = World(tmp_path)
    paths = state_paths(read_settings(), world.repository)
    paths.create()
    world.store.keep_questions([Question(RUN, 1, "criterion", "Is it useful?"),
                                Question(RUN, 2, "criterion", "Is it polite?")])  # fmt: skip
    world.store.close()
    (tmp_path / "record.db").rename(paths.database)
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "UNLIT_PERSON": "dana"}
    confirmed = lost = 0
    for _ in range(POINTS):
        console = _Console(world.repository, env)
        form = {"answer": "yes", "reason": "it is", "csrf": console.csrf()}
        answers: list[int] = []
        sending = threading.Thread(target=_send, args=(console, form, answers))
        sending.start()
        threading.Event().wait(dice.random() * 0.06)
        console.kill()
        sending.join()
        store = Store.open(sqlite_url(paths.database))
        row = next(row for row in store.questions(RUN) if row.number == 1)
        log = paths.audit / "gates"
        kinds = [entry.kind for entry in read_entries(log)] if log.exists() else []
        entries = [kind for kind in kinds if kind == "question.answer"]
        if answers == [303]:
            confirmed += 1
            assert row.answer == "yes: it is"
        if row.answer is not None:
            assert entries, "an answer that was never audited"
            assert verify(paths.audit / "gates").ok
            with store.engine.begin() as connection:  # ask again for the next round
                connection.exec_driver_sql("update questions set answer = null where number = 1")
        else:
            lost += 1
            assert answers == [0], "a confirmed answer is gone"
        store.close()
    assert confirmed + lost <= POINTS
    console = _Console(world.repository, env)  # and the console starts again on what is there
    try:
        assert "Is it useful?" in console.client.get(f"/runs/{RUN}").text
        form = {
            "answer": "no",
            "reason": "at last",
            "csrf": console.csrf(),
        }
        answers = []
        _send(console, form, answers)
        assert answers == [303]
    finally:
        console.kill()
    store = Store.open(sqlite_url(paths.database))
    assert [row.answer for row in store.questions(RUN)] == ["no: at last", None]
    store.close()
    assert verify(paths.audit / "gates").ok
