"""Outcome reports, the ceiling of what was verified, questions for people, gates."""

from unlit.review.decisions import Decided, Desk
from unlit.review.model import REPORT_SCHEMA, Report
from unlit.review.service import build_report, questions_for

__all__ = ["REPORT_SCHEMA", "Decided", "Desk", "Report", "build_report", "questions_for"]
