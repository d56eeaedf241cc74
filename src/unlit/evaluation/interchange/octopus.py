"""Scenarios of OctopusGarden (github.com/foundatron/octopusgarden, `schemas/scenario.json`).

Their expectations are sentences for a judge. Where a sentence *is* a status or an exit code
("Status 404.", "Exit code 0") it becomes a check; whatever more it says is left to a judge.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from unlit.evaluation.interchange.imported import Builder, Imported, Terms, variable
from unlit.evaluation.scenarios.document import read_document
from unlit.evaluation.scenarios.model import Finding

_OR: Final = r"(?:\s*(?:,|/|or|, or)\s*(?:status |HTTP |code )?{0})*"
_STATUS: Final = re.compile(
    r"\b(?:HTTP |status(?: code)?(?: is| of|:)? )([1-5]\d\d"
    + _OR.format(r"[1-5]\d\d") + r")\b\.?", re.I,
)  # fmt: skip
_EXIT: Final = re.compile(
    r"\bexit(?:s)?(?: with)?(?: code| status)?(?: is| of|:)? (\d{1,3}" + _OR.format(r"\d{1,3}")
    + r")\b\.?", re.I,
)  # fmt: skip
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAME: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_STEP_KEYS: Final = frozenset({"description", "expect", "capture", "retry", "delay"})


def from_octopus(text: str, source: str, terms: Terms) -> Imported | Finding:
    """Read one OctopusGarden scenario.

    Returns:
        The scenario, or why the file cannot be read.
    """
    document = read_document(text, source)
    if isinstance(document, Finding):
        return document
    table = document.value
    if not isinstance(table, dict) or not isinstance(table.get("steps"), list):
        return Finding(
            "EVA-150", "error", source, 1, "This is no OctopusGarden scenario: it has no `steps`.",
            "give a scenario file",
        )  # fmt: skip
    builder = Builder()
    for part in ("setup", "steps"):
        for number, step in enumerate(table.get(part) or []):
            builder.place = f"{source}:{document.line((part, number))}"
            _step(step if isinstance(step, dict) else {}, builder)
    for key in sorted(set(table) - _KNOWN):
        builder.place = f"{source}:{document.key_line((key,))}"
        builder.refuse(f"key `{key}` of the scenario", table[key])
    story = " ".join(
        str(table[key]) for key in ("description", "satisfaction_criteria") if table.get(key)
    )
    weight = table.get("weight")
    scaled = max(1, round(float(weight) * 10)) if isinstance(weight, int | float) else None
    return builder.build(str(table.get("id", source)), story, terms, source, weight=scaled)


_KNOWN: Final = frozenset(
    {"id", "description", "type", "weight", "tier", "satisfaction_criteria", "setup", "steps"}
)


def _step(step: Mapping[str, Any], builder: Builder) -> None:
    kinds = [key for key in step if key not in _STEP_KEYS]
    if step.get("delay"):
        builder.step("wait", {"seconds": _seconds(step["delay"]) or 1})
    if len(kinds) != 1 or kinds[0] not in _READERS or not isinstance(step[kinds[0]], dict):
        names = ", ".join(kinds) or "nothing"
        builder.refuse(f"{names} ({step.get('description', 'no description')})", dict(step))
        return
    try:
        _READERS[kinds[0]](_lower(step[kinds[0]]), step, builder)
    except (TypeError, ValueError, AttributeError, KeyError):
        builder.refuse(f"{kinds[0]} of an unexpected form", dict(step))
        return
    _rest(str(step.get("expect") or ""), builder)


def _rest(expect: str, builder: Builder) -> None:
    """Leave to a judge what of an expectation is more than a status or an exit code."""
    rest = _EXIT.sub("", _STATUS.sub("", expect)).strip(" .,;:")
    if rest and builder.steps and "unsupported" not in builder.steps[-1]:
        builder.ask(expect)


def _request(request: Mapping[str, Any], step: Mapping[str, Any], builder: Builder) -> None:
    method = str(request.get("method", "")).upper()
    if method not in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        builder.refuse(f"request with method {method or 'none'}", dict(step))
        return
    params: dict[str, Any] = {method: str(request.get("path") or "/")}
    body = request.get("body")
    if isinstance(body, str):
        params["body"] = body
    elif body is not None:
        params["json"] = body
    if request.get("headers"):
        params["headers"] = {key: str(value) for key, value in request["headers"].items()}
    _captures(step, params, builder)
    found = _STATUS.search(str(step.get("expect") or ""))
    if found:
        params["expect"] = {"status": _codes(found[1])}
    _retry(step, params)
    builder.step("http", params)


def _exec(command: Mapping[str, Any], step: Mapping[str, Any], builder: Builder) -> None:
    for path, content in (command.get("files") or {}).items():
        builder.step("cli", {"shell": f'mkdir -p "$(dirname {path})" && cat > {path}',
                             "stdin": str(content)})  # fmt: skip
    params: dict[str, Any] = {"shell": str(command.get("command", ""))}
    for key in ("stdin", "env"):
        if command.get(key):
            params[key] = command[key]
    if command.get("timeout"):
        params["timeout_s"] = _seconds(command["timeout"]) or 30
    _captures(step, params, builder)
    found = _EXIT.search(str(step.get("expect") or ""))
    if found:
        params["expect"] = {"exit": _codes(found[1])}
    _retry(step, params)
    builder.step("cli", params)


def _codes(text: str) -> int | dict[str, list[int]]:
    """Return one code, or all that are allowed."""
    codes = [int(code) for code in re.findall(r"\d+", text)]
    return codes[0] if len(codes) == 1 else {"one_of": codes}


def _browser(action: Mapping[str, Any], step: Mapping[str, Any], builder: Builder) -> None:
    selector = f"css={action.get('selector', '')}"
    params: dict[str, Any] = {}
    match action.get("action"):
        case "navigate":
            params["open"] = str(action.get("url") or "/")
        case "click":
            params["click"] = selector
        case "fill":
            params["fill"] = {selector: str(action.get("value", ""))}
        case "assert":
            params |= _sights(action)
        case other:
            builder.refuse(f"browser action {other}", dict(step))
            return
    if step.get("capture"):
        builder.refuse(f"capture from a browser ({step.get('description', '')})", dict(step))
        return
    if action.get("timeout"):
        params["timeout_s"] = _seconds(action["timeout"]) or 10
    builder.step("ui", params)


def _sights(action: Mapping[str, Any]) -> dict[str, Any]:
    place = {"in": str(action.get("selector", ""))}
    sights: dict[str, Any] = {}
    see = dict(place)
    if "text" in action:
        see["text"] = str(action["text"])
    if "count" in action:
        see["count"] = action["count"]
    if len(see) > 1 or "text_absent" not in action:
        sights["see"] = [see]
    if "text_absent" in action:
        sights["not_see"] = [{**place, "text": str(action["text_absent"])}]
    return sights


def _ws(socket: Mapping[str, Any], step: Mapping[str, Any], builder: Builder) -> None:
    known = {"url", "id", "send", "receive", "headers"}
    receive = socket.get("receive") or {}
    if set(socket) - known or step.get("capture") or receive.get("background"):
        builder.refuse(f"ws step ({step.get('description', '')})", dict(step))
        return
    params: dict[str, Any] = {}
    if socket.get("id"):
        params["as"] = str(socket["id"])
    if socket.get("url"):
        params["open"] = str(socket["url"])
    if socket.get("headers"):
        params["headers"] = socket["headers"]
    if "send" in socket:
        params["send"] = [socket["send"]]
    if receive:
        params["receive"] = [{"matches": ""}] * int(receive.get("count", 1))
        params["timeout_s"] = _seconds(receive.get("timeout", "5s")) or 5
    builder.step("ws", params)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], Builder], None]]] = {
    "request": _request,
    "exec": _exec,
    "browser": _browser,
    "ws": _ws,
}


def _captures(step: Mapping[str, Any], params: dict[str, Any], builder: Builder) -> None:
    sources = {"stdout": "stdout", "stderr": "stderr", "exitcode": "exit", "exit_code": "exit",
               "status": "status"}  # fmt: skip
    captured: dict[str, str] = {}
    for entry in step.get("capture") or ():
        name, path, source = entry.get("name"), entry.get("jsonpath"), entry.get("source")
        if path:
            captured[variable(str(name))] = re.sub(r"\[(\d+)\]", r".\1", str(path)[2:])
        elif source in sources:
            captured[variable(str(name))] = sources[str(source)]
        else:
            builder.refuse(f"capture `{name}` from {source}", dict(entry))
    if captured:
        params["capture"] = captured


def _retry(step: Mapping[str, Any], params: dict[str, Any]) -> None:
    retry = step.get("retry")
    if isinstance(retry, dict) and "expect" in params:
        each = _seconds(retry.get("interval", "1s")) or 1
        whole = _seconds(retry.get("timeout", ""))
        params["retry_s"] = whole or each * int(retry.get("attempts", 3))


def _seconds(text: Any) -> float:
    parts = _DURATION.findall(str(text))
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return int(total) if total == int(total) else total


def _lower(value: Any) -> Any:
    """Rename `{Name}` to our form of variables, everywhere in a step."""
    if isinstance(value, str):
        return _NAME.sub(lambda match: "{" + variable(match[1]) + "}", value)
    if isinstance(value, list):
        return [_lower(item) for item in value]
    if isinstance(value, dict):
        return {key: _lower(item) for key, item in value.items()}
    return value
