"""The probe: from a fence as the agent has it, look for everything that must be out of reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.evaluation.ports import Sandbox

CONTROL_FILE: Final = ".planted-control"
_TIMEOUT_S: Final = 60
_SCRIPT: Final = r"""
sought=/tmp/.sought more=
if [ -n "$PROBE_OWN" ]; then sought="$TMPDIR/.sought" more="$PWD $HOME $TMPDIR"; fi
cat > "$sought"
for place in $more /work /home /root /tmp /var/tmp /run /deps /opt /mnt /srv /media /dev/shm; do
  [ -d "$place" ] && grep -rlaF -f "$sought" "$place" 2>/dev/null
done | grep -v '/[.]sought$' | sort -u | head -n 200
for path in "$@"; do
  if { ls "$path"/. || head -c1 "$path"; } >/dev/null 2>&1; then echo "path:$path"
  elif [ -e "$path" ] || ls -d "$path" >/dev/null 2>&1; then echo "name:$path"; fi
done
echo probe-ended
"""


@dataclass(frozen=True, slots=True)
class Probed:
    """What the probe found.

    Attributes:
        state: ``held``, ``leaked``, or ``failed`` when it did not find what was planted for it.
    """

    state: str
    details: tuple[str, ...] = ()


async def probe(
    sandbox: Sandbox,
    patterns: Sequence[bytes],
    control: bytes,
    paths: Sequence[Path],
    *,
    names_count: bool = True,
) -> Probed:
    """Look for `patterns` in every file that can be opened inside, and for `paths` by name.

    Args:
        sandbox: A fence with the policy and the workspace of the agent.
        patterns: Text of hidden scenarios; must be found nowhere.
        control: Planted in the workspace first; must be found.
        paths: Folders of the evaluator and of the record; must not exist inside.
        names_count: Whether a path that is there but cannot be opened is reached too; not so
            behind a backend that says itself that it hides content only.
    """
    await sandbox.write({CONTROL_FILE: b"planted: " + control + b"\n"})
    lines = [line for line in (*patterns, control) if line.strip() and b"\n" not in line]
    argv = ["sh", "-c", _SCRIPT, "probe", *(str(path) for path in paths), f"/work/{CONTROL_FILE}"]
    env = {} if names_count else {"PROBE_OWN": "1"}  # its folders lie elsewhere there
    sought = b"\n".join(lines) + b"\n"
    ended = await sandbox.run(argv, stdin=sought, env=env, timeout_s=_TIMEOUT_S)
    found = ended.stdout.decode("utf-8", "replace").splitlines()
    if ended.timed_out or "probe-ended" not in found:
        return Probed("failed", ("The probe did not come to its end.",))
    files = {line for line in found if line.startswith("/")}
    marks = ("path:", "name:") if names_count else ("path:",)
    reached = {line[5:] for line in found if line.startswith(marks)}
    if not any(name.endswith(CONTROL_FILE) for name in files) or not any(
        name.endswith(CONTROL_FILE) for name in reached
    ):
        return Probed("failed", ("The probe did not find what was planted for it.",))
    bad_files = {name for name in files if not name.endswith(CONTROL_FILE)}
    bad_paths = {name for name in reached if not name.endswith(CONTROL_FILE)}
    details = [
        f"Hidden content can be read inside the fence: {name}." for name in sorted(bad_files)
    ]
    details += [f"The evaluator's folder can be reached inside the fence: {name}."
                for name in sorted(bad_paths)]  # fmt: skip
    return Probed("leaked" if details else "held", tuple(details))
