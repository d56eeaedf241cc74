"""Scenarios: the format, its parser with file and line, sampling of what varies, templates."""
