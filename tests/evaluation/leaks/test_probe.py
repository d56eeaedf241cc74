"""The probe: it finds what is there, and says when it is blind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from unlit.evaluation.fakes import LocalSandbox
from unlit.evaluation.leaks import probe as module
from unlit.evaluation.leaks.probe import probe


class Rooted(LocalSandbox):
    """A sandbox whose `/work` is its own folder, as far as the probe's script is concerned."""

    @override
    async def run(self, argv, **more):  # type: ignore[no-untyped-def] # the port's own types
        work = str(self._work)
        words = [word.replace("/work", work).replace("/tmp/.sought", f"{work}/../.sought")
                 .replace("/home /root /tmp /var/tmp /run /deps /opt /mnt /srv /media /dev/shm", "")
                 for word in argv]  # fmt: skip
        return await super().run(words, **more)


@pytest.fixture
async def box(candidate: Path) -> AsyncIterator[Rooted]:
    sandbox = Rooted(candidate)
    yield sandbox
    await sandbox.close()


async def test_nothing_hidden_inside_holds(box: Rooted, tmp_path: Path) -> None:
    found = await probe(box, [b"a very hidden story"], b"c0ntr0l", [tmp_path / "vault"])
    assert (found.state, found.details) == ("held", ())


async def test_hidden_content_inside_is_a_leak(box: Rooted, tmp_path: Path) -> None:
    await box.write({"notes/x.txt": b"... a very hidden story ..."})
    found = await probe(box, [b"a very hidden story"], b"c0ntr0l", [tmp_path / "vault"])
    assert found.state == "leaked"
    assert "notes/x.txt" in found.details[0]


async def test_a_reachable_vault_is_a_leak(box: Rooted, tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    found = await probe(box, [b"a very hidden story"], b"c0ntr0l", [tmp_path / "vault"])
    assert found.state == "leaked"


async def test_a_blind_probe_says_so(
    box: Rooted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SCRIPT", "cat >/dev/null; echo probe-ended")
    found = await probe(box, [b"a very hidden story"], b"c0ntr0l", [tmp_path / "vault"])
    assert found.state == "failed"
