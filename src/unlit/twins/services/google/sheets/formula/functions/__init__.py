"""The functions of formulas, by subject."""
