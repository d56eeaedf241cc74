"""Write the attestations of a shipped run: provenance, outcome, bill of materials."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from unlit.core.errors import OutsideFailed
from unlit.core.ids import RunId
from unlit.policy.audit.keys import signing_key
from unlit.record.store import Store
from unlit.ship.model import Shipment
from unlit.ship.provenance import outcome, parts, provenance, seal, signed_bytes
from unlit.ship.repository import Repository
from unlit.ship.sbom import Part, bill, is_lock_file, read_parts

STATEMENTS: Final = ("provenance", "outcome", "sbom")
SIGNER: Final = "signer.pem"


def attest(
    store: Store,
    run: RunId,
    shipment: Shipment,
    report: Mapping[str, Any],
    folder: Path,
    key_dir: Path,
) -> Mapping[str, str]:
    """Write ``provenance``, ``outcome`` and ``sbom``, each as ``.dsse.json``, and the plain bill.

    Beside each lies what its signature is over (``.signed``), the signature (``.sig``) and once the
    public key (``signer.pem``), so that `openssl` alone can check them; see `openssl_commands`.

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
    made = bill(locks_of(repository, shipment.commit), shipment, Path(found.repository).name)
    sealed = {
        "provenance": seal(provenance(found, report, shipment), key),
        "outcome": seal(outcome(found, report, shipment), key),
        "sbom": seal(parts(made, found.repository, shipment), key),
    }
    written = {}
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        _write(folder / SIGNER, pem)
        for name, envelope in sealed.items():
            payload = base64.b64decode(envelope["payload"])
            _write(folder / f"{name}.signed", signed_bytes(payload))
            _write(folder / f"{name}.sig", base64.b64decode(envelope["signatures"][0]["sig"]))
        for name, value in {
            **{f"{name}.dsse.json": envelope for name, envelope in sealed.items()},
            "sbom.cdx.json": made,
        }.items():
            _write(folder / name, f"{json.dumps(value, indent=1)}\n".encode())
            written[name] = str(folder / name)
    except OSError as error:
        raise OutsideFailed(
            "SHP-031",
            f"The attestations cannot be written to {folder}: {error.strerror}.",
            "the run is shipped; what it rests on is in the record.",
            "make room there, then `unlit ship RUN` again.",
        ) from error
    return written


def openssl_commands(folder: Path) -> tuple[str, ...]:
    """Return the commands that check the signatures without anything of ours."""
    return tuple(
        f"openssl pkeyutl -verify -pubin -inkey {SIGNER} -rawin "
        f"-in {name}.signed -sigfile {name}.sig"
        for name in STATEMENTS
        if (folder / f"{name}.sig").is_file()
    )


def merged_as(store: Store, run: RunId) -> str:
    """Return the commit that the record says a run was merged as last; empty when it says none."""
    told = store.events(run, kinds=("state",))
    rows = [row for row in told if row.key.startswith("state/shipped") and row.data.get("commit")]
    if rows:
        return str(rows[-1].data["commit"])
    stages = [row for row in store.stages(run) if row.name == "ship" and row.facts.get("commit")]
    return str(stages[-1].facts["commit"]) if stages else ""


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole: a process that is killed leaves the old one."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def locks_of(repository: Repository, commit: str) -> Mapping[str, tuple[Part, ...]]:
    """Return the lock files of a commit with their parts."""
    names = [path for path in repository.files(commit) if is_lock_file(Path(path).name)]
    return {path: read_parts(Path(path).name, repository.read(commit, path)) for path in names}
