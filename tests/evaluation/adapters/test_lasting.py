"""What outlasts a reset is said; what a product writes cannot fill the evaluator's memory."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from unlit.evaluation.adapters import fences
from unlit.evaluation.adapters.fences import FenceSandbox, lasting
from unlit.fence import ChangedFile
from unlit.policy import parse_policy


def test_a_product_that_may_write_outside_is_named_in_the_verdict() -> None:
    inside = parse_policy('version = 1\n[files.product]\nwrite = ["."]\n')
    assert lasting(inside) == ()
    outside = parse_policy('version = 1\n[files.product]\nwrite = [".", "~/.cache", "/srv/x"]\n')
    assert "~/.cache, /srv/x" in lasting(outside)[0]


def test_only_so_much_of_what_was_written_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fences, "_MOST_READ", 10)
    files = tuple(ChangedFile(f"f{number}", "file", 0o644, 4) for number in range(5))
    taken: list[Any] = []

    def apply_to(folder: Any) -> None:
        for file in files:
            (folder / file.path).write_bytes(b"data")
        taken.append(folder)

    layer = SimpleNamespace(files=files, apply_to=apply_to)
    fence = cast("Any", SimpleNamespace(changes=lambda: layer))
    assert sorted(FenceSandbox(fence).read_changed()) == ["f0", "f1"]
    assert taken
