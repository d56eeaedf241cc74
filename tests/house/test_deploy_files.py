"""The files in deploy/ hold together: services, volumes, secrets, commands that exist."""

import re
from pathlib import Path
from typing import Any

import yaml

from unlit.cli.main import COMMANDS

FOLDER = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())


def test_every_service_uses_what_is_declared() -> None:
    for name, service in COMPOSE["services"].items():
        assert service.get("image"), name
        for secret in service.get("secrets", ()):
            assert secret in COMPOSE["secrets"], (name, secret)
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source.startswith(("$", "/")) or source in COMPOSE["volumes"], (name, volume)
        waits = service.get("depends_on", ())
        assert set(waits) <= set(COMPOSE["services"]), name


def test_each_command_is_one_of_ours() -> None:
    known = {command.name for command in COMMANDS}
    for name in ("server", "serve", "worker"):
        assert COMPOSE["services"][name]["command"][0] in known


def test_no_secret_is_in_the_files() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text()
        assert not re.search(r"(?i)(password|secret|token)\s*[:=]\s*['\"]?\w{8,}", text), path
    database = COMPOSE["services"]["database"]["environment"]
    assert database["POSTGRES_PASSWORD_FILE"].startswith("/run/secrets/")


def test_the_image_runs_as_an_ordinary_user() -> None:
    text = (FOLDER / "Containerfile").read_text()
    assert text.index("USER unlit") < text.index("ENTRYPOINT")


def test_whoever_grades_finds_the_scenarios_and_may_write_beside_them() -> None:
    for name in ("worker", "serve"):
        service = COMPOSE["services"][name]
        vault = service["environment"]["UNLIT_VAULT"]
        places = [volume.rsplit(":", 1)[1] for volume in service["volumes"]]
        assert vault in places, name
        assert str(Path(vault).parent) in places, "the evaluator's store lies beside the vault"
        assert service["environment"]["UNLIT_DATABASE_URL"], name
    assert "UNLIT_VAULT" not in COMPOSE["services"]["server"]["environment"]
