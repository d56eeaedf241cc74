"""Runs the programs of readings with given inputs, each in a fence of its own.

Compared is all that a product does: exit code and output, responses over HTTP, files that it
writes, and what it changes in the worlds of twins. Every input starts from the same files and the
same worlds.
"""

import asyncio
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, cast

import httpx2

from unlit.core.errors import InvalidInput
from unlit.harness.ports import Fence
from unlit.intent.rules.divergence import Reading
from unlit.intent.rules.examples import Call, Input, Observed
from unlit.line.model import FenceOrder, Place, ProductPlan
from unlit.line.ports import Services
from unlit.line.readings import RUN
from unlit.line.stages.checks import PATH

INPUT_S: Final = 10.0
START_S: Final = 30.0
MAX_OUTPUT: Final = 200_000
MAX_FILE: Final = 20_000
NO_SERVICE: Final = "fake-token-of-no-service"
_NOISE: Final = ("__pycache__", ".pytest_cache", ".cache", ".pyc")


class World(Protocol):
    """The twins' world of one fence.

    Attributes:
        routes: Where the fence finds the twins.
        tokens: The token of each service, by its name.
    """

    @property
    def routes(self) -> tuple[Any, ...]: ...  # noqa: D102 # above

    @property
    def tokens(self) -> Mapping[str, str]: ...  # noqa: D102 # above

    def restart(self) -> None:
        """Put the world back to its seeds."""
        ...

    def effects(self) -> tuple[str, ...]:
        """Say what differs from the seeds, one sentence for each thing."""
        ...


class Worlds(Protocol):
    """Makes a world for each fence, all with the same seeds."""

    def open(self) -> World:
        """Make one."""
        ...


class Programs:
    """Runs readings, each in a fence of the policy's role `product`.

    Without `worlds` there is no twin: what needs a service fails alike and tells nothing.
    """

    def __init__(  # what to run, where, and against what
        self,
        services: Services,
        product: ProductPlan,
        policy: Path,
        trees: Mapping[str, Path],
        worlds: Worlds | None = None,
    ) -> None:
        self._services = services
        self._product = product
        self._policy = policy
        self._trees = dict(trees)
        self._worlds = worlds
        self.command = shlex.split(product.run or "")
        if not self.command:
            raise InvalidInput(
                "LIN-061",
                "Nothing says how the program starts.",
                "its readings are compared by what their programs do.",
                "set `run` in `[product]` of unlit.toml, or give `--run COMMAND`.",
            )

    async def run(self, reading: Reading, inputs: Sequence[Input]) -> Mapping[Input, Observed]:
        """Run one reading with each input; every run starts from the same files and worlds.

        Raises:
            UnlitError: The program cannot be built, or no fence can be opened.
        """
        tree = self._trees[reading.name]
        place = Place(RUN, "intent", reading.family, "product")
        mounts = await self._services.dependencies.prepare(self._product, tree, self._policy, place)
        world = self._worlds.open() if self._worlds is not None else None
        routes = world.routes if world is not None else ()
        order = FenceOrder(place, self._policy, tree, tuple(mounts), self._env(world), twins=routes)
        fence = await self._services.fences.open(order)
        try:
            return {made: await self._observe(fence, world, made) for made in inputs}
        finally:
            await self._services.fences.close(fence, place)

    def _env(self, world: World | None) -> dict[str, str]:
        tokens = world.tokens if world is not None else {}
        given = {
            name: tokens.get(value.removeprefix("twin:"), NO_SERVICE)
            if value.startswith("twin:")
            else value
            for name, value in self._product.env.items()
        }
        return {"PATH": PATH, "PYTHONDONTWRITEBYTECODE": "1", **given}

    async def _observe(self, fence: Fence, world: World | None, made: Input) -> Observed:
        if world is not None:
            world.restart()
        for name, text in made.files:
            await _put(fence, name, text)
        if made.calls:
            observed = await self._serve(fence, made.calls)
        else:
            observed = await self._call(fence, made)
        layer = fence.changes()
        files = _written(layer, dict(made.files))
        if layer.files or made.calls:
            reset = getattr(fence, "reset", None)
            if reset is not None:
                await reset()
        return Observed(
            observed.exit_code,
            observed.stdout,
            observed.ended,
            observed.stderr,
            observed.answers,
            files,
            world.effects() if world is not None else (),
        )

    async def _call(self, fence: Fence, made: Input) -> Observed:
        finished = await fence.run(
            [*self.command, *made.args], stdin=made.stdin.encode(), timeout_s=INPUT_S
        )
        return Observed(
            finished.exit_code,
            finished.stdout[:MAX_OUTPUT].decode("utf-8", "replace"),
            ended=not finished.timed_out,
            stderr=finished.stderr[:MAX_OUTPUT].decode("utf-8", "replace"),
        )

    async def _serve(self, fence: Fence, calls: Sequence[Call]) -> Observed:
        """Start the product, send the requests one after another, and end it."""
        port = self._product.port or 8080
        running = await fence.spawn(self.command)
        try:
            if not await _listens(fence, port):
                return Observed(1, "", ended=False)
            way = await cast(Any, fence).forward(port)
            try:
                url = f"http://{way.host}:{way.port}"
                async with httpx2.AsyncClient(timeout=INPUT_S, trust_env=False) as client:
                    answers = [await _ask(client, url, call) for call in calls]
            finally:
                await way.aclose()
        finally:
            await running.kill()
        return Observed(0, "", answers=tuple(answers))


async def _ask(client: httpx2.AsyncClient, url: str, call: Call) -> tuple[int, str]:
    kind = "application/json" if call.body[:1] in ("{", "[", '"') else "text/plain"
    headers = {"content-type": kind} if call.body else {}
    try:
        found = await client.request(
            call.method, url + call.path, content=call.body.encode() or None, headers=headers
        )
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return 0, f"no answer: {type(error).__name__}"
    return found.status_code, found.text[:MAX_OUTPUT]


async def _listens(fence: Fence, port: int) -> bool:
    try:
        async with asyncio.timeout(START_S):
            while True:
                try:
                    _, writer = await cast(Any, fence).connect(port)
                except ConnectionError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                return True
    except TimeoutError:
        return False


async def _put(fence: Fence, name: str, text: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return  # only the workspace is the same for every reading
    script = 'mkdir -p "$(dirname "$1")" && cat > "$1"'
    await fence.run(["sh", "-c", script, "sh", str(path)], stdin=text.encode(), timeout_s=INPUT_S)


def _written(layer: Any, given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what was written, without what was put there and stayed."""
    names = [
        one.path
        for one in layer.files
        if one.kind == "file" and not any(part in one.path for part in _NOISE)
    ]
    gone = [one.path for one in layer.files if one.kind == "deleted"]
    found = [(name, "deleted") for name in gone]
    if names:
        with tempfile.TemporaryDirectory(prefix="unlit-written-") as folder:
            layer.apply_to(Path(folder))
            for name in names:
                path = Path(folder) / name
                text = path.read_bytes()[:MAX_FILE].decode("utf-8", "replace")
                if given.get(name) != text:
                    found.append((name, text))
    found += [(name, "deleted") for name in given if name not in names]
    return tuple(sorted(set(found)))
