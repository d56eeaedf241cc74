"""In-memory stand-ins for this room's ports, for tests here and elsewhere."""

import json
from collections.abc import Callable
from typing import Any

from unlit.context.ports import Call, Reply


class FakeFetch:
    """Answers calls by a function; remembers them; waits by noting the seconds.

    Args:
        answer: Returns the reply for a call.
    """

    def __init__(self, answer: Callable[[Call], Reply]) -> None:
        self._answer = answer
        self.calls: list[Call] = []
        self.waited: list[float] = []

    def call(self, call: Call) -> Reply:
        """Return the function's reply."""
        self.calls.append(call)
        return self._answer(call)

    def wait(self, seconds: float) -> None:
        """Note the seconds."""
        self.waited.append(seconds)


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """Make a JSON response; header names are given with ``_`` for ``-``."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, {"content-type": "application/json", **named}, json.dumps(value).encode())
