"""Book a desk for a day."""
