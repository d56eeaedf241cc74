"""What the review is about: members and what was found."""

from dataclasses import dataclass
from datetime import datetime


class ServiceDown(Exception):
    """A service did not answer as it should; the run can be repeated."""

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(f"{service} did not answer: {detail}")
        self.service = service


class NoSuchGroup(Exception):
    """The directory has no group of that name."""


@dataclass(frozen=True)
class Member:
    """One person in the group."""

    login: str
    last_login: datetime | None
    inactive: bool
