"""What strangers wrote is printed on a terminal without steering it, and into a pipe as it is."""

import io
import os
import pty
import subprocess
import sys
from typing import cast

from unlit.cli.inert_output import InertOutput, open_stream

HOSTILE = "a\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202eb\tc\n"
PROGRAM = f"""\
import sys
from unlit.cli import main
main.run = lambda argv: (sys.stdout.write({HOSTILE!r}), 0)[1]
sys.argv = ["unlit", "memory"]
main.main()
"""


def test_what_steers_becomes_visible() -> None:
    held = io.StringIO()
    stream = InertOutput(held)
    assert stream.write(HOSTILE) == len(HOSTILE)
    assert held.getvalue() == "a␛]0;owned␇␛[2J\\u009b31m␍\\u202eb\tc\n"
    assert open_stream(cast("io.TextIOWrapper", stream)) is held
    assert not stream.isatty()


def test_a_terminal_is_not_steered() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=theirs, timeout=100)
    os.close(theirs)
    seen = os.read(ours, 4096)
    os.close(ours)
    assert done.returncode == 0
    assert b"owned" in seen
    assert not set(seen) & {0x1B, 0x07}
    assert b"\xc2\x9b" not in seen


def test_a_pipe_gets_every_byte() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=100)
    assert done.stdout == HOSTILE.encode()
