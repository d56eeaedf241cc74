"""The live view of a run: a line per stage, trajectories ticking, satisfaction moving.

Everything goes to one text stream, meant to be standard error. On a terminal the last line is
rewritten in place; elsewhere a line of progress is written now and then.
"""

from collections.abc import Callable
from typing import Any, Final, TextIO

from unlit.line.model import LineEvent

_SIGNS: Final = {"done": "✓", "not_good_enough": "✗", "failed": "!", "skipped": "–"}
_MARKS: Final = {"satisfied": "●", "not_satisfied": "○", "harness_fault": "!", "not_exercised": "·"}
_COLOURS: Final = {"✓": "32", "✗": "33", "!": "31", "–": "2"}
_EVERY_S: Final = 5.0
_DOTS: Final = 40


class LiveView:
    """Shows `LineEvent`s as they come.

    Args:
        stream: Where to write.
        now_s: Monotonic seconds.
        terminal: Whether the stream is a terminal that understands colours and rewriting.
    """

    def __init__(self, stream: TextIO, now_s: Callable[[], float], *, terminal: bool) -> None:
        self._stream = stream
        self._now_s = now_s
        self._terminal = terminal
        self._begun_s = now_s()
        self._stage_s: dict[str, float] = {}
        self._status = ""
        self._dots: list[str] = []
        self._told_s = now_s()
        self._first_failure = False

    @property
    def elapsed_s(self) -> float:
        """Seconds since the view was made."""
        return self._now_s() - self._begun_s

    def listen(self, event: LineEvent) -> None:
        """Show one event."""
        if event.kind == "stage":
            self._stage(event)
        elif event.kind == "trajectory":
            self._trajectory(event)
        elif event.kind == "state" and event.state == "failed":
            self.say(f"! {event.stage}: {event.text}")
            if remedy := event.data.get("remedy"):
                self.say(f"  Do: {remedy}")
        elif event.kind == "question":
            self._question(event)
        elif event.kind == "note" and event.stage == "budget":
            self.say(f"? {_label(event)} {event.text}")
        elif event.kind in ("note", "agent") and event.text:
            self._show_status(f"  {_label(event)} {_inert(event.text)}")

    def say(self, line: str) -> None:
        """Write a line that stays, above the status line."""
        self._clear()
        self._stream.write(self._painted(_inert(line)) + "\n")
        self._restore()

    def close(self) -> None:
        """Remove the status line."""
        self._clear()
        self._status = ""
        self._stream.flush()

    def _stage(self, event: LineEvent) -> None:
        label = _label(event)
        if event.state == "running":
            self._stage_s[label] = self._now_s()
            self._dots = []
            self._show_status(f"  {label} …")
            return
        self._status = ""
        took_s = self._now_s() - self._stage_s.get(label, self._now_s())
        sign = _SIGNS.get(event.state, "·")
        self.say(f"{sign} {label} {event.text}  ({took_s:.1f} s)")

    def _question(self, event: LineEvent) -> None:
        self.say(f"? {_label(event)} {event.text}")
        if event.state == "asked":
            number = event.data.get("access")
            self.say(f"  Do: unlit approve {event.run} --access {number} --for 1h --reason TEXT")

    def _trajectory(self, event: LineEvent) -> None:
        data = event.data
        self._dots.append(_MARKS.get(event.state, "·"))
        self._show_status(f"  {_label(event)} {self._progress(data)}")
        if event.state == "not_satisfied" and not self._first_failure:
            self._first_failure = True
            named = data.get("scenario")
            what = f"holdout “{named}”" if named else "a sealed scenario"
            self.say(
                f"✗ first failing holdout after {self.elapsed_s:.0f} s: {what} "
                f"({data.get('criterion') or 'no criterion'})"
            )

    def _progress(self, data: Any) -> str:
        dots = "".join(self._dots[-_DOTS:])
        text = f"{dots} {data.get('satisfied', '?')} of {data.get('total', '?')} satisfied"
        if data.get("estimate") is not None:
            text += f", satisfaction {data['estimate']:.2f}"
        if data.get("lower") is not None and data.get("upper") is not None:
            text += f" [{data['lower']:.2f}, {data['upper']:.2f}]"
        return text

    def _show_status(self, status: str) -> None:
        self._status = status
        if self._terminal:
            self._clear()
            self._restore()
        elif self._now_s() - self._told_s >= _EVERY_S:
            self._told_s = self._now_s()
            self._stream.write(status + "\n")
            self._stream.flush()

    def _clear(self) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[2K")

    def _restore(self) -> None:
        if self._terminal and self._status:
            self._stream.write(f"\x1b[?7l{self._status}\x1b[?7h")
        self._stream.flush()

    def _painted(self, line: str) -> str:
        colour = _COLOURS.get(line[:1])
        if not self._terminal or colour is None:
            return line
        return f"\x1b[{colour}m{line[0]}\x1b[0m{line[1:]}"


def _label(event: LineEvent) -> str:
    return f"{event.stage} {event.candidate or ''}".strip().ljust(11)


def _inert(text: str) -> str:
    """Make text from anywhere inert on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
