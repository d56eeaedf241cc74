"""GitHub: issues, pull requests, contents, checks and webhooks by hand; the rest by contract.

Grown from ``unlit twins new github --openapi api.github.com.json`` (docs/how-to/grow-a-twin.md).
"""

from unlit.twins.services.github.plugin import GitHub

twin = GitHub()
__all__ = ["twin"]
