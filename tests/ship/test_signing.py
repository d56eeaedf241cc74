"""Merges and tags are signed, and git itself says so: `git verify-commit`, `git verify-tag`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.ship.test_service import RUN, World, git

from unlit.core.errors import OutsideFailed
from unlit.ship import Means, ShipPlan, ship_run
from unlit.ship.model import Signing


def run(*words: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, env={**os.environ, **(env or {})}
    )
    return done.stdout


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.approve()
    return world


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen on this machine")
def test_an_ssh_key_signs_merge_and_tag_and_git_verifies_both(world: World, tmp_path: Path) -> None:
    key = tmp_path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fake", "-f", str(key))
    signers = tmp_path / "signers"
    signers.write_text(f"unlit@localhost {(tmp_path / 'key.pub').read_text()}")
    plan = ShipPlan(sign=Signing("ssh", str(key)), changelog="CHANGELOG.md")
    shipment = ship_run(world.store, RUN, means=Means(plan))
    assert shipment.signed == "ssh"
    trust = ("-c", f"gpg.ssh.allowedSignersFile={signers}")
    for name in (shipment.commit, "main"):
        git(world.repository, *trust, "verify-commit", name)
    git(world.repository, *trust, "verify-tag", shipment.tag)
    assert "A change" in (world.repository / "CHANGELOG.md").read_text()
    assert git(world.repository, "rev-parse", f"{shipment.tag}^{{tree}}") == world.tree
    signers.write_text("")
    with pytest.raises(subprocess.CalledProcessError):
        git(world.repository, *trust, "verify-commit", shipment.commit)


@pytest.mark.skipif(shutil.which("gpg") is None, reason="no gpg on this machine")
def test_a_gpg_key_signs_and_git_verifies_it(world: World, tmp_path: Path) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    env = {"GNUPGHOME": str(home)}
    run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key",
        "Unlit <unlit@localhost>", "ed25519", "sign", "never", env=env)  # fmt: skip
    listed = run("gpg", "--batch", "--with-colons", "--list-secret-keys", env=env)
    key = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    try:
        plan = ShipPlan(sign=Signing("gpg", key, str(home)))
        shipment = ship_run(world.store, RUN, means=Means(plan))
        for verb, name in (("verify-commit", shipment.commit), ("verify-tag", shipment.tag)):
            said = subprocess.run(
                ["git", "-C", str(world.repository), verb, name],
                capture_output=True, text=True, check=True, env={**os.environ, **env},
            )  # fmt: skip
            assert "Good signature" in said.stderr
        assert ship_run(world.store, RUN, means=Means(plan)).commit == shipment.commit
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


def test_a_key_that_does_not_sign_merges_nothing(world: World, tmp_path: Path) -> None:
    plan = ShipPlan(sign=Signing("ssh", str(tmp_path / "nowhere")))
    with pytest.raises(OutsideFailed, match="SHP-025"):
        ship_run(world.store, RUN, means=Means(plan))
    assert world.head() == world.base
