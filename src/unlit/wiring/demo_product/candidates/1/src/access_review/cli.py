"""The command line."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from access_review import config as configuration
from access_review.model import NoSuchGroup, ServiceDown


def main(argv: list[str]) -> int:
    """Run one command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="access-review", description="Quarterly access review.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="review one group")
    run.add_argument("--group", required=True)
    run.add_argument("--as-of", type=_day, default=None, metavar="YYYY-MM-DD")
    run.add_argument("--config", type=Path, default=Path("config.toml"))
    options = parser.parse_args(argv)
    try:
        _review(options)
    except NoSuchGroup as error:
        print(f"access-review: no group named {error} in Okta", file=sys.stderr)
        return 3
    except ServiceDown as error:
        print(f"access-review: {error}; run again to finish", file=sys.stderr)
        return 5
    except (OSError, KeyError) as error:
        print(f"access-review: configuration: {error}", file=sys.stderr)
        return 2
    return 0


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _review(options: argparse.Namespace) -> None:
    from access_review import chat, directory, google_files, tickets

    settings = configuration.load(options.config)
    as_of = options.as_of or datetime.now(UTC)
    group = options.group
    members = directory.members(settings.okta_url, os.environ["OKTA_TOKEN"], group, as_of)
    inactive = [member for member in members if member.inactive]
    opened = tickets.open_issues(settings, os.environ["JIRA_TOKEN"], group, inactive)
    report = google_files.keep(settings, os.environ["GOOGLE_TOKEN"], group, members)
    text = chat.summary(group, len(members), len(inactive), opened, report)
    chat.post(os.environ["SLACK_TOKEN"], settings.channel, text)
    print(f"{group}: {len(members)} members, {len(inactive)} inactive, {opened} issues opened")
