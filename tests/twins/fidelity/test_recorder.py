"""Recording one's own traffic: replayable, and without a credential or an address in it."""

import json
from pathlib import Path

from unlit.twins.fidelity.recorder import Recorder, RecordingProxy, recording
from unlit.twins.fidelity.recording import read_recordings
from unlit.twins.fidelity.replay import replay, score
from unlit.twins.kit.http import Request
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe


def test_secrets_and_people_do_not_reach_the_file() -> None:
    recorder = Recorder("okta", "mine")
    body = {
        "password": {"value": "hunter2hunter2"},
        "client_secret": "s3cr3ts3cr3t",
        "email": "ada@corp.test",
        "note": "Bearer abcdef123456 of ada@corp.test",
    }
    request = Request(
        "POST", "/x", "token=abcdef123456", {"authorization": "SSWS abcdef123456"},
        json.dumps(body).encode(),
    )  # fmt: skip
    recorder.take(request, 200, [("Set-Cookie", "sid=abcdef")], b'{"echo": "s3cr3ts3cr3t"}')
    text = json.dumps(recorder.lines)
    for secret in ("abcdef123456", "hunter2hunter2", "s3cr3ts3cr3t", "corp.test", "sid="):
        assert secret not in text
    assert recorder.lines[0]["has_auth"] is True


async def test_what_passed_through_is_recorded_and_replays(tmp_path: Path) -> None:
    universe = Universe(["okta"])
    universe.default = universe.create_world()
    server = await TwinServer.start(universe, service="okta")
    out = tmp_path / "okta.interaction.jsonl"
    proxy = RecordingProxy(f"http://{server.address}", Recorder("okta", "mine"), out)
    token = universe.tokens(universe.default)["okta"]
    import httpx2

    async with (
        recording(proxy, "127.0.0.1:0") as url,
        httpx2.AsyncClient(headers={"authorization": f"SSWS {token}"}, trust_env=False) as client,
    ):
        made = await client.post(f"{url}/api/v1/groups", json={"profile": {"name": "Finance"}})
        assert made.status_code == 200
        key = made.json()["id"]
        assert (await client.get(f"{url}/api/v1/groups/{key}")).json()["id"] == key
    await server.close()
    assert token not in out.read_text(encoding="utf-8")
    found = score(replay(read_recordings(out), ["okta"]))
    assert (found.n, found.status, found.values) == (2, 1, 1)
