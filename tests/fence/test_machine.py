"""What this machine can enforce is tried, said in sentences, and required by name."""

import pytest

from unlit.core.errors import OutsideFailed
from unlit.fence import Capabilities, Capability, capabilities
from unlit.fence.machine import NEEDED, require_strong


def test_everything_that_a_fence_needs_is_tried() -> None:
    found = capabilities()
    names = [entry.name for entry in found.entries]
    assert set(NEEDED) <= set(names)
    assert len(names) == len(set(names))
    assert all(entry.sentence.endswith(".") for entry in found.entries)
    assert all(entry.works or entry.sentence for entry in found.entries)
    assert set(found.to_json()) == set(names)


@pytest.mark.parametrize("missing", NEEDED)
def test_a_missing_need_refuses_to_start_and_says_what_to_do(missing: str) -> None:
    entries = tuple(
        Capability(name, name != missing, f"{name} …", "sysctl -w x=1" if name == missing else "")
        for name in NEEDED
    )
    found = Capabilities(entries)
    assert not found.strong
    with pytest.raises(OutsideFailed, match="FEN-003") as caught:
        require_strong(found)
    assert caught.value.remedy == "sysctl -w x=1"


def test_what_is_not_needed_refuses_nothing() -> None:
    entries = [Capability(name, True, "works.") for name in NEEDED]
    require_strong(Capabilities((*entries, Capability("cgroup", False, "none."))))
