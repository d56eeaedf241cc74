"""Golden scenarios: what a previous system does, recorded; volatile parts are left out by rule.

The first oracle of all: what people already rely on.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from unlit.evaluation.interchange.imported import Imported, Terms, slug

VOLATILE: Final[Mapping[str, "re.Pattern[str]"]] = {
    "time": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"),
    "uuid": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I),
    "digest": re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{24,64}\b"),
    "duration": re.compile(r"\b\d+(\.\d+)? ?(ms|s|seconds|µs)\b"),
    "address": re.compile(r"0x[0-9a-f]{6,16}"),
}
VOLATILE_KEYS: Final = re.compile(
    r"(^|_)(id|uuid|ts|time|timestamp|date|created|updated|etag|token|nonce|duration)(_at|_ms)?$"
    r"|([Cc]reated|[Uu]pdated|[Mm]odified)(At|Time|On)?$"
)


def volatile_in(text: str) -> list[str]:
    """Return the names of the volatile kinds in `text`."""
    return [name for name, pattern in VOLATILE.items() if pattern.search(text)]


def expectation(text: str, again: str, *, once: bool = False) -> dict[str, Any]:
    """Return what a text must be: exact where two runs agree, by its stable parts where not.

    Args:
        text: From the first run.
        again: From a second run of the same input.
        once: There was one run only: members named like an id or a time are left out too.
    """
    if text == again and not volatile_in(text) and not (once and _names_volatile(text)):
        return {"equals": text.removesuffix("\n")}
    try:
        first, second = json.loads(text), json.loads(again)
    except ValueError:
        return _by_pattern(text, again)
    return {"at": dict(_stable(first, second, ""))} if isinstance(first, dict | list) else {}


def _names_volatile(text: str) -> bool:
    """Say whether a JSON text has a member named like something that changes from run to run."""
    try:
        waiting = [json.loads(text)]
    except ValueError:
        return False
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if any(VOLATILE_KEYS.search(str(key)) for key in value):
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _stable(first: Any, second: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield path and condition of every leaf that two runs agree on."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in first:
            inner = f"{path}.{key}" if path else str(key)
            if "." in str(key):
                continue
            if key not in second or VOLATILE_KEYS.search(str(key)):
                yield inner, {"any": True}
            else:
                yield from _stable(first[key], second[key], inner)
    elif isinstance(first, list) and isinstance(second, list):
        if path:
            yield path, {"count": len(first)}
        for n, (one, other) in enumerate(zip(first, second, strict=False)):
            yield from _stable(one, other, f"{path}.{n}" if path else str(n))
    elif first == second and not (isinstance(first, str) and volatile_in(first)):
        yield path, first if first is not None else {"type": "null"}
    elif path:
        yield path, {"any": True}


def _by_pattern(text: str, again: str) -> dict[str, Any]:
    lines = []
    for line, other in zip(text.splitlines(), again.splitlines(), strict=False):
        lines.append(_line_pattern(line, same=line == other))
    if len(text.splitlines()) != len(again.splitlines()):
        return {"contains": [line for line in text.splitlines() if line and line in again]}
    return {"matches": "\\A" + "\\n".join(lines) + "\\n?\\Z"}


def _line_pattern(line: str, *, same: bool) -> str:
    if not same and not volatile_in(line):
        return ".*"
    escaped = re.escape(line)
    for pattern in VOLATILE.values():
        for found in sorted({m[0] for m in pattern.finditer(line)}, key=len, reverse=True):
            escaped = escaped.replace(re.escape(found), ".+?")
    return escaped


def golden_cli(
    argv: Sequence[str],
    runs: Sequence[tuple[int, str, str]],
    terms: Terms,
    *,
    stdin: str = "",
    files: Mapping[str, str] | None = None,
    left: Mapping[str, tuple[str, str]] | None = None,
) -> Imported:
    """Return the golden scenario of one command of the previous system.

    Args:
        argv: The words after the command itself.
        runs: Exit code, standard output and standard error of two runs.
        terms: Owner, criterion and the like.
        stdin: What it read.
        files: Files that it was given by name.
        left: Files that it made or changed, with their text after each run.
    """
    (code, out, err), (_, out_again, err_again) = runs[0], runs[-1]
    step: dict[str, Any] = {"run": list(argv)}
    if stdin:
        step["stdin"] = stdin
    checks: list[dict[str, Any]] = [{"exit": code}]
    for name, first, second in (("stdout", out, out_again), ("stderr", err, err_again)):
        expected = expectation(first, second)
        if expected and (first or name == "stdout"):
            checks.append({name: expected})
    for path, (text, again) in sorted((left or {}).items()):
        expected = expectation(text, again)
        if expected:
            checks.append({"file": {path: expected}})
    story = f"`{' '.join(argv) or 'no argument'}` does what the previous system did."
    return _golden(
        f"golden-{slug(' '.join(argv)) if argv else 'plain'}",
        story,
        [{"cli": step}],
        checks,
        terms,
        files,
    )


def golden_http(har: Mapping[str, Any], terms: Terms) -> list[Imported]:
    """Return one golden scenario for each exchange of an HTTP archive (HAR)."""
    found: list[Imported] = []
    for number, entry in enumerate(har.get("log", {}).get("entries", ()), 1):
        request, response = entry["request"], entry["response"]
        method = str(request["method"]).upper()
        if method not in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            continue
        path = re.sub(r"^https?://[^/]+", "", str(request["url"])) or "/"
        step: dict[str, Any] = {method: path}
        post = request.get("postData", {}).get("text")
        if post:
            step |= _payload(post)
        kept = {h["name"].lower(): h["value"] for h in request.get("headers", ())
                if h["name"].lower() in ("accept", "accept-language")}  # fmt: skip
        if kept:
            step["headers"] = kept
        checks: list[dict[str, Any]] = [{"status": int(response["status"])}]
        content = response.get("content", {})
        body = "" if content.get("encoding") == "base64" else content.get("text") or ""
        expected = expectation(body, body, once=True) if body else {}
        if expected:
            checks.append({"body": expected})
        story = f"{method} {path} is answered as the previous system answered it."
        name = f"golden-{number}-{slug(f'{method} {path}')}"
        found.append(_golden(name, story, [{"http": step}], checks, terms))
    return found


def _payload(text: str) -> dict[str, Any]:
    try:
        return {"json": json.loads(text)}
    except ValueError:
        return {"body": text}


def _golden(
    name: str,
    story: str,
    steps: list[dict[str, Any]],
    checks: list[dict[str, Any]],
    terms: Terms,
    files: Mapping[str, str] | None = None,
) -> Imported:
    table = {
        "id": name[:80].rstrip("-"),
        "story": story,
        "criterion": [terms.criterion],
        **terms.about,
        "partition": terms.partition,
        "oracle": "golden",
        "author": {"by": "tool", "name": "record"},
        "owner": terms.owner,
        "because": terms.because,
        **({"given": {"files": dict(files)}} if files else {}),
        "when": steps,
        "then": checks,
    }
    return Imported(table, "a recording of the previous system")
