"""Ship a run through its line, and say what came of it; `approve` and `ship` share it."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unlit.core.ids import RunId
    from unlit.record.model import Stage
    from unlit.wiring.deploying import Wish
    from unlit.wiring.desk import Office
    from unlit.wiring.shipping import Outcome

_NAMES = ("commit", "branch", "tag", "again", "pull_request", "pending")


def ship(office: "Office", run: "RunId", wish: "Wish | None", *, anew: bool) -> "Outcome":
    """Ship an approved run, with a live view; `wish` says how it is deployed."""
    from unlit.cli.run import live_view
    from unlit.wiring.shipping import ship_durably

    found = office.store.find_run(run)
    view = live_view()
    working = ship_durably(Path(found.repository), run, listen=view.listen, wish=wish, anew=anew)
    try:
        return asyncio.run(working)
    finally:
        view.close()


def facts_of(done: "Outcome") -> dict[str, Any]:
    """Return what `--json` prints of a shipping."""
    facts: dict[str, Any] = {"state": done.run.state.value}
    facts |= {name: done.facts[name] for name in _NAMES if name in done.facts}
    if done.run.note:
        facts["note"] = done.run.note
    if done.attested is not None and done.attested.facts.get("files"):
        facts["attestations"] = done.attested.facts["files"]
    rolled = _rolled(done)
    if rolled is not None:
        facts["rollout"] = {
            name: rolled[name] for name in ("ok", "percent", "restored", "steps", "words")
        }
    return facts


def words_of(done: "Outcome") -> str:
    """Say where a run was shipped to, what attests it, and how its deploy went."""
    facts = done.facts
    again = " (it already was)" if facts.get("again") else ""
    commit, branch, tag = str(facts.get("commit", ""))[:10], facts.get("branch"), facts.get("tag")
    lines = [f"Shipped{again}: {commit} on {branch}, tag {tag}.", f"  in {done.run.repository}"]
    if facts.get("pull_request"):
        lines.append(f"  {facts['pull_request']}")
    if done.attested is not None and done.attested.facts.get("files"):
        folder = Path(str(next(iter(done.attested.facts["files"].values())))).parent
        lines.append(f"  attested in {folder}; check it: unlit attest {done.run.id}")
    for stage in (done.attested, done.deployed):
        lines += _failure(stage)
    rolled = _rolled(done)
    if rolled is not None:
        lines += [_step(step) for step in rolled["steps"]]
        lines.append(str(rolled["words"]))
    return "\n".join(lines)


def exit_code(done: "Outcome") -> int:
    """Return the exit code of a run that is on its branch: 1 when its deploy was rolled back."""
    failed = next(
        (s for s in (done.attested, done.deployed) if s is not None and s.state.value == "failed"),
        None,
    )
    if failed is not None:
        return int(failed.facts.get("exit_code") or 5)
    rolled = _rolled(done)
    return 0 if rolled is None or rolled["ok"] else 1


def refusal(done: "Outcome") -> int:
    """Say on stderr why a run was not shipped, as the error that stopped it would have."""
    found = done.facts
    what = str(found.get("what") or ("" if done.stage is None else done.stage.detail))
    code = "" if done.stage is None else str(done.stage.code or "")
    sys.stderr.write(f"{code} {what}".strip() + "\n")
    if found.get("why"):
        sys.stderr.write(f"  Why: {found['why']}\n  Do:  {found.get('remedy', '')}\n")
    return int(found.get("exit_code") or 1)


def _rolled(done: "Outcome") -> "Mapping[str, Any] | None":
    stage = done.deployed
    return stage.facts if stage is not None and stage.facts.get("words") else None


def _step(step: "Mapping[str, Any]") -> str:
    mark = "●" if step["ok"] else "✕"
    words = " ".join(str(step["words"]).split()) if not step["ok"] else ""
    return f"  {mark} {step['name']}  {words[:200]}".rstrip()


def _failure(stage: "Stage | None") -> list[str]:
    if stage is None or stage.state.value != "failed":
        return []
    return [
        f"  ✕ {stage.name}: {stage.code} {stage.facts.get('what') or stage.detail}",
        f"    Do: {stage.facts.get('remedy') or f'`unlit ship {stage.run}` goes on there'}",
    ]
