"""What `unlit evaluate` says to a newcomer whose program never worked at all."""

from dataclasses import replace
from random import Random

from tests.review.sample import grade

from unlit.cli.evaluate import render


def test_where_nothing_held_the_first_thing_to_look_at_is_named() -> None:
    nothing = grade(Random(1), 0.0)
    nothing = replace(nothing, satisfaction=replace(nothing.satisfaction, satisfied=0))
    assert "Nothing held at all. Does the program start?" in render(nothing)


def test_where_something_held_it_is_not_asked() -> None:
    assert "Nothing held at all" not in render(grade(Random(1), 0.5))
    assert "Nothing held at all" not in render(grade(Random(1), 1.0))
