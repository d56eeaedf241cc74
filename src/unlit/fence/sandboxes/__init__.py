"""Sandbox back ends, one per file; the registry names them."""
