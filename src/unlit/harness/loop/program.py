"""The own loop, as it runs inside the fence. It imports nothing of unlit.

Where UNLIT_CONTEXT_URL names an MCP server, its tools are the model's too, named context_*.

Takes the model as its first argument, and JSON lines on standard input: first ``{"brief",
"replies", "heard", "hooks"}``, later ``{"say": {"id", "text"}}`` from people and ``{"kept": n}``
from the factory. Works with five tools in the current folder; prints JSON lines ``{"kind", "text",
"data"}``. Its model calls go to the vendor's name and through the gateway like any agent's.

Each model reply is handed out and acknowledged before it is acted on. Replies of an earlier attempt
come back with the brief: they are taken in order instead of calling the model, and the tools run
again, so that a turn that was killed stands where it was and nothing is paid twice.
"""

import asyncio
import json
import os
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

MOST_STEPS = 500
KEPT = 16_000
HOOK_S = 60
URL = "UNLIT_CONTEXT_URL"
WHOLE_TURNS = 12
MOST_TURNS = 36
MOST_CHARACTERS = 400_000
MOST_STORY = 30_000
MOST_MATCHES = 300
FOREIGN = frozenset({".git", "node_modules", ".venv", "__pycache__", "target"})
INSTRUCTIONS = (
    "You are a careful software engineer. Work in the current folder with the tools given. "
    "Read before you change. Keep changes small. Run the project's own tests when there are any. "
    "When everything asked for is done, answer with one short paragraph and call no tool."
)
ROOT = Path.cwd().resolve()


def say(kind: str, text: str = "", **data: Any) -> None:
    """Print one event."""
    sys.stdout.write(json.dumps({"kind": kind, "text": text[:2000], "data": data}) + "\n")
    sys.stdout.flush()


def cut(text: str, limit: int = KEPT) -> str:
    """Keep the beginning and the end of a long text, and say what was left out."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - limit} characters left out …\n{text[-half:]}"


def inside(path: str) -> Path:
    """Return a path in the workspace; a path that leads out of it is refused."""
    found = (ROOT / path).resolve()
    if not found.is_relative_to(ROOT):
        raise ValueError(f"{path} is outside the workspace")
    return found


async def bash(command: str, timeout_s: int = 300) -> str:
    """Run a shell command in the workspace and return its output and exit code."""
    say("tool", f"bash {command}", name="bash")
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        command,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"exit code: timed out after {timeout_s} s"
    return f"{cut(output.decode(errors='replace'))}\nexit code: {process.returncode}"


async def read(path: str, first_line: int = 1, lines: int = 400) -> str:
    """Read lines of a file; each is shown with its number."""
    say("tool", f"read {path}", name="read")
    text = inside(path).read_text(encoding="utf-8", errors="replace").splitlines()
    start = max(0, first_line - 1)
    part = text[start : start + lines]
    shown = "\n".join(f"{start + n:5} {line}" for n, line in enumerate(part, 1))
    return cut(shown) or f"{path} has {len(text)} lines"


async def search(pattern: str, path: str = ".") -> str:
    """Search files for a regular expression; returns path, line and text of each match."""
    say("tool", f"search {pattern}", name="search")
    return await asyncio.to_thread(matches, re.compile(pattern), await listed(inside(path)))


async def listed(place: Path) -> list[Path]:
    """List what git would show of a folder, or all of it but what tools put there."""
    git = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*git, cwd=place, stdout=pipe, stderr=none)
    except OSError:  # a file, or a machine without git
        return await asyncio.to_thread(walked, place)
    output, _ = await process.communicate()
    if process.returncode != 0:
        return await asyncio.to_thread(walked, place)
    return sorted(place / os.fsdecode(name) for name in set(output.split(b"\0")) if name)


def walked(place: Path) -> list[Path]:
    """List a folder's files without git's help; a file is listed alone."""
    found = [place] if place.is_file() else []
    for here, folders, files in os.walk(place):
        folders[:] = [name for name in folders if name not in FOREIGN]
        found += [Path(here, name) for name in files]
    return sorted(found)


def matches(wanted: re.Pattern[str], files: list[Path]) -> str:
    """Search files line by line; big ones and what is no file are left out."""
    found: list[str] = []
    for file in files:
        if not file.is_file() or file.stat().st_size > 2_000_000:
            continue
        text = file.read_text(encoding="utf-8", errors="ignore")
        for number, line in enumerate(text.splitlines(), 1):
            if wanted.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:200]}")
        if len(found) > MOST_MATCHES:
            found[MOST_MATCHES:] = ["… and more: search a folder, or for something rarer"]
            break
    return cut("\n".join(found)) or "nothing found"


async def edit(path: str, old: str, new: str) -> str:
    """Replace a text that occurs exactly once in a file."""
    say("tool", f"edit {path}", name="edit", paths=[path])
    file = inside(path)
    text = file.read_text(encoding="utf-8")
    count = text.count(old)
    if count != 1:
        return f"not changed: the old text occurs {count} times in {path}"
    file.write_text(text.replace(old, new), encoding="utf-8")
    return f"changed {path}"


async def write(path: str, text: str) -> str:
    """Write a whole file; folders are made."""
    say("tool", f"write {path}", name="write", paths=[path])
    file = inside(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return f"wrote {path}, {len(text)} characters"


def ask_server(url: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Ask an MCP server that answers each request alone, in JSON."""
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    kinds = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    request = urllib.request.Request(url, json.dumps(call).encode(), kinds)  # noqa: S310 # the factory's own URL
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 # the factory's own URL
        result: dict[str, Any] = json.load(answer).get("result") or {}
    return result


def context_tools(url: str) -> list[Any]:
    """Return the tools of the factory's MCP server; none, with a word, where it does not answer."""
    from pydantic_ai import Tool

    def made(row: dict[str, Any]) -> Any:
        async def call(**given: Any) -> str:
            say("tool", f"context {row['name']} {json.dumps(given)}", name=f"context_{row['name']}")
            asked = {"name": row["name"], "arguments": given}
            try:
                found = await asyncio.to_thread(ask_server, url, "tools/call", asked)
            except (OSError, ValueError) as error:
                return f"failed: {error}"
            return cut("\n".join(str(part.get("text", "")) for part in found.get("content") or ()))

        return Tool.from_schema(
            call, f"context_{row['name']}", row.get("description", ""), row["inputSchema"]
        )

    try:
        return [made(row) for row in ask_server(url, "tools/list", {}).get("tools") or ()]
    except (OSError, ValueError) as error:
        say("error", f"the context tools do not answer: {error}")
        return []


def weight(message: Any) -> int:
    """Return how many characters a message holds, about."""
    return sum(
        len(str(getattr(part, "content", getattr(part, "args", "")))) for part in message.parts
    )


class Folding:
    """Tells old turns in short, so that a step costs the same however many came before it.

    It folds many turns at once and then none for a while: what a provider has cached of the
    conversation stays as it is in between. What was asked, first and later, stays word for word.
    """

    def __init__(self) -> None:
        self._asked: list[Any] = []
        self._told: list[tuple[str, str]] = []

    async def fold(self, messages: list[Any]) -> list[Any]:
        """Return the conversation for the next model call; what was folded stays folded."""
        from dataclasses import replace

        turns = [n for n, message in enumerate(messages) if message.kind == "response"]
        if len(turns) <= MOST_TURNS and sum(map(weight, messages)) <= MOST_CHARACTERS:
            return messages
        kept = turns[-WHOLE_TURNS:]
        while len(kept) > 2 and sum(map(weight, messages[kept[0] :])) > MOST_CHARACTERS // 2:
            kept = kept[len(kept) // 2 :]
        self._asked = self._asked or list(messages[0].parts)
        self._take(messages[1 : kept[0]])
        return [replace(messages[0], parts=[*self._asked, self._story()]), *messages[kept[0] :]]

    def _take(self, messages: list[Any]) -> None:
        """Take messages into the story; people's words are taken whole."""
        returned = {
            part.tool_call_id: str(part.content)
            for message in messages
            for part in message.parts
            if part.part_kind in ("tool-return", "retry-prompt")
        }
        for part in (part for message in messages for part in message.parts):
            if part.part_kind == "user-prompt":
                self._asked.append(part)
            elif part.part_kind == "text" and part.content.strip():
                self._told.append((f"You said: {cut(part.content.strip(), 300)}", ""))
            elif part.part_kind == "tool-call":
                called = f"{part.tool_name} {cut(part.args_as_json_str(), 200)}"
                result = cut(returned.get(part.tool_call_id, "").strip(), 300)
                self._told.append((called, f" -> {result}"))

    def _story(self) -> Any:
        """Return the story: the newest with what came of it, older by name, the oldest not."""
        from pydantic_ai.messages import UserPromptPart

        lines: list[str] = []
        room = MOST_STORY
        for what, result in reversed(self._told):
            lines.append(what + result if room > MOST_STORY // 2 else what)
            room -= len(lines[-1])
            if room < 0:
                lines[-1] = f"({len(self._told) - len(lines) + 1} earlier things left out)"
                break
        head = "What you did before, in short. Read a file again before you rely on what it held."
        return UserPromptPart("\n".join((head, *reversed(lines))))


class Line:
    """The way to the factory: what it said first, what people say, what it has kept."""

    def __init__(self, first: dict[str, Any]) -> None:
        self.brief = str(first["brief"])
        self.replies = [str(body) for body in first.get("replies") or ()]
        self.known = [dict(word) for word in first.get("heard") or ()]
        self.waiting: list[dict[str, Any]] = []
        self.hooks = {str(k): str(v) for k, v in (first.get("hooks") or {}).items()}
        self._kept: dict[int, asyncio.Event] = {}
        self.step = 0

    def take(self, told: dict[str, Any]) -> None:
        """Take one line."""
        if "say" in told:
            self.waiting.append(dict(told["say"]))
        elif "kept" in told:
            self._kept.setdefault(int(told["kept"]), asyncio.Event()).set()

    def words(self) -> list[dict[str, Any]]:
        """Return what is to be said before the next model call."""
        due = [word for word in self.known if int(word["step"]) <= self.step + 1]
        self.known = [word for word in self.known if word not in due]
        if self.step >= len(self.replies):  # what people say now comes after what was lived through
            due += self.waiting
            self.waiting = []
        return due

    async def keep(self, number: int, body: str) -> None:
        """Hand a reply out and wait until the factory has it."""
        kept = self._kept.setdefault(number, asyncio.Event())
        line = json.dumps({"kind": "reply", "text": "", "data": {"n": number, "body": body}})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        await kept.wait()


async def listen(line: Line, reader: asyncio.StreamReader) -> None:
    """Take lines until there are no more."""
    while text := await reader.readline():
        line.take(json.loads(text))


def remembering(model: str, line: Line) -> Any:
    """Return a model that takes known replies first, and hands out each new one."""
    from pydantic_ai.messages import ModelMessagesTypeAdapter
    from pydantic_ai.models.wrapper import WrapperModel

    class Remembering(WrapperModel):  # type: ignore[misc] # untyped where it is not installed
        async def request(self, *words: Any, **named: Any) -> Any:
            line.step += 1
            number = line.step
            if number <= len(line.replies):
                return ModelMessagesTypeAdapter.validate_json(line.replies[number - 1])[0]
            say("asking")
            made = await super().request(*words, **named)
            await line.keep(number, ModelMessagesTypeAdapter.dump_json([made]).decode())
            return made

    return Remembering(model)


async def converse(agent: Any, line: Line) -> Any:
    """Let the agent work; what people say reaches it before its next model call, or after its last.

    Returns:
        The agent's result.
    """
    from pydantic_ai import UsageLimits

    limits = UsageLimits(request_limit=MOST_STEPS)
    text, history = line.brief, None
    while True:
        async with agent.iter(text, message_history=history, usage_limits=limits) as run:
            async for node in run:
                for word in () if agent.is_end_node(node) else line.words():
                    run.enqueue(spoken(word, line), priority="asap")
        late = line.words()
        if not late:
            return run.result
        text = "\n".join(spoken(word, line) for word in late)
        history = run.result.all_messages()


def spoken(word: dict[str, Any], line: Line) -> str:
    """Return what the model reads of a person's words, and say that it was said."""
    say("heard", str(word["text"]), id=word["id"], step=line.step + 1)
    return f"A person who watches your work says: {word['text']}"


async def hook(command: str, phase: str, told: dict[str, Any]) -> int:
    """Run one of the line's tool hooks; it reads the call as JSON and in its environment."""
    process = await asyncio.create_subprocess_exec(
        "env",
        f"TOOL_NAME={told['tool_name']}",
        f"TOOL_PHASE={phase}",
        "sh",
        "-c",
        command,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = b""
    try:
        async with asyncio.timeout(HOOK_S):
            output, _ = await process.communicate(json.dumps(told).encode())
        code = process.returncode or 0
    except TimeoutError:
        process.kill()
        await process.wait()
        code = 124
    except (BrokenPipeError, ConnectionResetError, RuntimeError):  # it did not read the call
        code = await process.wait()
    if code != 0:
        words = output.decode(errors="replace").strip()[-200:]
        say("hook", f"{phase} hook of {told['tool_name']} ended with {code}: {words}", code=code)
    return code


async def hooked(line: Line, tool: Any, words: dict[str, Any]) -> str:
    """Call a tool between the line's hooks: a `pre` that fails refuses the call, a `post` looks."""
    told: dict[str, Any] = {"tool_name": tool.__name__, "tool_input": words}
    if pre := line.hooks.get("pre"):
        code = await hook(pre, "pre", told)
        if code != 0:
            return f"not called: a hook of the line refused it (exit code {code})"
    try:
        result: str = await tool(**words)
    except (OSError, ValueError, re.error) as error:
        result = f"failed: {error}"
    if post := line.hooks.get("post"):
        await hook(post, "post", {**told, "tool_response": result})
    return result


async def work(model: str, line: Line) -> int:
    """Do the work; return the exit code."""
    from pydantic_ai import Agent
    from pydantic_ai.capabilities import Caching, ProcessHistory

    agent: Any = Agent(
        remembering(model, line),
        instructions=INSTRUCTIONS,
        capabilities=[ProcessHistory(Folding().fold), Caching()],
        retries=3,
        tools=await asyncio.to_thread(context_tools, url) if (url := os.getenv(URL)) else [],
    )

    async def _bash(command: str, timeout_s: int = 300) -> str:
        """Run a shell command in the workspace and return its output and exit code."""
        return await hooked(line, bash, {"command": command, "timeout_s": timeout_s})

    async def _read(path: str, first_line: int = 1, lines: int = 400) -> str:
        """Read lines of a file; each is shown with its number."""
        return await hooked(line, read, {"path": path, "first_line": first_line, "lines": lines})

    async def _search(pattern: str, path: str = ".") -> str:
        """Search files for a regular expression; returns path, line and text of each match."""
        return await hooked(line, search, {"pattern": pattern, "path": path})

    async def _edit(path: str, old: str, new: str) -> str:
        """Replace a text that occurs exactly once in a file."""
        return await hooked(line, edit, {"path": path, "old": old, "new": new})

    async def _write(path: str, text: str) -> str:
        """Write a whole file; folders are made."""
        return await hooked(line, write, {"path": path, "text": text})

    for name, tool in (
        ("bash", _bash),
        ("read", _read),
        ("search", _search),
        ("edit", _edit),
        ("write", _write),
    ):
        agent.tool_plain(name=name)(tool)
    say("started", model)
    try:
        done = await converse(agent, line)
    except Exception as error:  # the loop ends with a sentence, whatever the SDK raised
        say("error", f"{type(error).__name__}: {str(error)[:500]}")
        return 1
    used = done.usage if hasattr(done.usage, "input_tokens") else done.usage()
    say(
        "usage",
        usage={"input_tokens": used.input_tokens, "output_tokens": used.output_tokens},
        steps=used.requests,
    )
    say("text", str(done.output))
    return 0


async def main(model: str) -> int:
    """Read what the factory says first, then work."""
    reader = asyncio.StreamReader(limit=256 * 1024 * 1024)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    line = Line(json.loads(await reader.readline()))
    listening = asyncio.ensure_future(listen(line, reader))
    try:
        return await work(model, line)
    finally:
        listening.cancel()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
