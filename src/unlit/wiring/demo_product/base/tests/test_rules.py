"""The rule for inactivity, as the specification's examples give it."""

import unittest
from datetime import UTC, datetime

from access_review.rules import is_inactive

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


class InactiveTest(unittest.TestCase):
    def test_ninety_days_ago_is_inactive(self) -> None:
        self.assertTrue(is_inactive(datetime(2025, 12, 1, tzinfo=UTC), AS_OF))

    def test_eighty_nine_days_ago_is_active(self) -> None:
        self.assertFalse(is_inactive(datetime(2025, 12, 2, tzinfo=UTC), AS_OF))

    def test_never_signed_in_is_inactive(self) -> None:
        self.assertTrue(is_inactive(None, AS_OF))


if __name__ == "__main__":
    unittest.main()
