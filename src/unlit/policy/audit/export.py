"""Statements about a log that others can check: a DSSE envelope, and proofs of single entries.

Source: in-toto attestation framework (Statement v1), DSSE v1 (pre-authentication encoding).
"""

import base64
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from unlit.core.canonical import canonical_json
from unlit.core.errors import InvalidInput
from unlit.policy.audit.form import LOG_NAME, parse_checkpoint, parse_entry
from unlit.policy.audit.keys import is_signed, known_key, public_text
from unlit.policy.audit.merkle import inclusion_proof, leaf_hash, root_from_proof
from unlit.policy.audit.reading import denials, log_file, newest_checkpoint, read_entries, verify

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/unlit-audit/v1"


def export(
    directory: Path, *, run: str | None = None, key_dir: Path | None = None
) -> dict[str, Any]:
    """Return a DSSE envelope over an in-toto statement about the log.

    Args:
        directory: The log's folder.
        run: Only the entries of this run are counted and digested.
        key_dir: Where the signing key lies; default ``audit-key`` beside `directory`.

    Raises:
        InvalidInput: There is no log, or its key is not there.
    """
    key = known_key(key_dir or directory.parent / "audit-key")
    statement = _statement(directory, run)
    payload = canonical_json(statement)
    signature = key.sign(pre_authentication(PAYLOAD_TYPE, payload))
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": public_text(key), "sig": base64.b64encode(signature).decode()},
        ],
    }


def check_envelope(envelope: dict[str, Any], key: str) -> bool:
    """Say whether an envelope is signed by the key with this public half."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        kind = str(envelope["payloadType"])
        signatures = [base64.b64decode(one["sig"]) for one in envelope["signatures"]]
    except (KeyError, TypeError, ValueError):
        return False
    return any(is_signed(key, pre_authentication(kind, payload), one) for one in signatures)


def pre_authentication(kind: str, payload: bytes) -> bytes:
    """Return the bytes that DSSE signs."""
    head = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode()
    return head + payload


def prove(directory: Path, index: int) -> dict[str, Any]:
    """Return one entry with the audit path to the newest signed root.

    Raises:
        InvalidInput: There is no log, no such entry, or no signature covers it.
    """
    lines = log_file(directory).read_bytes().split(b"\n")[:-1]
    mark = newest_checkpoint(directory, len(lines))
    if mark is None or not 0 <= index < mark.size:
        raise InvalidInput(
            "POL-142",
            f"No signature covers entry {index}.",
            "a proof leads from an entry to a signed root",
            "Name an entry that `unlit audit show` lists, or wait until the log is closed.",
        )
    leaves = [leaf_hash(line) for line in lines[: mark.size]]
    return {
        "schema": "unlit.audit-proof/1",
        "index": index,
        "entry": lines[index].decode("ascii", "replace"),
        "path": [base64.b64encode(one).decode() for one in inclusion_proof(leaves, index)],
        "checkpoint": {
            "size": mark.size,
            "root": base64.b64encode(mark.root).decode(),
            "at": mark.at,
            "sig": base64.b64encode(mark.signature).decode(),
        },
    }


def check_proof(proof: dict[str, Any], key: str) -> bool:
    """Say whether a proof leads from its entry to a root signed by the key."""
    try:
        mark = parse_checkpoint(json.dumps(proof["checkpoint"]).encode())
        path = [base64.b64decode(one, validate=True) for one in proof["path"]]
        leaf = leaf_hash(str(proof["entry"]).encode("ascii"))
        index = int(proof["index"])
    except (KeyError, TypeError, ValueError):
        return False
    if mark is None or not 0 <= index < mark.size:
        return False
    root = root_from_proof(leaf, index, mark.size, path)
    return root == mark.root and is_signed(key, mark.signed_text(), mark.signature)


def _statement(directory: Path, run: str | None) -> dict[str, Any]:
    result = verify(directory)
    kinds: Counter[str] = Counter()
    denied = 0
    for entry in read_entries(directory, run=run):
        kinds[entry.kind] += 1
        denied += denials(entry)
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": run or LOG_NAME, "digest": {"sha256": _digest(directory, run)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "run": run,
            "holds": result.ok,
            "problems": list(result.problems),
            "entries": result.entries,
            "signed": result.signed,
            "root": result.head,
            "kinds": dict(sorted(kinds.items())),
            "denied": denied,
            "header": dict(result.header),
        },
    }


def _digest(directory: Path, run: str | None) -> str:
    digest = hashlib.sha256()
    with log_file(directory).open("rb") as file:
        for line in file:
            entry = parse_entry(line)
            if run is None or (entry is not None and entry.identity.run == run):
                digest.update(line)
    return digest.hexdigest()
