"""Write the attestations of a shipped run: provenance, outcome, bill of materials."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unlit.core.errors import OutsideFailed
from unlit.core.ids import RunId
from unlit.policy.audit.keys import signing_key
from unlit.record.store import Store
from unlit.ship.model import Shipment
from unlit.ship.provenance import outcome, provenance, seal
from unlit.ship.repository import Repository
from unlit.ship.sbom import Part, bill, is_lock_file, read_parts


def attest(
    store: Store,
    run: RunId,
    shipment: Shipment,
    report: Mapping[str, Any],
    folder: Path,
    key_dir: Path,
) -> Mapping[str, str]:
    """Write ``provenance.dsse.json``, ``outcome.dsse.json`` and ``sbom.cdx.json``.

    Args:
        store: The record.
        run: The shipped run.
        shipment: What shipping did.
        report: The outcome report, `unlit.report/1`.
        folder: Where to write.
        key_dir: Folder of the key that signs the audit log; it signs these too.

    Returns:
        What was written, by name.

    Raises:
        OutsideFailed: A file cannot be written, or the repository cannot be read.
    """
    found = store.find_run(run)
    key = signing_key(key_dir)
    repository = Repository(Path(found.repository))
    forms: dict[str, Any] = {
        "provenance.dsse.json": seal(provenance(found, report, shipment), key),
        "outcome.dsse.json": seal(outcome(found, report, shipment), key),
        "sbom.cdx.json": bill(
            locks_of(repository, shipment.commit), shipment, Path(found.repository).name
        ),
    }
    written = {}
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, value in forms.items():
            path = folder / name
            path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
            written[name] = str(path)
    except OSError as error:
        raise OutsideFailed(
            "SHP-031",
            f"The attestations cannot be written to {folder}: {error.strerror}.",
            "the run is shipped; what it rests on is in the record.",
            "make room there, then `unlit ship RUN` again.",
        ) from error
    return written


def locks_of(repository: Repository, commit: str) -> Mapping[str, tuple[Part, ...]]:
    """Return the lock files of a commit with their parts."""
    names = [path for path in repository.files(commit) if is_lock_file(Path(path).name)]
    return {path: read_parts(Path(path).name, repository.read(commit, path)) for path in names}
