"""A command in a fence meets the twins that its policy names, at the vendor's own name."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unlit.cli.main import run

POLICY = """
version = 1
[[allow]]
role = "coder"
host = "slack.com"
twin = "slack"
[files.coder]
write = ["."]
"""


def test_without_a_policy_a_newcomer_hears_of_presets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["fence", "run", "--", "true"]) == 125
    said = capsys.readouterr().err
    assert "FEN-058 There is no policy" in said
    assert "--preset" in said


@pytest.mark.fence
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_in_a_fence_signs_in_at_the_slack_twin(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    ask = 'curl -s https://slack.com/api/auth.test -H "Authorization: Bearer $UNLIT_TWIN_SLACK"'
    done = subprocess.run(
        [sys.executable, "-m", "unlit", "fence", "run", "--", "sh", "-c", ask],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert '"ok":true' in done.stdout
