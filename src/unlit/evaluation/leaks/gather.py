"""What is hidden and what may be seen, from a vault and a request."""

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from unlit.core.states import Partition
from unlit.evaluation.leaks.literals import literals_of
from unlit.evaluation.leaks.needles import canary_of
from unlit.evaluation.leaks.proof import FOLDERS, Hidden, Places
from unlit.evaluation.leaks.sources import read_trees
from unlit.evaluation.ledger import open_store
from unlit.evaluation.model import EvaluationRequest
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.vault import Vault

_KEY_FILE: Final = "canary.key"


def canary_key(vault: Path) -> bytes:
    """Return the secret that canaries are made with; made when first asked for."""
    path = open_store(vault) / _KEY_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as stream:
        key = secrets.token_bytes(32)
        stream.write(key)
    return key


def hidden_of(vault: Vault) -> list[Hidden]:
    """Return every scenario that nobody who writes may see."""
    key = canary_key(vault.root)
    return [
        Hidden(
            scenario.id,
            scenario.canary or canary_of(key, scenario.id),
            (vault.root / scenario.file).read_bytes(),
            tuple(literals_of(_data(scenario))),
        )
        for scenario in vault.scenarios
        if scenario.partition is not Partition.VISIBLE
    ]


def _data(scenario: Scenario) -> list[Any]:
    steps = [step.params for step in scenario.when]
    checks = [check.value for check in (*scenario.then, *scenario.fails_on_base)]
    return [scenario.given.twins, scenario.given.files, steps, checks]


def visible_of(request: EvaluationRequest, vault: Vault) -> tuple[bytes, ...]:
    """Return every text that the agent may see: spec, visible scenarios, the base commit."""
    files = [request.spec]
    files += [vault.root / s.file for s in vault.of(Partition.VISIBLE)]
    texts = [path.read_bytes() for path in files]
    if request.base is not None:
        texts += [item.content for item in read_trees([request.base])]
    return tuple(texts)


def places_of(request: EvaluationRequest, visible: Sequence[bytes]) -> Places:
    """Return where to look: the candidate, and what the line names in `leak_sources`."""
    given: Mapping[str, Sequence[str]] = request.options.get("leak_sources", {})
    folders = {kind: tuple(Path(path) for path in given.get(kind, ())) for kind in FOLDERS}
    history = (request.candidate,) if (request.candidate / ".git").is_dir() else ()
    return Places(
        workspace=(request.candidate, *folders["workspace"]),
        history=(*history, *folders["history"]),
        transcripts=folders["transcripts"],
        prompts=folders["prompts"],
        egress=folders["egress"],
        visible=tuple(visible),
    )


def probe_patterns(hidden: Sequence[Hidden], vault: Vault) -> list[bytes]:
    """Return plain patterns that a search inside the fence looks for."""
    stories = {str(scenario.id): scenario.story for scenario in vault.scenarios}
    patterns = [entry.canary.encode() for entry in hidden]
    patterns += [stories[entry.scenario].encode() for entry in hidden]
    return [pattern for pattern in patterns if len(pattern) >= 20]
