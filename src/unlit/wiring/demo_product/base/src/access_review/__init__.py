"""Quarterly review of who still needs access."""
