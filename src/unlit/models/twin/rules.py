"""From a script and a request to a reply; pure."""

import json
import shlex
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from unlit.core.canonical import digest_bytes
from unlit.core.errors import InvalidInput
from unlit.models.twin.model import (
    Act,
    Ask,
    Fault,
    Part,
    Reply,
    Script,
    Tool,
    ToolCall,
    Turn,
    Usage,
)
from unlit.models.twin.shapes import smallest
from unlit.models.twin.turns import call_id

_SHELLS: Final = (
    "bash",
    "shell",
    "run_shell_command",
    "exec_command",
    "execute_bash",
    "local_shell",
    "terminal",
    "run_command",
    "execute_command",
)
_WRITERS: Final = ("write", "write_file", "create_file", "writefile")
_ACTS: Final = frozenset({"bash", "write", "tool"})


def parse_script(table: Any, source: str = "script") -> Script:
    """Read a script from plain values (YAML, TOML or JSON).

    The form: ``{turns: [...]}`` or ``{parts: [{when: {contains, lacks, model, tools}, turns}]}``.
    A turn is ``{say, bash, write: {path, text}, tool: {name, arguments}, do: [...], fault}``.

    Raises:
        InvalidInput: It does not have that form.
    """
    if not isinstance(table, Mapping):
        raise _wrong(source, "it is not a table")
    parts = table.get("parts", [{"turns": table.get("turns", [])}])
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise _wrong(source, "`parts` is not a list")
    _known(table, {"parts", "turns", "otherwise"}, source)
    return Script(
        tuple(_part(part, f"{source}: part {n}") for n, part in enumerate(parts, 1)),
        str(table.get("otherwise", "Done.")),
    )


def choose(script: Script, ask: Ask) -> Turn:
    """Return the turn that answers a request.

    Agents make side calls of their own that ask for JSON of a shape (Gemini CLI picks a model by
    one) and try again for minutes when the answer is anything else: prose in a script is not meant
    for them, and what no part answers gets the smallest value of that shape.
    """
    for part in script.parts:
        if _fits(part, ask):
            number = _turn_of(part, ask)
            turn = part.turns[number] if number < len(part.turns) else Turn(script.otherwise)
            if _has_shape(turn, ask):
                return turn
    last = Turn(script.otherwise)
    return last if _has_shape(last, ask) else Turn(json.dumps(smallest(ask.shape or {})))


def _has_shape(turn: Turn, ask: Ask) -> bool:
    return ask.shape is None or turn.fault is not None or _is_json(turn.say)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _turn_of(part: Part, ask: Ask) -> int:
    if not part.by_words:
        return ask.turn
    return sum(bool(turn.say) and turn.say in ask.text for turn in part.turns)


def answer(turn: Turn, ask: Ask) -> Reply:
    """Make the reply of a turn, with calls of the tools that the client offers."""
    seed = digest_bytes(f"{ask.protocol}\0{ask.model}\0{ask.turn}\0{ask.text}".encode())
    name = seed.removeprefix("sha256:")[:24]
    said, calls = [turn.say] if turn.say else [], []
    for number, act in enumerate(turn.acts):
        call = _call(act, ask.tools, call_id(ask.turn, name, number))
        if call is None:
            said.append(_in_words(act))
        else:
            calls.append(call)
    text = "\n\n".join(said)
    written = len(text) + sum(len(json.dumps(dict(call.arguments))) + 20 for call in calls)
    return Reply(name, ask.model, text, tuple(calls), Usage(tokens(ask.text), 1 + written // 4))


def tokens(text: str) -> int:
    """Count tokens as the twin bills them: a quarter of the characters, at least one."""
    return 1 + len(text) // 4


def _fits(part: Part, ask: Ask) -> bool:
    return (
        fnmatchcase(ask.model, part.model)
        and (not part.needs_tools or bool(ask.tools))
        and all(text in ask.text for text in part.contains)
        and not any(text in ask.text for text in part.lacks)
    )


def _call(act: Act, tools: Sequence[Tool], name: str) -> ToolCall | None:
    if act.kind == "tool":
        return ToolCall(name, act.name, dict(act.arguments))
    if act.kind == "write":
        writer = _find(tools, _WRITERS)
        if writer is not None:
            return ToolCall(name, writer.name, _write_arguments(writer, act))
    shell = _find(tools, _SHELLS)
    if shell is None:
        return None
    return ToolCall(name, shell.name, _shell_arguments(shell, command_of(act)))


def _find(tools: Sequence[Tool], names: Sequence[str]) -> Tool | None:
    by_name = {tool.name.lower().rpartition("__")[2]: tool for tool in tools}
    return next((by_name[name] for name in names if name in by_name), None)


def command_of(act: Act) -> str:
    """Return the shell command that does an act."""
    if act.kind == "bash":
        return act.text
    folder = shlex.quote(act.path.rpartition("/")[0] or ".")
    return f"mkdir -p {folder} && cat > {shlex.quote(act.path)} <<'END_OF_FILE'\n{act.text}" + (
        "END_OF_FILE" if act.text.endswith("\n") else "\nEND_OF_FILE"
    )


def _shell_arguments(tool: Tool, command: str) -> Mapping[str, Any]:
    properties = _properties(tool)
    key = next((name for name in ("command", "cmd", "script") if name in properties), "command")
    kind = properties.get(key, {}).get("type", "string")
    value: Any = ["bash", "-lc", command] if kind == "array" else command
    arguments = {key: value}
    for name in tool.schema.get("required", ()):
        if name not in arguments:
            arguments[name] = _filler(properties.get(name, {}))
    return arguments


def _write_arguments(tool: Tool, act: Act) -> Mapping[str, Any]:
    properties = _properties(tool)
    path = next(
        (name for name in ("file_path", "filePath", "path", "filename") if name in properties),
        "path",
    )
    body = next((name for name in ("content", "contents", "text") if name in properties), "content")
    shown = act.path if path == "path" or act.path.startswith("/") else f"/work/{act.path}"
    return {path: shown, body: act.text}


def _properties(tool: Tool) -> Mapping[str, Any]:
    found = tool.schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _filler(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    return {"boolean": False, "integer": 1, "number": 1, "array": [], "object": {}}.get(
        str(schema.get("type", "string")), "scripted step"
    )


def _in_words(act: Act) -> str:
    """Write an act for a client that offers no tools and reads text."""
    if act.kind == "write":
        body = act.text if act.text.endswith("\n") else act.text + "\n"
        return f"{act.path}\n```\n<<<<<<< SEARCH\n=======\n{body}>>>>>>> REPLACE\n```"
    return f"```bash\n{command_of(act)}\n```"


def _part(table: Any, source: str) -> Part:
    if not isinstance(table, Mapping):
        raise _wrong(source, "it is not a table")
    _known(table, {"when", "turns"}, source)
    when = table.get("when", {})
    _known(when, {"contains", "lacks", "model", "tools", "by_words"}, f"{source}: when")
    return Part(
        turns=tuple(
            _turn(turn, f"{source}, turn {n}") for n, turn in enumerate(table.get("turns", ()), 1)
        ),
        contains=_texts(when.get("contains", ())),
        lacks=_texts(when.get("lacks", ())),
        model=str(when.get("model", "*")),
        needs_tools=bool(when.get("tools", False)),
        by_words=bool(when.get("by_words", False)),
    )


def _turn(table: Any, source: str) -> Turn:
    if isinstance(table, str):
        return Turn(table)
    if not isinstance(table, Mapping):
        raise _wrong(source, "a turn is a text or a table")
    _known(table, {"say", "do", "fault", *_ACTS}, source)
    acts = [{name: table[name]} for name in ("bash", "write", "tool") if name in table]
    acts += list(table.get("do", ()))
    fault = table.get("fault")
    if fault is not None:
        _known(fault, {"status", "retry_after_s", "times", "cut", "garbage", "delay_s"}, source)
    return Turn(
        say=str(table.get("say", "")),
        acts=tuple(_act(act, source) for act in acts),
        fault=None if fault is None else Fault(**fault),
    )


def _act(table: Any, source: str) -> Act:
    if not isinstance(table, Mapping) or len(table) != 1 or not set(table) <= _ACTS:
        raise _wrong(source, f"an act is one of {', '.join(sorted(_ACTS))}")
    ((kind, value),) = table.items()
    if kind == "bash":
        return Act("bash", str(value))
    if kind == "write":
        return Act("write", str(value["text"]), path=str(value["path"]))
    return Act("tool", name=str(value["name"]), arguments=dict(value.get("arguments", {})))


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _known(table: Mapping[str, Any], names: set[str] | frozenset[str], source: str) -> None:
    for name in table:
        if name not in names:
            raise _wrong(source, f"unknown key {name!r}; known: {', '.join(sorted(names))}")


def _wrong(source: str, why: str) -> InvalidInput:
    return InvalidInput(
        "MOD-201",
        f"{source} is not a script of the model twin: {why}.",
        "what the twin answers must be written down exactly.",
        "see docs/reference/model-twin.md.",
    )
