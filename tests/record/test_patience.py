"""A server that starts again is waited for; one that never answered is not."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from unlit.core.errors import OutsideFailed
from unlit.record.engine import Patient, database_failed, steadily


class Refused(Exception):
    """What the driver raises."""


def dialect(*answers: object) -> Any:
    left = list(answers)

    def connect() -> object:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(connect=connect, dbapi=SimpleNamespace(OperationalError=Refused))


def test_a_server_that_answered_before_is_waited_for() -> None:
    patient = Patient(600)
    shown = dialect("one", Refused(), Refused(), "two")
    assert patient(shown, None, (), {}) == "one"
    assert patient(shown, None, (), {}) == "two"


def test_a_server_that_never_answered_or_stays_away_is_said() -> None:
    with pytest.raises(Refused):
        Patient(600)(dialect(Refused(), "late"), None, (), {})
    patient = Patient(0)
    shown = dialect("one", Refused(), "late")
    patient(shown, None, (), {})
    with pytest.raises(Refused):
        patient(shown, None, (), {})


@pytest.mark.parametrize(("broke", "times"), [(True, 2), (False, 1)])
def test_what_broke_in_the_middle_is_done_once_more(broke: bool, times: int) -> None:
    done: list[int] = []

    def act() -> None:
        done.append(1)
        cause = DBAPIError("select 1", {}, Refused("gone"), connection_invalidated=broke)
        raise database_failed(cause) from cause

    with pytest.raises(OutsideFailed, match="REC-003"):
        steadily(act)
    assert len(done) == times
