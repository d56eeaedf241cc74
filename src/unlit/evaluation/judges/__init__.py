"""Judges for what no plain check can settle; they do not know each other."""
