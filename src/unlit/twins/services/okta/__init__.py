"""Okta: management API, authorisation servers and OpenID Connect, system log, hooks.

Compared with Okta's OpenAPI 2026.06.3 and recordings of its SDKs' own tests.
"""

from unlit.twins.services.okta.plugin import Okta

twin = Okta()
__all__ = ["twin"]
