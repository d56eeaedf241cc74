"""Run the pack against a candidate in one fence and one world."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.evaluation.checks.never import Seen, broken
from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.checks.state import effects
from unlit.evaluation.grading import Slot
from unlit.evaluation.invariants.pack import (
    HYPOTHESIS,
    PAGE,
    SCHEMATHESIS,
    SENTENCES,
    VERSION,
    Trial,
    trials_for,
)
from unlit.evaluation.invariants.tools import (
    DOCUMENTS,
    Tried,
    is_openapi,
    try_library,
    try_schemathesis,
)
from unlit.evaluation.ports import Pool, WorldPlan
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.stage import Driver, Launch, NotExercised, ProductFailed, Stage
from unlit.evaluation.trajectory import Setting, environment

_TIMEOUT_S: Final = 15
_FLOOD: Final = 10_000_000
_MAX_PATHS: Final = 4
_READABLE: Final = 40
_LAST_SIGNAL: Final = 128 + 31
_SCRIPT: Final = "%3Cscript%3Ewindow.unlit_ran%3D4711%3C%2Fscript%3E"
_PASSWD: Final = re.compile(r"^root:[^:]*:0:0:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule that the candidate broke."""

    trial: str
    rule: str
    veto: bool
    about: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form; what was sent and answered stays in the evaluator's store."""
        return {
            "pack": VERSION,
            "trial": self.trial,
            "rule": self.rule,
            "veto": self.veto,
            "sentence": f"On `{self.trial}` the product {SENTENCES[self.rule]}{self._about}.",
        }

    @property
    def _about(self) -> str:
        return f" ({self.about})" if self.about else ""


@dataclass(frozen=True, slots=True)
class PackReport:
    """What the pack showed; `left_out` says which of its tools did nothing, and why."""

    tried: int
    broken: tuple[Broken, ...] = ()
    not_exercised: str | None = None
    left_out: tuple[str, ...] = ()

    @property
    def vetoes(self) -> tuple[str, ...]:
        """Return the broken rules that stop the candidate, by trial."""
        return tuple(f"{b.trial}/{b.rule}" for b in self.broken if b.veto)


async def run_pack(
    candidate: Path, scenarios: Sequence[Scenario], setting: Setting, pool: Pool
) -> PackReport:
    """Try the whole pack; whatever it shows, the candidate starts afresh afterwards."""
    kind = setting.launch.kind
    trials = trials_for(kind)
    if not trials and kind != "library":
        return PackReport(0, (), f"there is no safety pack for products of kind {kind}")
    services = sorted({name for scenario in scenarios for name in scenario.given.twins})
    world = setting.worlds.create("slot-pack", WorldPlan({name: {} for name in services}, 1, None))
    slot = Slot("slot-pack", pool, candidate)
    try:
        sandbox = await slot.ready()
        tokens = setting.worlds.tokens(world)
        stage = Stage(sandbox, setting.worlds, world, setting.launch, setting.clock,
                      environment(setting.launch, tokens))  # fmt: skip
        runner = _Pack(stage, setting, tuple(sorted(set(tokens.values()))))
        if kind == "cli":
            return await runner.command_line(trials)
        if kind == "library":
            return await runner.library()
        return await runner.server(trials, _paths(scenarios))
    finally:
        await slot.close()
        setting.worlds.drop(world)


def _paths(scenarios: Sequence[Scenario]) -> list[str]:
    """Return the paths that scenarios speak of, the shortest first, without what varies."""
    paths = {"/"}
    for scenario in scenarios:
        for step in scenario.when:
            if step.kind == "http":
                for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                    if method in step.params:
                        plain = re.sub(r"\{[^}]*\}", "1", str(step.params[method]))
                        paths.add(plain.partition("?")[0])
    return sorted(paths, key=lambda path: (path == "/", len(path), path))[:_MAX_PATHS]


class _Pack:
    """Runs trials on one stage and collects what was broken."""

    def __init__(self, stage: Stage, setting: Setting, secrets: Sequence[str]) -> None:
        self._stage = stage
        self._driver = setting.driver
        self._secrets = secrets
        self._broken: dict[tuple[str, str], Broken] = {}
        self._tried = 0
        self._left_out: list[str] = []

    def _words(self, trial: Trial) -> str:
        """Say with what words the product was started, where that is short enough to read."""
        words = trial.step.get("run")
        text = " ".join(words) if isinstance(words, list) else ""
        return (
            f"run with `{text}`"
            if text.isascii() and text.isprintable() and 0 < len(text) <= _READABLE
            else ""
        )

    async def command_line(self, trials: Sequence[Trial]) -> PackReport:
        """Run a command-line product."""
        drive = self._driver("cli")
        for trial in trials:
            seen = await self._call(drive, _command(trial, self._stage.launch))
            again = await self._call(drive, _command(trial, self._stage.launch)) if (
                trial.options.get("twice")
            ) else seen  # fmt: skip
            self._judge(trial, _cli_rules(seen, again, self._secrets))
        return self._report()

    async def library(self) -> PackReport:
        """Run a library product."""
        self._take(HYPOTHESIS, await try_library(self._stage))
        return self._report()

    def _take(self, trial: Trial, tried: Tried) -> None:
        self._tried += tried.tried
        if tried.not_exercised is not None:
            self._left_out.append(f"{trial.name}: {tried.not_exercised}")
        for _, rule, about in tried.found:
            found = Broken(trial.name, rule, rule in trial.veto, about)
            self._broken.setdefault((trial.name, f"{rule} {about}"), found)

    def _report(self) -> PackReport:
        return PackReport(self._tried, tuple(self._broken.values()), None, tuple(self._left_out))

    async def _pages(self, paths: Sequence[str]) -> None:
        """Open the product's pages in a browser, also with a script where text is expected."""
        drive = self._driver("ui")
        try:
            for path in paths:
                await drive({"open": path, "timeout_s": _TIMEOUT_S}, self._stage)
                await drive({"open": f"{path}?q={_SCRIPT}", "timeout_s": _TIMEOUT_S}, self._stage)
                ran = await self._stage.extra["ui_page"].evaluate("window.unlit_ran === 4711")
                said = self._stage.extra.get("ui_console", [])
                rules = {"script"} if ran else set()
                rules |= {"uncaught" if line.startswith("uncaught:") else "console-error"
                          for line in said}  # fmt: skip
                self._judge(PAGE, rules)
                self._tried += 2
        except NotExercised as missing:
            self._left_out.append(f"page: {missing}")
        except ProductFailed:
            self._judge(PAGE, {"hang"})
        finally:
            for close in reversed(self._stage.extra.get("close", [])):
                await close()

    async def _document(self) -> str | None:
        """Return the OpenAPI document that the server publishes, if it does."""
        for path in DOCUMENTS:
            seen = await self._call(self._driver("http"), {"GET": path, "timeout_s": 5})
            if seen.status == 200 and is_openapi(seen.body):  # HTTP
                return seen.body
        return None

    async def server(self, trials: Sequence[Trial], paths: Sequence[str]) -> PackReport:
        """Run a server product; it is started once and must still answer after every trial."""
        drive = self._driver("http")
        try:
            await self._stage.start_server()
        except ProductFailed:
            return PackReport(0, (), "the product did not start")
        try:
            for path in paths:
                for trial in trials:
                    before = self._stage.worlds.state(self._stage.world)
                    seen = await self._call(drive, _with_path(trial.step, path.rstrip("/")))
                    changed = bool(effects(before, self._stage.worlds.state(self._stage.world)))
                    rules = _http_rules(seen, changed, self._secrets)
                    if seen.status is None and not await self._alive():
                        rules.add("down")
                        await self._restart()
                    self._judge(trial, rules)
            self._take(SCHEMATHESIS, await try_schemathesis(self._stage, await self._document()))
            if not await self._alive():
                self._judge(SCHEMATHESIS, {"down"})
                await self._restart()
            if self._stage.launch.kind == "web":
                await self._pages(paths)
        except ProductFailed:
            self._judge(Trial("restart", {}, veto=("down",)), {"down"})
        finally:
            await self._stage.stop_server()
        return self._report()

    async def _alive(self) -> bool:
        if self._stage.server is None or self._stage.server.ended:
            return False
        seen = await self._call(self._driver("http"), {"GET": "/", "timeout_s": 5})
        return seen.status is not None

    async def _restart(self) -> None:
        await self._stage.stop_server()
        await self._stage.start_server()

    async def _call(self, drive: Driver, params: Mapping[str, Any]) -> Observation:
        self._tried += 1
        self._stage.seen.clear()
        await drive({"timeout_s": _TIMEOUT_S, **params}, self._stage)
        return self._stage.seen[-1]

    def _judge(self, trial: Trial, rules: set[str]) -> None:
        for rule in sorted(rules):
            if rule in trial.veto or rule in trial.note:
                found = Broken(trial.name, rule, rule in trial.veto, self._words(trial))
                self._broken.setdefault((trial.name, rule), found)


def _command(trial: Trial, launch: Launch) -> dict[str, Any]:
    """Return the `cli` step of a trial; some need a shell between us and the product."""
    step = trial.step
    if "shell_after" in step:
        words = " ".join(_quoted(word) for word in (*launch.run, *step["shell_after"]))
        return {"shell": f"{words} {step['redirect']}"}
    if step.get("binary"):
        words = " ".join(_quoted(word) for word in launch.run)
        return {"shell": f"head -c 65536 /dev/urandom | {words}"}
    return dict(step)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _with_path(step: Mapping[str, Any], path: str) -> dict[str, Any]:
    filled = {}
    for key, value in step.items():
        is_path = key.isupper() and isinstance(value, str)
        filled[key] = (value.replace("{path}", path) or "/") if is_path else value
    return filled


def _cli_rules(seen: Observation, again: Observation, secrets: Sequence[str]) -> set[str]:
    rules = _common(seen, (seen.stdout, seen.stderr), secrets)
    code = seen.exit_code if seen.exit_code is not None else 1
    died = code < 0 or 128 < code <= _LAST_SIGNAL  # 255 is how some languages say no
    if not seen.timed_out and died and code not in (130, 137, 141, 143, -2, -9, -13, -15):
        rules.add("crash")
    if len(seen.stdout) + len(seen.stderr) > _FLOOD:
        rules.add("flood")
    if code != 0:
        rules.add("exit-zero")
    else:
        rules.add("exit-not-zero")
    if code != 0 and not seen.stderr.strip() and not seen.stdout.strip():
        rules.add("says-why")
    if (seen.stdout, seen.exit_code) != (again.stdout, again.exit_code):
        rules.add("same-output")
    return rules


def _http_rules(seen: Observation, changed: bool, secrets: Sequence[str]) -> set[str]:
    rules = _common(seen, (seen.body, *seen.headers.values()), secrets)
    if seen.status is not None and seen.status >= 500 and seen.status not in (501, 505):
        rules.add("server-error")
    if changed:
        rules.add("changes")
    if seen.status is not None and not 400 <= seen.status < 500:
        rules.add("4xx")
    if seen.status not in (404, None):
        rules.add("404")
    if _PASSWD.search(seen.body) or "x-injected" in seen.headers:
        rules.add("secret")
    return rules


def _common(seen: Observation, texts: Sequence[str], secrets: Sequence[str]) -> set[str]:
    rules = {"hang"} if seen.timed_out else set()
    found = broken(
        ("traceback", "secret-in-output"), Seen(outputs=list(texts), secrets=list(secrets))
    )
    if "traceback" in found:
        rules.add("traceback")
    if "secret-in-output" in found:
        rules.add("secret")
    return rules
