"""Plug-ins by name: which driver performs which kind of step."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final, cast

from unlit.core.errors import InvalidInput
from unlit.evaluation.ports import Judge, Sandbox
from unlit.evaluation.stage import Driver, HarnessFault

DRIVERS: Final[Mapping[str, str]] = {
    "cli": "unlit.evaluation.drivers.cli:perform",
    "http": "unlit.evaluation.drivers.http:perform",
    "twin": "unlit.evaluation.drivers.world:twin",
    "clock": "unlit.evaluation.drivers.world:clock",
    "file": "unlit.evaluation.drivers.world:file",
    "restart": "unlit.evaluation.drivers.world:restart",
    "user": "unlit.evaluation.drivers.user:perform",
    "ws": "unlit.evaluation.drivers.ws:perform",
    "ui": "unlit.evaluation.drivers.browser:perform",
    "wait": "unlit.evaluation.drivers.world:wait",
    "unsupported": "unlit.evaluation.drivers.world:unsupported",
    "kill": "unlit.evaluation.drivers.world:kill",
}


JUDGES: Final[Mapping[str, str]] = {
    "scripted": "unlit.evaluation.judges.scripted:ScriptedJudge",
    "rubric": "unlit.evaluation.judges.rubric:RubricJudge",
}


def judge(options: Mapping[str, Any], sandbox: Sandbox) -> Judge:
    """Return the judge that `options` names.

    Raises:
        InvalidInput: There is none of that name, or it lacks an option.
    """
    name = str(options.get("name"))
    if name not in JUDGES:
        raise InvalidInput(
            "EVA-128", f"There is no judge `{name}`.", f"known: {', '.join(JUDGES)}.",
            "name one of these.",
        )  # fmt: skip
    module, _, attribute = JUDGES[name].partition(":")
    make = getattr(import_module(module), attribute)
    try:
        return cast("Judge", make(options) if name == "scripted" else make(sandbox, options))
    except KeyError as error:
        raise InvalidInput(
            "EVA-128", f"The judge `{name}` lacks the option {error}.",
            "it cannot work without.", f"give {error}.",
        ) from error  # fmt: skip


@cache
def driver(kind: str) -> Driver:
    """Return the driver for one kind of step, imported when asked for.

    Raises:
        HarnessFault: There is none.
    """
    if kind not in DRIVERS:
        raise HarnessFault(f"no driver performs `{kind}`")
    module, _, name = DRIVERS[kind].partition(":")
    return cast("Driver", getattr(import_module(module), name))
