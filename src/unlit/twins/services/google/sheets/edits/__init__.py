"""Requests of spreadsheets.batchUpdate, by subject."""
