"""Slack: Web API, Events API and Socket Mode, uploads, OAuth.

Compared with Slack's method reference of 2026-08 and recordings and logs of its own SDKs.
"""

from unlit.twins.services.slack.plugin import Slack

twin = Slack()
__all__ = ["twin"]
