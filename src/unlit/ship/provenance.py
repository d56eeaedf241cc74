"""Who stands behind what was shipped: in-toto statements, signed as DSSE envelopes.

Source: in-toto Statement v1, SLSA provenance v1 (slsa.dev/spec/v1.0/provenance), DSSE v1. We differ
in one thing: besides provenance there is a statement about the outcome, because a build that is
known is not yet a build that is good.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from unlit.policy.audit.keys import public_text
from unlit.record.model import Run
from unlit.ship.model import Shipment

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
OUTCOME: Final = "https://unlit.dev/attestation/outcome/v1"
BILL: Final = "https://cyclonedx.org/bom"
BUILD_TYPE: Final = "https://unlit.dev/line/v1"


def subject_of(shipment: Shipment, repository: str) -> list[dict[str, Any]]:
    """Return what the statements are about: the merge commit and its tree."""
    return [
        {
            "name": f"{repository}@{shipment.tag}",
            "digest": {"gitCommit": shipment.commit, "gitTree": shipment.tree},
        }
    ]


def provenance(run: Run, report: Mapping[str, Any], shipment: Shipment) -> dict[str, Any]:
    """Return the SLSA provenance of a shipped run."""
    inputs = [
        {"uri": f"git+file://{run.repository}", "digest": {"gitCommit": run.base}},
        {"uri": run.spec_path, "digest": _digest(run.spec_digest)},
    ]
    for uri, digest in (("policy.toml", run.policy_digest), ("context", run.snapshot)):
        if digest:
            inputs.append({"uri": uri, "digest": _digest(digest)})
    return _statement(
        shipment,
        run.repository,
        PROVENANCE,
        {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"spec": run.spec_id, "line": run.line},
                "internalParameters": {"seed": run.seed, "agent": report["run"]["agent"]},
                "resolvedDependencies": inputs,
            },
            "runDetails": {
                "builder": {"id": f"{BUILD_TYPE}/{run.engine_version or 'unknown'}"},
                "metadata": {
                    "invocationId": run.id,
                    "startedOn": run.created_at.isoformat(),
                    "finishedOn": run.updated_at.isoformat(),
                },
            },
        },
    )


def outcome(run: Run, report: Mapping[str, Any], shipment: Shipment) -> dict[str, Any]:
    """Return the statement about what was verified, by whom, and what was not.

    Args:
        run: The run.
        report: Its outcome report, `unlit.report/1`.
        shipment: What was shipped.
    """
    decision: Mapping[str, Any] = next(
        (line for line in report["decisions"] if line["gate"] == "outcome"), {}
    )
    graded_tree = report["run"]["tree"]
    return _statement(
        shipment,
        run.repository,
        OUTCOME,
        {
            "run": run.id,
            "verdict": report["verdict"],
            "gradedTree": graded_tree,
            "shippedTreeIsGraded": graded_tree == shipment.tree,
            "satisfaction": _numbers(report["graded"]),
            "sealed": _numbers(report["sealed"]),
            "criteria": [
                {name: line[name] for name in ("id", "state", "source", "ceiling")}
                for line in report["criteria"]
            ],
            "leakProof": (report["leaks"] or {}).get("state", "not_exercised"),
            "level": report["level"]["level"],
            "notVerified": [gap["text"] for gap in report["not_verified"]],
            "approvedBy": decision.get("person"),
            "reason": decision.get("reason"),
        },
    )


def parts(bill: Mapping[str, Any], repository: str, shipment: Shipment) -> dict[str, Any]:
    """Return the statement that binds a CycloneDX bill of materials to what was shipped."""
    return _statement(shipment, repository, BILL, bill)


def _numbers(graded: Mapping[str, Any] | None) -> dict[str, Any] | None:
    names = ("estimate", "lower", "upper", "satisfied", "trajectories")
    return None if graded is None else {name: graded[name] for name in names}


def _statement(
    shipment: Shipment, repository: str, kind: str, predicate: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "_type": STATEMENT,
        "subject": subject_of(shipment, repository),
        "predicateType": kind,
        "predicate": dict(predicate),
    }


def _digest(text: str) -> dict[str, str]:
    kind, mark, value = text.partition(":")
    return {kind: value} if mark else {"sha256": text}


def seal(statement: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Sign a statement as a DSSE envelope."""
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    signature = key.sign(signed_bytes(payload))
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": public_text(key), "sig": base64.b64encode(signature).decode()}],
    }


def unseal(envelope: Mapping[str, Any], public: str) -> dict[str, Any] | None:
    """Return the statement of an envelope that this public key has signed, else `None`."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
        key.verify(signature, signed_bytes(payload))
        found: dict[str, Any] = json.loads(payload)
    except (InvalidSignature, KeyError, IndexError, TypeError, ValueError):
        return None
    return found


def signed_bytes(payload: bytes) -> bytes:
    """Return what a DSSE signature is over: the pre-authentication encoding of a payload."""
    head = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode()
    return head + payload
