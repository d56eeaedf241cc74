"""Outcome reports, the ceiling of what was verified, questions for people, gates."""

from unlit.review.decisions import Decided, Desk
from unlit.review.markdown import render_markdown
from unlit.review.model import REPORT_SCHEMA, Report
from unlit.review.publish import Published, publish
from unlit.review.render import render_html
from unlit.review.service import build_report, questions_for

__all__ = [
    "REPORT_SCHEMA",
    "Decided",
    "Desk",
    "Published",
    "Report",
    "build_report",
    "publish",
    "questions_for",
    "render_html",
    "render_markdown",
]
