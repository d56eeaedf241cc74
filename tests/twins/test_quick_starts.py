"""The clients' printed quick starts run unchanged: by another address, and through the gateway."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.twins import quick_starts
from tests.twins.serving import serving

from unlit.core.system import SystemClock
from unlit.fence import FenceHost, FenceSpec, Mount, TwinRoute, capabilities
from unlit.policy import AuditLog, Identity, parse_policy
from unlit.twins.server import TwinServer
from unlit.twins.universe import Universe

PROGRAM = Path(quick_starts.__file__).read_text(encoding="utf-8")
pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
SERVICES = {
    "github": ["github"],
    "google": ["docs", "drive", "sheets"],
    "jira": ["jira"],
    "okta": ["okta"],
    "slack": ["slack"],
}
HOSTS = {
    "github": ("api.github.com",),
    "docs": ("docs.googleapis.com",),
    "drive": ("www.googleapis.com",),
    "sheets": ("sheets.googleapis.com",),
    "jira": ("fake-quick.atlassian.net",),
    "okta": ("fake-quick.okta.com",),
    "slack": ("slack.com", "files.slack.com"),
}


def quick(services: list[str]) -> Universe:
    universe = Universe(services, any_token=True)
    universe.default = universe.create_world()
    return universe


@pytest.mark.parametrize("name", sorted(quick_starts.WALKS))
def test_with_another_address(name: str) -> None:
    universe = quick(SERVICES[name])
    with ExitStack() as stack:
        urls = {
            service: stack.enter_context(serving(universe, service)) for service in SERVICES[name]
        }
        quick_starts.WALKS[name](urls)


@pytest.mark.slow
@pytest.mark.fence
@pytest.mark.enable_socket
@pytest.mark.timeout(300)
async def test_through_the_gateway(tmp_path: Path) -> None:
    if not all(e.works for e in capabilities().entries if e.name in ("namespaces", "bubblewrap")):
        pytest.skip("fences need namespaces and bubblewrap")
    rules = "".join(
        f'\n[[allow]]\nrole = "coder"\nhost = "{host}"\ntwin = "{service}"\n'
        for service, hosts in HOSTS.items()
        for host in hosts
    )
    policy = parse_policy(f"version = 1\n{rules}")
    universe = quick([one for many in SERVICES.values() for one in many])
    server = await TwinServer.start(universe)
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    host = await FenceHost.start(tmp_path / "fences", audit)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "quick_starts.py").write_text(PROGRAM)
    mounts = tuple(
        Mount(Path(place), place) for place in dict.fromkeys((sys.prefix, sys.base_prefix))
    )
    try:
        fence = await host.open(
            FenceSpec(
                "coder", policy, Identity("r-1", "build", "walker", "coder"), tmp_path / "work",
                mounts=mounts,
                twins=tuple(
                    TwinRoute(service, hosts, server.address, "")
                    for service, hosts in HOSTS.items()
                ),
            )
        )  # fmt: skip
        names = sorted(quick_starts.WALKS)
        said = await fence.run([sys.executable, "quick_starts.py", *names], timeout_s=240)
        await fence.close()
    finally:
        await server.close()
        await host.close()
        audit.close()
    assert said.exit_code == 0, said.stderr.decode()[-3000:]
    assert said.stdout.decode().splitlines() == [f"walked {name}" for name in names]
