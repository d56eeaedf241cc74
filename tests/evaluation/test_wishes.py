"""What a product asks for while it is graded reaches people without carrying a scenario out."""

from pathlib import Path

import pytest

from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.wishes import MOST, passed_on
from unlit.fence import FenceHost
from unlit.policy import AuditLog, Identity, parse_policy

ASKS = """
import json, urllib.request
for url in ("https://api.stripe.example/v1/x", "https://api.stripe.example/v1/x"):
    body = json.dumps({"method": "GET", "url": url, "reason": "secret of the scenario"}).encode()
    made = urllib.request.Request("http://gateway.unlit.internal/ask", body, method="POST")
    print(urllib.request.urlopen(made, timeout=60).status)
"""


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    folder = tmp_path / "candidate"
    folder.mkdir()
    names = " ".join(f"https://host{number}.example/" for number in range(9))
    (folder / "pay.py").write_text(f"URL = 'https://API.stripe.example/v1'\n# {names}\n")
    return folder


def test_a_host_that_the_candidate_names_is_asked_for_by_its_origin(candidate: Path) -> None:
    asked = ["GET https://api.stripe.example/v1/customers/ada-lovelace?x=1", "POST http://a"]
    assert passed_on(asked, candidate) == ("GET https://api.stripe.example/",)


@pytest.mark.parametrize(
    "request_",
    [
        "GET https://ada-lovelace.evil.example/",
        "GET https://[::1]:x/",
        "SECRET https://api.stripe.example/",
        "GET ftp://api.stripe.example/",
        "GET https://api/",
        "nonsense",
        "",
        "GET https://" + "a." * 80 + "example/",
        "GET https://stripe.example/",
        "GET https://pi.stripe.example/",
        "GET https://api.stripe.exampl/",
        "GET https://api.stripe/",
    ],
)
def test_what_a_product_could_make_up_stays_inside(candidate: Path, request_: str) -> None:
    assert passed_on([request_], candidate) == ()


def test_a_port_is_one_that_the_candidate_names(candidate: Path) -> None:
    (candidate / "more.py").write_text("URL = 'http://API.other.example:8443/v1'\n")
    asked = [
        "GET http://api.stripe.example:31337/",
        "DELETE https://api.stripe.example:4919/",
        "PUT https://api.stripe.example:443/",
        "GET http://api.other.example:8443/x",
        "GET http://api.other.example:844/",
    ]
    found = ("GET http://api.other.example:8443/", "PUT https://api.stripe.example/")
    assert passed_on(asked, candidate) == found


def test_a_file_that_cannot_be_read_names_nothing(
    candidate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (candidate / "aaa").write_text("https://closed.example/")
    read = Path.read_bytes

    def refusing(path: Path) -> bytes:
        if path.name == "aaa":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refusing)
    asked = ["GET https://closed.example/", "GET https://api.stripe.example/"]
    assert passed_on(asked, candidate) == ("GET https://api.stripe.example/",)


def test_a_product_cannot_flood_people(candidate: Path) -> None:
    asked = [f"GET https://host{number % 9}.example/{number}" for number in range(500)]
    found = passed_on(reversed(asked), candidate)
    assert len(found) == MOST
    assert found == passed_on(asked, candidate)


def test_a_link_in_the_candidate_is_not_followed(candidate: Path, tmp_path: Path) -> None:
    (tmp_path / "vault").write_text("https://hidden.example/")
    (candidate / "link").symlink_to(tmp_path / "vault")
    assert passed_on(["GET https://hidden.example/"], candidate) == ()


@pytest.mark.fence
@pytest.mark.enable_socket
async def test_a_graded_product_is_heard(candidate: Path, tmp_path: Path) -> None:
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    host = await FenceHost.start(tmp_path / "state", audit)
    product = ProductFence(parse_policy("version = 1\n"), Identity("r", "s", "a", "product"))
    pool = FencePool(host, product, "", {})
    try:
        sandbox = await pool.open("slot", candidate)
        done = await sandbox.run(["python3", "-c", ASKS], timeout_s=120)
        await pool.release(sandbox)
    finally:
        await host.close()
        audit.close()
    assert done.stdout.split() == [b"202", b"202"]
    assert pool.asked == {"GET https://api.stripe.example/v1/x"}
    assert passed_on(pool.asked, candidate) == ("GET https://api.stripe.example/",)
