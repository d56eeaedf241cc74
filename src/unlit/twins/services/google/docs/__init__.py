"""Docs: documents as a flat run of UTF-16 units, and the requests that change them."""
