"""What shipping needs from outside: a forge where pull requests are opened."""

from typing import Protocol

from unlit.ship.model import Pull


class Forge(Protocol):
    """A service that hosts the repository and its pull requests."""

    def find(self, head: str) -> Pull | None:
        """Return the newest pull request of a branch, open or not."""
        ...

    def open(self, head: str, base: str, title: str, body: str) -> Pull:
        """Open a pull request; return the one that is there already.

        Raises:
            OutsideFailed: The forge refused, in its own words.
        """
        ...

    def describe(self, pull: Pull, title: str, body: str) -> None:
        """Replace title and body of a pull request."""
        ...

    def merge(self, pull: Pull, commit: str, method: str, title: str) -> Pull:
        """Merge a pull request whose head is still `commit`.

        Raises:
            OutcomeNotGoodEnough: It cannot be merged now; the forge says why.
            OutsideFailed: The forge refused or does not answer.
        """
        ...
