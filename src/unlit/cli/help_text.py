"""How help is laid out: paragraphs flow to the terminal's width, however their source was wrapped.

Nothing heavy is imported before help is shown.
"""

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions

_KEPT: Final = re.compile(r"\s*(?:[-*•]\s|\d+[.)]\s)|\s{2,}\S")
"""Lines that stand alone: items of a list, and what is indented."""


def flowed(text: str) -> str:
    """Join the lines of each paragraph."""
    found: list[str] = []
    for line in text.strip().split("\n"):
        joins = found and found[-1] and line.strip() and not _KEPT.match(line)
        if joins:
            found[-1] = f"{found[-1].rstrip()} {line.strip()}"
        else:
            found.append(line.rstrip())
    return "\n".join(found)


class FlowingHelp:
    """Lays out help as cyclopts does; text flows, defaults that say nothing are left out."""

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel") -> None:
        """Show one panel."""
        from attrs import evolve
        from cyclopts.help import DefaultFormatter

        entries = []
        for entry in panel.entries:
            _flow(entry.description)
            plain = str(entry.default) in ("False", "None")
            entries.append(evolve(entry, default=None) if plain else entry)
        DefaultFormatter()(console, options, panel.copy(entries=entries))

    def render_usage(self, console: "Console", options: "ConsoleOptions", usage: Any) -> None:
        """Show the usage line."""
        from cyclopts.help import DefaultFormatter

        DefaultFormatter().render_usage(console, options, usage)

    def render_description(
        self, console: "Console", options: "ConsoleOptions", description: Any
    ) -> None:
        """Show what a command does."""
        if description:
            _flow(description)
            console.print(description)


def _flow(description: Any) -> None:
    from rich.text import Text

    text = getattr(description, "primary_renderable", None)
    if isinstance(text, Text):
        description.primary_renderable = Text(flowed(text.plain))
