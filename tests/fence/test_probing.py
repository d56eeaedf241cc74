"""A detector that is switched off must fail its own control."""

from typing import Any

import pytest
from tests.fence.conftest import Bench

from unlit.fence.probing import Prober


@pytest.mark.parametrize(
    ("detector", "blind", "control"),
    [
        ("seek", staticmethod(lambda path: "echo no"), "control file"),
        ("finds", staticmethod(lambda memory, text: False), "control credential"),
    ],
)
async def test_a_blind_detector_fails_its_control(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, detector: str, blind: Any, control: str
) -> None:
    monkeypatch.setattr(Prober, detector, blind)
    report = await (await bench.open()).close()
    assert not report.held
    assert {probe.name for probe in report.probes if not probe.holds} == {control}


async def test_a_listener_that_notices_nothing_fails_its_control(bench: Bench) -> None:
    fence = await bench.open()
    bench.host._prober._server.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await bench.host._prober.probe(fence, "end")


async def test_each_watched_path_has_a_probe(bench: Bench) -> None:
    report = await (await bench.open()).close()
    assert report.held
    names = {probe.name for probe in report.probes if not probe.control}
    assert names == {"state", "vault", "credentials", "host loopback"}


async def test_a_path_that_is_visible_is_reported(bench: Bench) -> None:
    fence = await bench.open()
    bench.host._prober.watched["record"] = bench.folder.parent.__class__("/usr/bin")
    report = await fence.close()
    assert not report.held
    assert [probe.name for probe in report.probes if not probe.holds] == ["record"]


async def test_a_secret_that_got_in_is_reported(bench: Bench) -> None:
    policy = (
        'version = 1\n[credential.key]\nsource = {env = "FAKE_KEY"}\n'
        'inject = {header = "authorization"}\nhosts = ["api.example.com"]\npaths = ["/v1/*"]\n'
    )
    bench.host._prober._known = lambda spec: {"key": "fake-secret-0123456789"}
    fence = await bench.open(policy)
    leaked = await fence.spawn(["sleep", "30"], env={"STOLEN": "fake-secret-0123456789"})
    probes = await bench.host._prober.probe(fence, "end")
    assert not leaked.ended, await leaked.wait()
    # Every command has a pid namespace of its own: what one holds, another does not see.
    assert {probe.name: probe.blocked for probe in probes}["credentials"]
    fence._env["STOLEN"] = "fake-secret-0123456789"
    report = await fence.close()
    assert [probe.name for probe in report.probes if not probe.holds] == ["credentials"]
