import unittest

from desk_booking.rules import wrong_field


class Fields(unittest.TestCase):
    def test_a_good_request_has_no_wrong_field(self):
        self.assertIsNone(wrong_field("2026-03-02", "ada"))

    def test_a_day_that_is_not_in_the_calendar_is_wrong(self):
        self.assertEqual(wrong_field("2026-02-30", "ada"), "day")

    def test_nobody_is_wrong(self):
        self.assertEqual(wrong_field("2026-03-02", " "), "person")


if __name__ == "__main__":
    unittest.main()
