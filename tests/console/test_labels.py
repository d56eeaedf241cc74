"""A judged run on a page: evidence and question, never the judge's word; answered in its order."""

from collections.abc import Callable
from pathlib import Path

from tests.console.conftest import Bench
from tests.console.test_app import csrf_of
from tests.wiring.test_labelling import judged

from unlit.console.model import ALL_ROLES, Role
from unlit.evaluation.labels import read_rows
from unlit.review.fakes import FakeGateLog


def test_a_person_labels_what_chance_drew(tmp_path: Path, make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(ALL_ROLES)
    labels = judged(bench.store, tmp_path, FakeGateLog())
    kept = labels.vault.parent / f".{labels.vault.name}-evaluations"
    labels.store.rename(kept)
    found = bench.store.find_run(labels.run)
    bench.store.change_run(
        labels.run, found.updated_at, settings={**found.settings, "vault": str(labels.vault)}
    )
    client = bench.logged_in()
    page = client.get(f"/runs/{labels.run}/labels")
    assert page.status_code == 200
    assert "next?" in page.text
    assert "True" not in page.text
    hidden = {name: page.text.split(f'name="{name}" value="')[1].split('"')[0]
              for name in ("partition", "criterion", "n")}  # fmt: skip
    send = {**hidden, "answer": "yes", "csrf": csrf_of(client, f"/runs/{labels.run}/labels")}
    client.post(f"/runs/{labels.run}/labels", data=send)
    said = [row for row in read_rows(labels.vault) if row.by != "rule"]
    assert [(row.n, row.person) for row in said] == [(int(hidden["n"]), True)]
    client.post(f"/runs/{labels.run}/labels", data={**send, "n": "9999"})  # nobody chooses
    assert len([row for row in read_rows(labels.vault) if row.by != "rule"]) == 1


def test_who_may_not_see_scenarios_sees_no_evidence(
    tmp_path: Path, make_bench: Callable[..., Bench]
) -> None:
    bench = make_bench(frozenset({Role.READER, Role.DECIDER}))
    labels = judged(bench.store, tmp_path, FakeGateLog())
    assert bench.logged_in().get(f"/runs/{labels.run}/labels").status_code == 403
