"""A judge's card on the calibration page: how often it errs, and whether it may count."""

from collections.abc import Callable
from pathlib import Path

from tests.console.conftest import Bench

from unlit.console.model import ALL_ROLES, Place
from unlit.evaluation.labels import LabelRow, add_label


def test_calibration_shows_the_cards_of_judges(
    tmp_path: Path, make_bench: Callable[..., Bench]
) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    bench = make_bench(ALL_ROLES, Place(tmp_path, vault=vault))
    client = bench.logged_in()
    assert "No judge has labels" in client.get("/calibration").text
    for n in range(60):
        row = LabelRow("rubric <m>", "AC-7", n % 3 > 0, n % 3 > 0, "g", n, "ada", "", "anthropic")
        add_label(vault, row)
    page = client.get("/calibration").text
    assert "rubric &lt;m&gt; (anthropic)" in page
    assert "of 40 satisfied runs it liked 40, of 20 others it liked 0" in page
    assert "0.00 to 0.17" in page  # the exact interval of 0 of 20
