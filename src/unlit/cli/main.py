"""Entry point: one lazy table of commands, one place where errors become exit codes."""

import json
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO, cast

from unlit import __version__
from unlit.cli.inert_output import InertOutput
from unlit.core.errors import UnlitError

if TYPE_CHECKING:
    import cyclopts

_PLAIN: Final = re.compile(r"Unused Tokens: \[(.*)\]\.?")
EXIT_USAGE: Final = 2
EXIT_BUG: Final = 70
EXIT_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the command table; `target` is imported only when the command is called."""

    name: str
    target: str
    help: str


COMMANDS: Final[tuple[Command, ...]] = (
    Command(
        "demo", "unlit.cli.demo:app", "The whole factory on a built-in product, without a key."
    ),
    Command("init", "unlit.cli.init:app", "Make this repository a factory."),
    Command("run", "unlit.cli.run:run", "Build a spec: the whole line, from intent to the gate."),
    Command("resume", "unlit.cli.run:resume", "Go on with a run that stopped."),
    Command("rewind", "unlit.cli.run:rewind", "Do a run again from a stage on."),
    Command("steer", "unlit.cli.onward:steer", "Say something to the agent of a run."),
    Command("comment", "unlit.cli.onward:comment", "Ask a run at its end for another candidate."),
    Command("fork", "unlit.cli.onward:fork", "Begin a run that shares the past of another."),
    Command("runs", "unlit.cli.runs:runs", "List the runs."),
    Command("show", "unlit.cli.runs:show", "Show one run."),
    Command("replay", "unlit.cli.runs:replay", "Show again what a run did, from its record."),
    Command("cancel", "unlit.cli.runs:cancel", "End a run."),
    Command("pause", "unlit.cli.runs:pause", "Stop a run before its next step."),
    Command("review", "unlit.cli.review:app", "Read a run's outcome report."),
    Command("approve", "unlit.cli.approve:app", "Approve a run at its gate; it ships."),
    Command("reject", "unlit.cli.approve:reject_app", "Reject a run at its gate, with a reason."),
    Command(
        "ship", "unlit.cli.ship:app", "Merge an approved run, attest it, deploy it in a fence."
    ),
    Command("attest", "unlit.cli.attest:app", "Check who stands behind what was shipped."),
    Command("try", "unlit.cli.tryout:app", "Use a candidate yourself, against a fresh twin world."),
    Command("console", "unlit.cli.console:app", "The web console on loopback."),
    Command("evaluate", "unlit.cli.evaluate:app", "Grade a program against scenarios in a vault."),
    Command("scenarios", "unlit.cli.scenarios:app", "Lint, list and measure scenarios."),
    Command("intent", "unlit.cli.intent:app", "Lint specs and judge whether they are ready."),
    Command(
        "twins", "unlit.cli.twins:app", "Local twins of Okta, Jira, Slack, Docs, Drive and Sheets."
    ),
    Command("agents", "unlit.cli.agents:app", "Coding agents: list, check, install."),
    Command("fence", "unlit.cli.fence:app", "Run any command behind policy."),
    Command("context", "unlit.cli.context:app", "Trackers, documents and errors, in one place."),
    Command("watch", "unlit.cli.watch:app", "Did the metric move, and which errors are new?"),
    Command("hooks", "unlit.cli.hooks:app", "Lifecycle hooks: list them, tell them again."),
    Command("install", "unlit.cli.install:app", "Let a coding agent hand work to the factory."),
    Command("serve", "unlit.cli.serve:app", "Watch the tracker and build what is ready."),
    Command("worker", "unlit.cli.worker:app", "Work for the fleet: take runs from the queue."),
    Command("lines", "unlit.cli.lines:app", "Lines as graph files: list, lint, draw, trace."),
    Command(
        "cost", "unlit.cli.cost:app", "What was spent: by run, stage, agent, person, day, model."
    ),
    Command(
        "forecast", "unlit.cli.forecast:app", "Forecast runs, and learn how good forecasts are."
    ),
    Command("tasks", "unlit.cli.tasks:app", "Plan, look for bugs and weaknesses, by template."),
    Command("memory", "unlit.cli.memory:app", "Lessons that agents are told; curated by people."),
    Command("policy", "unlit.cli.policy:app", "Check, explain, test and compare policies."),
    Command("audit", "unlit.cli.audit:app", "Show, verify and export the audit log."),
    Command("diversity", "unlit.cli.diversity:app", "Measure what another model family is worth."),
    Command("doctor", "unlit.cli.doctor:app", "Say what works on this machine."),
    Command("config", "unlit.cli.config:app", "Show settings and where each came from."),
)


def build_app() -> "cyclopts.App":
    """Make the command tree without importing any command."""
    import cyclopts

    from unlit.cli.help_text import FlowingHelp

    app = cyclopts.App(
        name="unlit",
        help="The dark software factory you can check: who writes and who grades never meet.",
        version=f"unlit {__version__}",
        help_format="plaintext",
        help_formatter=FlowingHelp(),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for command in COMMANDS:
        app.command(command.target, name=command.name, help=command.help)
    return app


def overview() -> str:
    """Render the table of commands; by itself, so that help never waits for an import."""
    rows = "".join(f"  {command.name:<12} {command.help}\n" for command in COMMANDS)
    return (
        "Usage: unlit COMMAND [ARGUMENTS]\n\n"
        "The dark software factory you can check: who writes and who grades never meet.\n\n"
        f"Commands:\n{rows}\n"
        "`unlit COMMAND --help` says more. `unlit --version` prints the version.\n"
    )


def print_error(error: UnlitError) -> None:
    """Write one expected failure to stderr: what happened, why, what to do."""
    sys.stderr.write(f"{error.code} {_one_line(error.what)}\n")
    sys.stderr.write(f"  Why: {_one_line(error.why)}\n  Do:  {_one_line(error.remedy)}\n")


def _one_line(text: str) -> str:
    """Make text from anywhere inert on a terminal: control characters become visible."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def run(argv: Sequence[str]) -> int:
    """Run one command line.

    Args:
        argv: The words after the program's name.

    Returns:
        The exit code (docs/reference/exit-codes.md).
    """
    if not argv or list(argv) in (["--help"], ["-h"]):
        sys.stdout.write(overview())
        return 0
    import cyclopts  # who interrupts it is answered in `main`

    try:
        result = build_app()(list(argv))
    except UnlitError as error:
        print_error(error)
        return error.exit_code
    except cyclopts.CycloptsError as error:
        return _usage(error)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return _reader_went_away()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:  # the last line of defence: a bug of ours, said plainly
        return _bug(error)
    return _exit_code(result)


def _exit_code(result: Any) -> int:
    if isinstance(result, bool) or result is None:
        return 0
    if isinstance(result, int):
        return result
    sys.stdout.write(result if isinstance(result, str) else json.dumps(result))
    return 0


def _interrupted() -> int:
    sys.stderr.write("Interrupted. What was recorded stays; `unlit runs` shows it.\n")
    return EXIT_INTERRUPTED


def _too_many(found: "re.Match[str]") -> str:
    return f"There are more arguments than it takes: {found[1].replace(chr(39), '')}."


def _usage(error: "cyclopts.CycloptsError") -> int:
    text = _PLAIN.sub(_too_many, " ".join(str(error).split()))
    sys.stderr.write(f"CLI-001 {_one_line(text)}\n")
    sys.stderr.write("  Why: the command line does not fit the command.\n")
    sys.stderr.write("  Do:  see `unlit --help`, or `unlit COMMAND --help`.\n")
    return EXIT_USAGE


def _reader_went_away() -> int:
    # The reader of our output has gone (`unlit runs | head`); nothing is wrong on our side.
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 # for the exit
    return 0


def _bug(error: Exception) -> int:
    from unlit.wiring.bugs import write_bug_report

    path = write_bug_report("".join(traceback.format_exception(error)))
    sys.stderr.write(f"CLI-070 Unlit itself failed: {type(error).__name__}.\n")
    sys.stderr.write("  Why: this is our bug, not yours.\n")
    sys.stderr.write(f"  Do:  report it with the file {path}; nothing recorded is lost.\n")
    return EXIT_BUG


def _terminate(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Console-script entry point."""
    try:
        signal.signal(signal.SIGTERM, _terminate)
        if sys.stdout.isatty() and not {"--help", "-h"} & set(sys.argv):  # help has colours
            sys.stdout = cast("TextIO", InertOutput(sys.stdout))
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _interrupted()
    except BrokenPipeError:
        code = _reader_went_away()
    sys.exit(code)
