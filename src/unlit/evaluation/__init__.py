"""Holdout scenarios, drivers, judges, satisfaction, leak proof, strength, independence."""
