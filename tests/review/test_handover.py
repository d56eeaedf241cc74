import os
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
import yaml

from unlit.core.errors import UsageError
from unlit.review.handover import AGENTS, skill_file
from unlit.review.units import console_unit, serve_unit


@pytest.mark.parametrize("agent", [name for name in AGENTS if name != "agents"])
def test_a_skill_is_as_the_vendors_read_it(agent: str) -> None:
    path, text = skill_file(agent)
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["name"] == PurePosixPath(path).parent.name == "unlit"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", head["name"])
    assert set(head) == {"name", "description"}
    assert 1 <= len(head["description"]) <= 1024
    assert "\n" not in head["description"]
    assert "{description}" not in text


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_is_told_that_only_a_person_approves(agent: str) -> None:
    path, text = skill_file(agent)
    assert path == AGENTS[agent]
    assert "Do not approve or reject" in text


def test_the_shared_file_keeps_what_others_wrote_and_ours_is_there_once() -> None:
    _, first = skill_file("agents", "# House rules\n\nTabs.\n")
    _, second = skill_file("agents", first + "\nMore.\n")
    assert second.startswith("# House rules")
    assert second.count("Do not approve or reject") == 1
    assert second.rstrip().endswith("More.")


def test_an_unknown_agent_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="claude"):
        skill_file("clippy")


def test_a_unit_survives_odd_paths() -> None:
    text = console_unit(PurePosixPath("/opt/unlit"), PurePosixPath('/home/a b/50% "off"/$x'))
    assert '--repository "/home/a b/50%% \\"off\\"/$$x"' in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_itself_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    program = tmp_path / "un lit"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    folder = tmp_path / "a shop"
    folder.mkdir()
    query = 'labels = "unlit-ready" AND progress > 50% OR $x = 1'
    units = {
        "unlit-console.service": console_unit(program, folder),
        "unlit-serve.service": serve_unit(program, folder, "jira", query, tmp_path / "environment"),
    }
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    for name, text in units.items():
        (tmp_path / name).write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "--user", "verify", str(tmp_path / name)],
            capture_output=True, text=True, env=env,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    broken = units["unlit-serve.service"].replace("Restart=always", "Restart=maybe")
    (tmp_path / "unlit-serve.service").write_text(broken)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(tmp_path / "unlit-serve.service")],
        capture_output=True, text=True, env=env,
    )  # fmt: skip
    assert "maybe" in done.stderr, "the check can fail"


def test_the_watch_says_its_query_as_one_word() -> None:
    text = serve_unit(
        PurePosixPath("/u"), PurePosixPath("/s"), "jira", 'a = "b c" %', PurePosixPath("/e")
    )
    assert '"--query" "a = \\"b c\\" %%"' in text
