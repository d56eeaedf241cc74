"""Unlit: the dark software factory you can check."""

__version__ = "0.1.0"
