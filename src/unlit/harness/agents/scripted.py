"""The scripted agent: plays prepared overlays, one per candidate. Plainly labelled, no model.

It works through the same fence and the same extraction as a real agent: the files are written by a
command that runs inside the fence.
"""

import io
import tarfile
from pathlib import Path
from typing import Final

from typing_extensions import override

import unlit
from unlit.core.errors import InvalidInput
from unlit.harness.model import AgentEvent, End, EndReason, Facts, Job
from unlit.harness.options import AgentOptions
from unlit.harness.ports import Agent, Fence, Sink

SCRIPT: Final = "agent.sh"
BUILT_IN: Final = Path(unlit.__file__).parent / "wiring" / "demo_product" / "candidates"
"""The candidates of the built-in product; read as files, never imported."""


class ScriptedAgent(Agent):
    """Plays ``overlays/N`` for candidate N.

    An overlay is a folder of files to write. If it holds `agent.sh`, that runs inside the fence
    after the files were written, with the brief on its standard input.
    """

    def __init__(self, overlays: Path, name: str = "scripted") -> None:
        if not overlays.is_dir():
            raise InvalidInput(
                "HAR-011",
                f"The overlays folder {overlays} does not exist.",
                "the scripted agent plays OVERLAYS/1, OVERLAYS/2, …",
                "name a folder: --agent scripted:DIR.",
            )
        self._overlays = overlays
        self._facts = Facts(name, "Scripted agent (plays prepared files, no model)", "scripted")

    @property
    @override
    def facts(self) -> Facts:
        return self._facts

    @override
    async def run(self, job: Job, fence: Fence, sink: Sink) -> End:
        overlay = self._overlays / str(job.number)
        files, script = _read(overlay)
        if not files and script is None:
            return End(EndReason.DONE, f"no overlay {job.number}: nothing more to try")
        written = [path for path in files if path.name != SCRIPT or path.parent != overlay]
        sink.event(AgentEvent("started", f"overlay {job.number}, {len(written)} files"))
        unpack = await fence.run(
            ["tar", "-x", "-f", "-", "--no-same-owner", "-C", "/work"],
            stdin=_pack(overlay, written),
            timeout_s=job.deadline_s,
        )
        if unpack.exit_code != 0:
            words = unpack.stderr.decode(errors="replace")[-500:]
            reason = EndReason.TIMED_OUT if unpack.timed_out else EndReason.CRASHED
            return End(reason, words, unpack.exit_code)
        for path in written:
            name = str(path.relative_to(overlay))
            sink.event(AgentEvent("tool", f"write {name}", {"paths": [name]}))
        if script is not None:
            return await self._play(script, job, fence)
        return End(EndReason.DONE, f"wrote {len(written)} files", 0)

    async def _play(self, text: str, job: Job, fence: Fence) -> End:
        done = await fence.run(
            ["sh", "-c", text, SCRIPT],
            stdin=job.brief.encode(),
            env=job.env,
            timeout_s=job.deadline_s,
        )
        words = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
        if done.timed_out:
            return End(EndReason.TIMED_OUT, words, done.exit_code)
        reason = EndReason.DONE if done.exit_code == 0 else EndReason.CRASHED
        return End(reason, words, done.exit_code)


def make(name: str, options: AgentOptions) -> ScriptedAgent:
    """Make the scripted agent; ``scripted:DIR`` plays the overlays in DIR."""
    if options.argument:
        return ScriptedAgent(Path(options.argument), f"{name}:{options.argument}")
    return ScriptedAgent(options.overlays or BUILT_IN)


def _read(overlay: Path) -> tuple[list[Path], str | None]:
    files = sorted(path for path in overlay.rglob("*") if path.is_file())
    script = overlay / SCRIPT
    return files, script.read_text(encoding="utf-8") if script.is_file() else None


def _pack(root: Path, files: list[Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in files:
            entry = tarfile.TarInfo(str(path.relative_to(root)))
            body = path.read_bytes()
            entry.size = len(body)
            entry.mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
            archive.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()
