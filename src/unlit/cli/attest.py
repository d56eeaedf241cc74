"""`unlit attest`: check the attestations of what was shipped, here or from a folder alone."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

app = cyclopts.App(name="attest", help="Check who stands behind what was shipped.")


@app.default
def attest(
    run: str = "last",
    *,
    folder: Path | None = None,
    key: str | None = None,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
    repository: Path | None = None,
) -> int:
    """Check provenance, outcome and bill of materials of a shipped run; nothing is fetched.

    With --folder they are checked from the files alone, as whoever is handed them would. The last
    lines are commands that check the same signatures without anything of ours.

    Exit code: 0 all are signed and about one commit, which is the one the run was merged as; 1 one
    is not; 3 there are none.

    Args:
        run: The run, the start of its id, or ``last``.
        folder: Folder with ``*.dsse.json``, in place of a run.
        key: Public key (base64) or PEM file that must have signed; default the audit log's key,
            and with --folder the signer.pem in it, which proves only that nothing was changed.
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    from unlit.core.errors import InvalidInput
    from unlit.ship.attest import STATEMENTS, openssl_commands

    place, public, merged = _place(run, folder, repository)
    public = public if key is None else _public(key)
    rows = {name: _row(place / f"{name}.dsse.json", name, public) for name in STATEMENTS}
    if all(row is None for row in rows.values()):
        raise InvalidInput(
            "SHP-068",
            f"There are no attestations in {place}.",
            "they are written when a run is shipped.",
            "`unlit ship RUN` writes them.",
        )
    wrong = _wrong_commit(rows.values(), merged)
    good = all(row is not None and row["ok"] for row in rows.values()) and not wrong
    commands = openssl_commands(place)
    if as_json:
        facts = {"schema": "unlit.attest/1", "ok": good, "folder": str(place), "key": public,
                 "commit": merged or None, "statements": rows,
                 "commands": list(commands)}  # fmt: skip
        sys.stdout.write(json.dumps(facts) + "\n")
        return 0 if good else 1
    lines = [_line(name, row) for name, row in rows.items()]
    if wrong:
        lines.append(f"✕ {wrong}")
    lines += ["", "without unlit:", f"  cd {place}", *(f"  {text}" for text in commands)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if good else 1


def _place(run: str, folder: Path | None, repository: Path | None) -> tuple[Path, str, str | None]:
    """Return folder, key and the commit the record says was merged; a folder alone says none."""
    from unlit.policy.audit.keys import known_key, public_text
    from unlit.ship.attest import SIGNER, merged_as

    if folder is not None:
        pem = folder / SIGNER
        return folder, _public(str(pem)) if pem.is_file() else "", None
    from unlit.wiring.desk import open_office

    office = open_office(repository, run=run)
    found = office.store.find_run(run)
    return (
        office.paths.root / "reports" / found.id,
        public_text(known_key(office.paths.root / "audit-key")),
        merged_as(office.store, found.id),
    )


def _wrong_commit(rows: "Iterable[dict[str, Any] | None]", merged: str | None) -> str:
    """Say what is wrong with the commits that good statements are about; empty when nothing is."""
    commits = {row["commit"] for row in rows if row is not None and row["ok"]}
    if len(commits) > 1:
        return "they are about different commits"
    if merged is None or not commits or commits == {merged}:
        return ""
    said = f"was merged as {merged[:10]}" if merged else "is not known to be merged"
    return f"they are about another commit: the run {said}"


def _public(text: str) -> str:
    """Return a public key as base64, from itself or from a PEM file."""
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_public_key,
    )

    from unlit.core.errors import InvalidInput

    try:
        if Path(text).is_file():
            found = load_pem_public_key(Path(text).read_bytes())
        else:
            found = Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
        raw = found.public_bytes(Encoding.Raw, PublicFormat.Raw)
    except (ValueError, OSError) as error:
        raise InvalidInput(
            "SHP-069",
            f"{text!r} is no Ed25519 public key.",
            "a key is base64 of 32 bytes, or a PEM file.",
            "`unlit attest RUN --json` prints the one that signs here.",
        ) from error
    return base64.b64encode(raw).decode()


def _row(path: Path, name: str, public: str) -> "dict[str, Any] | None":
    from unlit.ship.provenance import BILL, OUTCOME, PROVENANCE, STATEMENT, unseal

    try:
        envelope = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        return _refused(f"cannot be read: {error.strerror}")
    except ValueError:
        return _refused("is no JSON in UTF-8")
    said = unseal(envelope, public) if isinstance(envelope, dict) else None
    if said is None:
        return _refused("not signed by this key")
    try:
        kind, commit = said["predicateType"], said["subject"][0]["digest"]["gitCommit"]
        if said["_type"] != STATEMENT or not isinstance(commit, str):
            return _refused("not one of our statements")
        if kind != {"provenance": PROVENANCE, "outcome": OUTCOME, "sbom": BILL}[name]:
            return _refused("another statement lies here")
        says = _says(kind, said["predicate"])
    except (KeyError, IndexError, TypeError):
        return _refused("not one of our statements")
    return {"ok": True, "commit": commit, "type": kind, "says": says}


def _refused(says: str) -> dict[str, Any]:
    return {"ok": False, "commit": None, "type": None, "says": says}


def _says(kind: str, predicate: "Mapping[str, Any]") -> str:
    if kind.endswith("/provenance/v1"):
        built = predicate["buildDefinition"]["internalParameters"]["agent"]
        return f"built by {predicate['runDetails']['builder']['id']} with {built}"
    if kind.endswith("/outcome/v1"):
        return f"verdict {predicate['verdict']}, approved by {predicate['approvedBy']}"
    whole = predicate["compositions"][0]["aggregate"]
    return f"{len(predicate['components'])} parts, {whole}"


def _line(name: str, row: "Mapping[str, Any] | None") -> str:
    if row is None:
        return f"✕ {name:<11} is not there"
    if not row["ok"]:
        return f"✕ {name:<11} {row['says']}"
    return f"✓ {name:<11} {row['commit'][:10]}  {row['says']}"
