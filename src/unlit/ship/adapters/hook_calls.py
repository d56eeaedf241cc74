"""Tells hooks: a command with a small environment, or a signed POST. Both end in time."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2

from unlit.core.clock import Clock
from unlit.ship.rules.hooks import Hook, sign

_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "XDG_RUNTIME_DIR", "USER")
_TAIL: Final = 300

InFence = Callable[[Hook, Mapping[str, str], bytes], str | None]


class HookCalls:
    """Tells hooks once each; never raises for what a hook does.

    Args:
        folder: Where commands run: the repository.
        env: The user's environment; keys of signatures are read from it.
        clock: Says when, for the signature.
        in_fence: Runs commands of hooks that want a fence.
    """

    def __init__(
        self, folder: Path, env: Mapping[str, str], clock: Clock, in_fence: InFence | None = None
    ) -> None:
        self._folder = folder
        self._env = env
        self._clock = clock
        self._in_fence = in_fence

    def __call__(self, hook: Hook, told: Mapping[str, Any], body: bytes) -> str | None:
        """Tell a hook; return what went wrong, or `None`."""
        try:
            return self._post(hook, told, body) if hook.url else self._run(hook, told, body)
        except (OSError, httpx2.HTTPError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    def _run(self, hook: Hook, told: Mapping[str, Any], body: bytes) -> str | None:
        facts = {
            "UNLIT_EVENT": str(told["event"]),
            "UNLIT_EVENT_ID": str(told["id"]),
            "UNLIT_RUN": str(told["run"]),
        }
        if hook.fence:
            return (
                "no fence is open for hooks"
                if self._in_fence is None
                else self._in_fence(hook, facts, body)
            )
        env = {name: self._env[name] for name in _KEPT if name in self._env}
        if hook.key_env in self._env:
            env[hook.key_env] = self._env[hook.key_env]
        with subprocess.Popen(  # noqa: S603 # the user's own command
            ["sh", "-c", hook.run],  # noqa: S607 # found on the path
            cwd=self._folder, env={**env, **facts}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                out, _ = process.communicate(body, timeout=hook.timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return f"it did not end within {hook.timeout_s:g} s"
            except BrokenPipeError:
                out = b""
        if process.returncode == 0:
            return None
        last = out.decode(errors="replace").strip()[-_TAIL:]
        return f"it ended with {process.returncode}: {last or 'no words'}"

    def _post(self, hook: Hook, told: Mapping[str, Any], body: bytes) -> str | None:
        key = self._env.get(hook.key_env, "")
        if not key:
            return f"the variable {hook.key_env} with the key of its signature is not set"
        headers = {
            "content-type": "application/json",
            "user-agent": "unlit",
            "idempotency-key": str(told["id"]),
            "unlit-event": str(told["event"]),
            "unlit-signature": sign(body, key, int(self._clock.now().timestamp())),
        }
        reply = httpx2.post(
            hook.url, content=body, headers=headers, timeout=hook.timeout_s, follow_redirects=False
        )
        return None if reply.status_code < 300 else f"it answered {reply.status_code}"
