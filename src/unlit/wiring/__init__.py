"""Composition root: settings are read once here, and objects are made here."""
