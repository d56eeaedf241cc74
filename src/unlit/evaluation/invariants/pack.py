"""The pack as data: what is tried, and which rule it speaks for. Pure.

Version and date are part of every result: the pack was written before any spec that it judges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

VERSION: Final = "safety-pack/1"
DATE: Final = "2026-11-25"

_DEEP: Final = "[" * 20_000 + "]" * 20_000
_HUGE: Final = '{"n": ' + "9" * 400 + "}"


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that is done to the product.

    Attributes:
        veto: Rules that must not be broken; breaking one stops the candidate.
        note: Rules whose breaking is only said: good programs may differ.
    """

    name: str
    step: Mapping[str, Any]
    veto: tuple[str, ...] = ("traceback", "crash", "hang", "secret", "flood")
    note: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


_ELSEWHERE: Final = {"LC_ALL": "C", "LANG": "C", "TZ": "Asia/Kathmandu",
                     "PYTHONIOENCODING": "ascii"}  # fmt: skip

_NO_HANG: Final = ("traceback", "crash", "secret", "flood")
# Without arguments a good program may go on for as long as it is meant to.

CLI: Final[Sequence[Trial]] = (
    Trial("help", {"run": ["--help"]}, note=("exit-zero",)),
    Trial("unknown-flag", {"run": ["--no-such-flag-4711"]}, note=("exit-not-zero", "says-why")),
    Trial("unknown-command", {"run": ["no-such-command-4711"]}, note=("exit-not-zero",)),
    Trial("no-arguments", {"run": []}, _NO_HANG, ("hang",)),
    Trial("missing-file", {"run": ["/nonexistent/file-4711"]}, note=("exit-not-zero",)),
    Trial("empty-argument", {"run": [""]}),
    Trial("long-argument", {"run": ["x" * 100_000]}),
    Trial("awkward-argument", {"run": ["$(id)`id`;|&<>\n\t\u202e\u2028名前🦊'\""]}),
    Trial("binary-stdin", {"run": [], "binary": True}, _NO_HANG, ("hang",)),
    Trial("long-line-stdin", {"run": [], "stdin": "x" * 2_000_000}, _NO_HANG, ("hang",)),
    Trial("other-locale", {"run": ["--help"], "env": _ELSEWHERE}),
    Trial("closed-stdout", {"shell_after": ["--help"], "redirect": ">&-"}, veto=("crash", "hang")),
    Trial("same-twice", {"run": ["--help"]}, note=("same-output",), options={"twice": True}),
)  # fmt: skip

_JSON: Final = {"content-type": "application/json"}
HTTP: Final[Sequence[Trial]] = tuple(
    Trial(
        name,
        step,
        veto=(
            "server-error",
            "traceback",
            "secret",
            "hang",
            "down",
            *(("changes",) if safe else ()),
        ),
        note=note,
    )
    for name, step, safe, note in (
        ("get-repeats", {"GET": "{path}"}, True, ()),
        ("head", {"HEAD": "{path}"}, True, ()),
        ("broken-json", {"POST": "{path}", "body": '{"a": ', "headers": _JSON}, False, ("4xx",)),
        (
            "wrong-type",
            {"POST": "{path}", "body": "<a/>", "headers": {"content-type": "text/xml"}},
            False,
            ("4xx",),
        ),
        ("no-body", {"POST": "{path}", "headers": _JSON}, False, ()),
        ("json-is-a-list", {"POST": "{path}", "body": "[1, 2]", "headers": _JSON}, False, ()),
        ("json-is-null", {"POST": "{path}", "body": "null", "headers": _JSON}, False, ()),
        ("deep-json", {"POST": "{path}", "body": _DEEP, "headers": _JSON}, False, ()),
        ("huge-number", {"POST": "{path}", "body": _HUGE, "headers": _JSON}, False, ()),
        (
            "duplicate-keys",
            {"POST": "{path}", "body": '{"a": 1, "a": 2}', "headers": _JSON},
            False,
            (),
        ),
        ("not-utf-8", {"POST": "{path}", "body": "\udcff\udcfe", "headers": _JSON}, False, ()),
        (
            "markers",
            {"POST": "{path}", "json": {"a": "{{7*7}}${7*7}' OR '1'='1;$(id)<script>"}},
            False,
            (),
        ),
        ("traversal", {"GET": "{path}/../../../../../../etc/passwd"}, True, ()),
        ("encoded-traversal", {"GET": "{path}/%2e%2e%2f%2e%2e%2fetc%2fpasswd"}, True, ()),
        ("nul-in-path", {"GET": "{path}%00"}, True, ()),
        ("newline-in-path", {"GET": "{path}%0d%0aX-Injected:%20yes"}, True, ()),
        ("long-path", {"GET": "{path}/" + "x" * 8000}, True, ()),
        ("long-query", {"GET": "{path}?q=" + "x" * 8000}, True, ()),
        ("unknown-path", {"GET": "/no-such-path-4711"}, True, ("404",)),
        ("options", {"OPTIONS": "{path}"}, True, ()),
    )
)

SENTENCES: Final[Mapping[str, str]] = {
    "traceback": "shows a stack trace",
    "crash": "dies by a signal",
    "hang": "does not answer in its time",
    "secret": "shows its credential",
    "flood": "prints without end",
    "server-error": "answers 5xx",
    "down": "does not answer any more afterwards",
    "changes": "changes something on a request that must not",
    "exit-zero": "does not exit with 0",
    "exit-not-zero": "exits with 0 on a mistake",
    "says-why": "says nothing on standard error about a mistake",
    "same-output": "prints something else the second time",
    "4xx": "accepts what makes no sense",
    "404": "does not answer 404 to an unknown path",
    "contract": "does not keep the contract that it publishes",
    "defect": "raises an error that only a defect raises",
    "undocumented-error": "raises an error that its documentation does not name",
    "mutates-argument": "changes an argument that it was given",
    "no-import": "cannot be imported",
    "work-at-import": "does work when it is imported",
    "uncaught": "leaves an error uncaught on its page",
    "console-error": "writes an error to the browser's console",
    "script": "executes a script that was given to it as text",
}


SCHEMATHESIS: Final = Trial("schemathesis", {}, veto=("server-error", "down"), note=("contract",))
HYPOTHESIS: Final = Trial(
    "hypothesis", {}, veto=("defect", "crash", "hang"),
    note=("undocumented-error", "mutates-argument", "no-import", "work-at-import"),
)  # fmt: skip
PAGE: Final = Trial("page", {}, veto=("uncaught", "script", "hang"), note=("console-error",))


def trials_for(kind: str) -> Sequence[Trial]:
    """Return the pack for one kind of product; empty where there is none."""
    if kind == "cli":
        return CLI
    return HTTP if kind in ("http", "web") else ()
