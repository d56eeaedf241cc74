import importlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.ship.test_service import RUN, World

from unlit.policy.audit.keys import public_text, signing_key
from unlit.review import build_report
from unlit.ship import attest, ship_run
from unlit.ship.attest import openssl_commands
from unlit.ship.provenance import seal, unseal
from unlit.ship.sbom import Part, bill


def test_a_statement_is_read_back_only_with_its_key_and_unchanged() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    envelope = seal({"a": 1}, key)
    assert unseal(envelope, public_text(key)) == {"a": 1}
    assert unseal(envelope, public_text(other)) is None
    forged = seal({"a": 2}, other)
    assert unseal({**envelope, "payload": forged["payload"]}, public_text(key)) is None
    assert unseal({}, public_text(key)) is None


def test_what_was_shipped_is_attested(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.approve()
    shipment = ship_run(world.store, RUN)
    report = build_report(world.store, RUN).to_json()
    written = attest(world.store, RUN, shipment, report, tmp_path / "out", tmp_path / "key")
    key = public_text(signing_key(tmp_path / "key"))
    found = {}
    for name in ("provenance", "outcome"):
        text = Path(written[f"{name}.dsse.json"]).read_text()
        found[name] = unseal(json.loads(text), key)
    provenance, outcome = found["provenance"], found["outcome"]
    assert provenance is not None
    assert provenance["predicateType"] == "https://slsa.dev/provenance/v1"
    assert provenance["subject"][0]["digest"]["gitCommit"] == shipment.commit
    inputs = provenance["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert inputs[0]["digest"] == {"gitCommit": world.base}
    assert outcome is not None
    assert outcome["predicate"]["approvedBy"] == "dana"
    assert outcome["predicate"]["satisfaction"] is None
    bill = json.loads(Path(written["sbom.cdx.json"]).read_text())
    assert bill["compositions"][0]["aggregate"] == "incomplete"


def test_openssl_alone_checks_what_was_attested(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    world = World(tmp_path)
    world.approve()
    shipment = ship_run(world.store, RUN)
    report = build_report(world.store, RUN).to_json()
    out = tmp_path / "out"
    written = attest(world.store, RUN, shipment, report, out, tmp_path / "key")
    commands = openssl_commands(out)
    assert len(commands) == len([name for name in written if name.endswith(".dsse.json")]) == 3
    for command in commands:
        done = subprocess.run(command.split(), cwd=out, capture_output=True, text=True)
        assert "Verified Successfully" in done.stdout, done
    (out / "sbom.signed").write_bytes((out / "sbom.signed").read_bytes() + b" ")
    done = subprocess.run(commands[-1].split(), cwd=out, capture_output=True, text=True)
    assert done.returncode != 0


def test_the_bill_holds_against_the_schema_of_cyclonedx(tmp_path: Path) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json", exc_type=ImportError)
    version = importlib.import_module("cyclonedx.schema").SchemaVersion.V1_6
    locks = {
        "uv.lock": (Part("pypi", "requests", "2.32.3", "a" * 64), Part("pypi", "odd", "1", "aa")),
        "package-lock.json": (Part("npm", "@a/b", "1.0.0"),),
    }
    world = World(tmp_path)
    world.approve()
    made = bill(locks, ship_run(world.store, RUN), "product")
    assert validation.JsonStrictValidator(version).validate_str(json.dumps(made)) is None
    made["components"][0]["type"] = "nonsense"
    assert validation.JsonStrictValidator(version).validate_str(json.dumps(made)) is not None
