"""`unlit demo`: the whole factory on the built-in product, without a key."""

import asyncio
import json
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from unlit.cli.live import LiveView
    from unlit.record.model import Run
    from unlit.review.model import Graded, Report
    from unlit.wiring.demo import Stage

app = cyclopts.App(name="demo", help="The whole factory on a built-in product, without a key.")

_INTRODUCTION = """\
access-review, a small tool over Okta, Jira, Slack and Google, goes from its spec to its gate.
{author}
Nothing else is faked: fence, gateway, twins behind the vendors' own SDKs and host names, evaluator
process, git and record are the real ones.
"""
_SCRIPTED = "The agent's text is scripted (three prepared candidates), so no key is needed."
_REAL_AGENT = "{agent} runs for real against a scripted model server, so no key is needed."


@app.default
def demo(
    *,
    agent: str = "scripted",
    seed: int = 7,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
) -> int:
    """Run the whole line once, live. Afterwards `unlit approve RUN` ships the result.

    Exit code: 0 the run waits at its gate with a verdict of ship; 1 any other verdict; 5 it failed.

    Args:
        agent: Who writes: scripted, or a real agent such as mini-swe-agent on a scripted model.
        seed: Seed of all sampling.
        as_json: Print the result as JSON, and nothing else.
    """
    from unlit.cli.live import LiveView
    from unlit.core.system import SystemIds
    from unlit.wiring.demo import check_free_agent, set_stage
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    check_free_agent(agent)
    view = LiveView(sys.stderr, time.monotonic, terminal=sys.stderr.isatty())
    if not as_json:
        author = _SCRIPTED if agent == "scripted" else _REAL_AGENT.format(agent=agent)
        sys.stderr.write(_INTRODUCTION.format(author=author) + "\n")
    settings = read_settings()
    stage = set_stage(state_home(settings.env, settings.path("state_home")) / "demo", SystemIds())
    found, report, files = asyncio.run(_run(stage, agent, seed, view, quiet=as_json))
    if as_json:
        sys.stdout.write(json.dumps(_result(found, report, files, stage)) + "\n")
    else:
        sys.stdout.write(_summary(found, report, files, stage, view.elapsed_s))
    return _exit_code(found)


async def _run(
    stage: "Stage", agent: str, seed: int, view: "LiveView", *, quiet: bool
) -> "tuple[Run, Report, dict[str, str]]":
    from unlit.line.service import Line
    from unlit.review.service import build_report
    from unlit.wiring.build import open_factory
    from unlit.wiring.demo import SPEC, scripted_model

    try:
        async with (
            scripted_model(agent) as routes,
            open_factory(
                stage.repository,
                flags={"vault": stage.vault},
                listen=(lambda event: None) if quiet else view.listen,
                routes=routes,
            ) as factory,
            Line.open(factory.services, factory.durable_url) as line,
        ):
            request = factory.request(stage.repository / SPEC, agents=(agent,), seed=seed)
            begun = await line.start(request)
            if not quiet:
                view.say(f"run {begun}")
            found = await line.wait(begun)
            store = factory.services.store
            written = next((s for s in store.stages(begun) if s.key == "report"), None)
            files = dict(written.facts.get("files", {})) if written is not None else {}
            return found, build_report(store, begun), files
    finally:
        view.close()


def _exit_code(found: "Run") -> int:
    from unlit.record.model import RunState

    if found.state is RunState.FAILED:
        return 5
    return 0 if found.state is RunState.WAITING else 1


def _result(
    found: "Run", report: "Report", files: dict[str, str], stage: "Stage"
) -> dict[str, object]:
    from unlit.cli.run import result_of

    return {
        **result_of(found),
        "schema": "unlit.demo/1",
        "repository": str(stage.repository),
        "vault": str(stage.vault),
        "report": files,
        "headline": report.headline.text,
        "questions": [question.text for question in report.open_questions],
        "claims": _claims(report),
    }


def _claims(report: "Report") -> dict[str, object]:
    last = report.sealed or report.graded
    if last is None:
        return {"claim_a": None, "claim_b": None}
    return {
        "trajectories": last.trajectories,
        "satisfied": last.satisfied,
        "claim_a": last.claim_a.sentence if last.claim_a else None,
        "claim_b": last.claim_b.sentence if last.claim_b else None,
    }


def _summary(
    found: "Run", report: "Report", files: dict[str, str], stage: "Stage", elapsed_s: float
) -> str:
    lines = ["", f"{report.headline.text}  ({elapsed_s:.0f} s)", ""]
    if found.note:
        lines += [f"  {found.note}", ""]
    lines += _bought(report)
    if report.open_questions:
        lines += ["", "For a person, since no independent check could settle it:"]
        lines += [f"  ? {question.text}" for question in report.open_questions]
    lines += [
        "",
        f"Report      {files.get('html', 'none')}",
        f"            {files.get('json', 'none')}",
        f"Candidates  git -C {found.workspace} log --oneline --all",
        f"Repository  {stage.repository}",
        f'Next        {_program()} approve {found.id} --reason "…"',
        "            merges and tags it there; to look at it in a browser:",
        f"            {_program()} console --repository {stage.repository}",
        "",
    ]
    return "\n".join(lines)


def _program() -> str:
    """Return how this program is called here: its name, or its path where the shell lacks it."""
    return "unlit" if shutil.which("unlit") else os.path.relpath(sys.argv[0])


def _bought(report: "Report") -> list[str]:
    lines = [
        f"{candidate.id}  validation  {_share(candidate.graded)}"
        for candidate in report.candidates
        if candidate.graded is not None
    ]
    if report.sealed is not None:
        lines.append(f"{report.sealed.candidate}  sealed      {_share(report.sealed)}")
    last = report.sealed or report.graded
    if last is not None:
        claims = (last.claim_a, last.claim_b)
        lines += [f"    {claim.sentence}" for claim in claims if claim is not None]
    if report.rule is not None:
        lines.append(
            f"    The rule here is short on purpose (p0 {report.rule.p0:.2f}, p1 "
            f"{report.rule.p1:.2f}); the default for real work is 0.90 and 0.97."
        )
    return lines


def _share(graded: "Graded") -> str:
    text = f"{graded.satisfied} of {graded.trajectories} trajectories satisfied"
    if graded.lower is not None and graded.upper is not None:
        text += f", [{graded.lower:.2f}, {graded.upper:.2f}]"
    return f"{text}: {graded.verdict.value}"
