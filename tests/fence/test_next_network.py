"""The network that is made ahead, where the kernel refuses to make one."""

import errno

import pytest

from unlit.fence.launch import network


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def refuse(flags: int) -> None:
        asked.append("unshare")
        raise OSError(errno.ENOSPC, "no more networks")

    monkeypatch.setattr("unlit.fence.launch.syscalls.unshare", refuse)
    monkeypatch.setattr("unlit.fence.launch.syscalls.setns", lambda fd, kind: None)
    return asked


def test_a_network_that_cannot_be_made_ahead_is_asked_for_once_and_again_when_it_is_needed(
    refused: list[str],
) -> None:
    ahead = network.NextNetwork()
    assert not ahead.is_due, "nothing is made for a fence that was never reset"
    with pytest.raises(OSError, match="no more networks"):
        ahead.enter()
    assert ahead.is_due
    ahead.prepare()
    assert not ahead.is_due, "it would be tried every two milliseconds while a command runs"
    with pytest.raises(OSError, match="no more networks"):
        ahead.enter()
    assert refused == ["unshare"] * 3
