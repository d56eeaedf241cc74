"""How fast twins are: calls a second against a bare Starlette handler, forks, growth, start.

Run: ``uv run python bench/twins_speed.py [--json] [--emulate 'node …/emulate/dist/index.js']``.
Ratios are taken in one run, in turns, so that they hold on a busy machine; the absolute numbers do
not. Every server runs on the first core, the load comes from the second: from wrk where it is
installed, otherwise from this program (which then is the limit: ratios come out too low). The twin
answers with the vendor's full message (bot, app, team, profile, blocks) before it is measured.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS = 5
CALLS = 4000
SECONDS = 2
FULL = ("user", "bot_id", "app_id", "team", "bot_profile", "blocks", "text", "ts", "type")
CONNECTIONS = 16


def pin(core: int, process: int = 0) -> None:
    """Let a process run on one core only, where the machine has two."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if core < len(cores) and len(cores) > 1:
        os.sched_setaffinity(process, {cores[core]})


def serve_twin(queue: Any) -> None:
    import uvloop

    pin(0)
    gc.set_threshold(100_000, 20, 50)  # as `unlit twins serve` does

    from unlit.twins.server import TwinServer
    from unlit.twins.universe import Universe

    async def run() -> None:
        universe = Universe(["slack"])
        universe.default = universe.create_world()
        server = await TwinServer.start(universe, service="slack")
        queue.put((server.address, universe.tokens(universe.default)["slack"]))
        await asyncio.Event().wait()

    uvloop.run(run())


def serve_floor(queue: Any) -> None:
    import uvicorn
    import uvloop
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    pin(0)
    kept: dict[int, Any] = {}

    async def post(request: Any) -> JSONResponse:
        form = dict(x.split("=", 1) for x in (await request.body()).decode().split("&"))
        kept[len(kept)] = form
        return JSONResponse({"ok": True, "message": form})

    app = Starlette(routes=[Route("/api/chat.postMessage", post, methods=["POST"])])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        queue.put((f"127.0.0.1:{listener.getsockname()[1]}", "none"))
        config = uvicorn.Config(app, log_config=None, access_log=False)
        uvloop.run(uvicorn.Server(config).serve(sockets=[listener]))


async def load(address: str, token: str, calls: int) -> float:
    """Return calls a second over `CONNECTIONS` connections that are kept alive."""
    host, port = address.split(":")
    body = b"channel=general&text=hello+there"
    head = (
        f"POST /api/chat.postMessage HTTP/1.1\r\nHost: {address}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    request = head + body

    async def one(count: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for _ in range(count):
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            head = answer.lower()
            if b"content-length: " in head:
                size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                text = await reader.readexactly(size)
            else:
                text = await reader.readuntil(b"0\r\n\r\n")
            if b'"ok":true' not in text:
                raise RuntimeError(text[:200])
        writer.close()

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(one(calls // CONNECTIONS))
    return calls / (time.perf_counter() - start)


def start_emulate(command: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start vercel-labs/emulate's Slack; its tokens last 4,999 calls, so the load renews them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [*command.split(), "start", "--service", "slack", "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pin(0, process.pid)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    return process, f"127.0.0.1:{port}"


LUA = """
wrk.method = "POST"
wrk.body = "channel=general&text=hello+there"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
local calls = 0
local rotate, base = os.getenv("ROTATE"), os.getenv("TOKEN")
request = function()
  calls = calls + 1
  local token = base
  if rotate then token = base .. "-" .. math.floor(calls / 4000) end
  wrk.headers["Authorization"] = "Bearer " .. token
  return wrk.format()
end
response = function(status, headers, body)
  if status ~= 200 or not body:find('"ok":true', 1, true) then print("BAD " .. body) end
end
"""


def by_wrk(address: str, token: str, rotate: bool) -> float:
    """Return calls a second that wrk got answered on the second core.

    Raises:
        RuntimeError: An answer was no success.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(LUA)
        words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script)]
        if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
            words = ["taskset", "-c", "1", *words]
        env = {**os.environ, "TOKEN": token} | ({"ROTATE": "1"} if rotate else {})
        done = subprocess.run(
            [*words, f"http://{address}/api/chat.postMessage"],
            capture_output=True, text=True, env=env, check=True,
        )  # fmt: skip
    if "BAD " in done.stdout:
        raise RuntimeError(done.stdout[:300])
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout[:300])
    return float(found[1])


def cpu_s(process: int) -> float:
    """Return the processor seconds of a process and its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def full_message(address: str, token: str) -> bool:
    """Whether a server answers a post with every field that the vendor's answer has."""
    import httpx2

    answer = httpx2.post(
        f"http://{address}/api/chat.postMessage",
        headers={"authorization": f"Bearer {token}"},
        data={"channel": "general", "text": "hello there"},
    ).json()
    return set(FULL) <= set(answer.get("message", {}))


def rates(emulate: str | None) -> dict[str, Any]:
    pids: dict[str, int] = {}
    spent: dict[str, list[float]] = {"twin": [], "floor": [], "emulate": []}
    context = multiprocessing.get_context("spawn")
    found: dict[str, list[float]] = {"twin": [], "floor": []}
    places, processes = {}, []
    for name, target in (("twin", serve_twin), ("floor", serve_floor)):
        queue = context.Queue()
        process = context.Process(target=target, args=(queue,), daemon=True)
        process.start()
        processes.append(process)
        pids[name] = process.pid or 0
        places[name] = queue.get(timeout=30)
    peer = None
    if emulate:
        peer, address = start_emulate(emulate)
        places["emulate"] = (address, "xoxb-0")
        found["emulate"] = []
        pids["emulate"] = peer.pid
    time.sleep(0.5)
    full = {name: full_message(*place) for name, place in places.items() if name != "floor"}
    wrk = shutil.which("wrk") is not None
    pin(1)
    for number in range(ROUNDS):
        for name, (address, token) in places.items():
            own = f"xoxb-{number}" if name == "emulate" else token
            before, began = cpu_s(pids[name]), time.perf_counter()
            if wrk:
                found[name].append(by_wrk(address, own, name == "emulate"))
            else:
                found[name].append(asyncio.run(load(address, own, CALLS)))
            calls = found[name][-1] * (SECONDS if wrk else time.perf_counter() - began)
            spent[name].append(1e6 * (cpu_s(pids[name]) - before) / calls)
    for process in processes:
        process.terminate()
    if peer is not None:
        peer.terminate()
    ratios = [a / b for a, b in zip(found["twin"], found["floor"], strict=True)]
    return {
        "postMessage_per_s": round(statistics.median(found["twin"])),
        "starlette_floor_per_s": round(statistics.median(found["floor"])),
        "load": "wrk" if wrk else "python",
        "full_vendor_shape": full,
        "ratio_to_floor": round(statistics.median(ratios), 3),
        **_against(found),
        **{
            f"{name}_cpu_us_per_call": round(statistics.median(values), 1)
            for name, values in spent.items()
            if values
        },
        **({"ratio_to_emulate_by_cpu": round(cpu_ratio(spent), 2)} if spent["emulate"] else {}),
    }


def cpu_ratio(spent: dict[str, list[float]]) -> float:
    """Return how many times the twin's processor time the peer needs; calm on a busy machine."""
    pairs = zip(spent["emulate"], spent["twin"], strict=True)
    return statistics.median([a / b for a, b in pairs])


def _against(found: dict[str, list[float]]) -> dict[str, Any]:
    if "emulate" not in found:
        return {"ratio_to_emulate": "not exercised (--emulate)"}
    pairs = zip(found["twin"], found["emulate"], strict=True)
    return {
        "emulate_per_s": round(statistics.median(found["emulate"])),
        "ratio_to_emulate": round(statistics.median([a / b for a, b in pairs]), 2),
    }


def timed(act: Callable[[], Any], times: int) -> float:
    """Return the median milliseconds of an act."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        found.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(found), 3)


def inside() -> dict[str, Any]:
    from unlit.twins.kit.http import Request
    from unlit.twins.universe import Universe

    universe = Universe(["okta", "slack"])
    seeds = {"okta": {"users": [{"count": 10_000, "login": "user{n}@example.com"}]}}
    world = universe.create_world(seeds)
    out: dict[str, Any] = {
        "fork_ms_10000_objects": timed(lambda: universe.fork(world), 50),
        "reset_ms_10000_objects": timed(lambda: universe.reset(world), 50),
    }
    token = universe.tokens(world)["slack"]
    form = {
        "authorization": f"Bearer {token}",
        "x-twin-world": world,
        "content-type": "application/x-www-form-urlencoded",
    }

    def post() -> None:
        request = Request("POST", "/api/chat.postMessage", "", form, b"channel=general&text=x")
        universe.answer("slack", request)

    def history() -> None:
        request = Request("POST", "/api/conversations.history", "", form, body)
        reply = universe.answer("slack", request).reply
        if b'"ok":true' not in reply.encoded():
            raise RuntimeError(reply.encoded())

    channel = universe.world(world).table("slack.channel_names").get("general")
    body = f"channel={channel}&limit=20".encode()
    out["postMessage_us_in_process"] = round(1000 * timed(post, 2000), 1)
    out["history_ms_at_2000"] = timed(history, 50)
    refused = 0
    for _ in range(98_000):
        post()
    refused = sum(1 for call in universe.calls(world) if call.status >= 400)
    out["history_ms_at_100000"] = timed(history, 50)
    out["postMessage_us_at_100000"] = round(1000 * timed(post, 2000), 1)
    out["answers_4xx_in_100000_calls"] = refused
    return out


def start() -> dict[str, Any]:
    code = (
        "import time,resource;t=time.perf_counter();import asyncio\n"
        "from unlit.twins.universe import Universe\nfrom unlit.twins.serving import open_doors\n"
        "async def run():\n u=Universe();u.default=u.create_world();d=await open_doors(u)\n"
        " used=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024\n"
        " print(time.perf_counter()-t, time.process_time(), used,"
        " len(d.services))\n await d.close()\nasyncio.run(run())"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            return {"start_error": done.stderr.strip().splitlines()[-1]}
        seconds, cpu, megabytes, services = done.stdout.split()
        runs.append((float(seconds), float(megabytes), int(services), float(cpu)))
    return {
        "start_s": round(min(run[0] for run in runs), 2),
        "start_cpu_s": round(min(run[3] for run in runs), 2),
        "start_mb": round(max(run[1] for run in runs)),
        "services": runs[0][2],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--emulate", help="command of emulate 0.12.2 (needs Node 22.15 or newer)")
    options = parser.parse_args()
    result = {
        **start(),
        **inside(),
        **rates(options.emulate),
        "bench_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
