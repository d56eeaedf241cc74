"""`unlit watch` as typed: what each kind of data lets one say, and what it says of too little."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.ship.test_service import RUN, World

from unlit.cli.watch import app
from unlit.core.errors import UnlitError
from unlit.record.model import RunEvent
from unlit.wiring.paths import state_paths
from unlit.wiring.settings import read_settings

AT = datetime(2026, 11, 10, tzinfo=UTC)
NOISE = (0.0, 0.3, -0.2, 0.1, -0.4, 0.2)


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose run reached its users at AT."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    world = World(tmp_path)
    data = {"ok": True, "percent": 100, "commit": world.base, "previous": world.base}
    world.store.keep_events([RunEvent(RUN, "rollout/1", "rollout", AT, "deploy", data=data)])
    world.store.close()
    paths = state_paths(read_settings(), world.repository)
    paths.create()
    shutil.copyfile(tmp_path / "record.db", paths.database)
    return world.repository


def rows(name: str, after: float, shared: float = 0.0) -> str:
    """CSV of three weeks: `treated` moves by `after`, everybody by `shared`."""
    lines = ["time,value" + (",unit,group" if name != "plain" else "")]
    for day in range(20):
        at = AT + timedelta(days=day - 10, hours=1)
        for unit in range(1 if name == "plain" else 16):
            treated = unit % 2 == 0
            value = 10 + NOISE[(day + unit) % 6]
            value += (shared + (after if treated else 0)) if day >= 10 else 0
            more = f",u{unit},{'treated' if treated else 'control'}" if name != "plain" else ""
            lines.append(f"{at.isoformat()},{value}{more}")
    return "\n".join(lines) + "\n"


def said(
    product: Path, capsys: pytest.CaptureFixture[str], text: str, *words: str
) -> tuple[int, str]:
    path = product.parent / "metric.csv"
    path.write_text(text)
    call = [RUN, "--metric", str(path), "--repository", str(product), *words]
    code = app(call, result_action="return_value")
    return int(code), capsys.readouterr().out


def test_before_and_after_is_never_called_causal(
    product: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(product, capsys, rows("plain", 3))
    assert (code, "moved up" in text, "not causal" in text) == (0, True, True), text
    code, text = said(product, capsys, rows("plain", -3))
    assert (code, "moved down" in text) == (1, True), text
    code, text = said(product, capsys, rows("plain", 0))
    assert (code, "cannot tell" in text) == (0, True), text


def test_what_both_groups_share_is_taken_out(
    product: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(product, capsys, rows("groups", 2, shared=5), "--json")
    found = json.loads(text)["metric"]
    assert (code, found["verdict"], found["level"]) == (0, "moved up", "difference-in-differences")
    assert 1.5 < found["change"]["estimate"] < 2.5
    code, text = said(product, capsys, rows("groups", 0, shared=5))
    assert "cannot tell" in text, text


def test_only_groups_drawn_by_chance_are_called_causal(
    product: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, plain = said(product, capsys, rows("groups", 2))
    code, drawn = said(product, capsys, rows("groups", 2), "--randomised")
    assert code == 0
    assert "at every look" in drawn
    assert plain.splitlines()[1] != drawn.splitlines()[1], "the same label for weaker data"
    assert all(len(line) <= 80 for line in (plain + drawn).splitlines() if "metric.csv" not in line)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "SHP-064"),
        (("--metric", "nothing.csv"), "SHP-062"),
        (("--metric", "EMPTY"), "SHP-061|SHP-062"),
        (("--errors", "nowhere"), "CTX-|SHP-065"),
    ],
)
def test_wrong_words_are_named(product: Path, words: tuple[str, ...], code: str) -> None:
    empty = product.parent / "empty.csv"
    empty.write_text("time,value\n")
    given = [str(empty) if word == "EMPTY" else word for word in words]
    with pytest.raises(UnlitError, match=code):
        app([RUN, *given, "--repository", str(product)], result_action="return_value",
            exit_on_error=False, print_error=False)  # fmt: skip
