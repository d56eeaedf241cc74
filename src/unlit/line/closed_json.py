"""A serializer for the durable engine that knows a closed list of kinds: JSON, tuples, errors.

The engine's own default unpickles whatever lies in the database: whoever can write there could run
code in every worker. This one cannot run anything.
"""

import json
import re
from typing import Any, Final

from dbos import Serializer
from typing_extensions import override

from unlit.core.errors import (
    BudgetUsedUp,
    InvalidInput,
    OutcomeNotGoodEnough,
    OutsideFailed,
    RefusedByPolicy,
    UnlitError,
    UsageError,
)

_ERRORS: Final[dict[str, type[UnlitError]]] = {
    kind.__name__: kind
    for kind in (
        BudgetUsedUp, InvalidInput, OutcomeNotGoodEnough, OutsideFailed, RefusedByPolicy, UsageError
    )
}  # fmt: skip
_FOR_PEOPLE: Final = re.compile(r"([A-Z]{3}-\d{3}) (.*) \| Why: (.*) \| Do: (.*)", re.DOTALL)


class StepFailed(Exception):
    """An error of a step, read back from the engine's database; its first words are kept."""


class ClosedJson(Serializer):
    """Tagged JSON: plain values, tuples and exceptions; anything else is refused."""

    @override
    def serialize(self, data: Any) -> str:
        return json.dumps(_pack(data), separators=(",", ":"))

    @override
    def deserialize(self, serialized_data: str) -> Any:
        return _unpack(json.loads(serialized_data))

    @override
    def name(self) -> str:
        return "unlit_closed_json_1"


def _pack(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [_pack(item) for item in value]
    if isinstance(value, tuple):
        return {"$tuple": [_pack(item) for item in value]}
    if isinstance(value, dict):
        return {"$dict": [[_pack(key), _pack(item)] for key, item in value.items()]}
    if isinstance(value, BaseException):
        return {"$error": [type(value).__name__, str(value)[:2000]]}
    raise TypeError(f"a step may not return {type(value).__name__}; return JSON values")


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$tuple" in value:
        return tuple(_unpack(item) for item in value["$tuple"])
    if "$error" in value:
        kind, words = value["$error"]
        return _told(str(kind), str(words))
    return {_unpack(key): _unpack(item) for key, item in value["$dict"]}


def _told(kind: str, words: str) -> Exception:
    """Return an error as it was; of one that is not for people, its name and words."""
    parts = _FOR_PEOPLE.fullmatch(words)
    known = _ERRORS.get(kind)
    return StepFailed(f"{kind}: {words}") if known is None or not parts else known(*parts.groups())
