"""What apps are told: the Events API."""

from typing import Any

from unlit.twins.kit.world import World


def message(world: World, cid: str, row: dict[str, Any]) -> None:
    """A message was posted."""


def changed(world: World, cid: str, new: dict[str, Any], old: dict[str, Any]) -> None:
    """A message was edited."""


def deleted(world: World, cid: str, old: dict[str, Any]) -> None:
    """A message was deleted."""


def reaction(world: World, kind: str, cid: str, row: dict[str, Any], name: str, user: str) -> None:
    """A reaction was added or removed."""


def file(world: World, kind: str, row: dict[str, Any], cid: str | None = None) -> None:
    """A file was made, shared or deleted."""
