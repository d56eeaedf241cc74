"""Enforcement: sandbox, gateway, credential injection, twin routing, extraction."""
