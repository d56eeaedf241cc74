"""A program that asks without end does not fill the log's disk, and is counted all the same."""

import asyncio
from pathlib import Path

from tests.fence.gateway.lab import POLICY, open_lab

from unlit.core.clock import FakeClock
from unlit.fence.gateway.refusals import FOLDED, MOST_AT_ONCE, Refusals
from unlit.policy import AuditLog, Identity, read_entries, verify
from unlit.policy.audit.reading import denials

FLOOD = 20_000
FIELDS = {"outcome": "deny", "url": "http://a.example.com/"}


async def test_a_flood_of_refusals_is_written_as_one_entry_for_many(tmp_path: Path) -> None:
    clock = FakeClock()
    audit = AuditLog.open(tmp_path / "audit", {}, clock, key_dir=tmp_path / "keys")
    refusals = Refusals(audit, Identity("r", "s", "a", "coder"), "f1", clock)
    for number in range(FLOOD):
        refusals.take("exchange", f"host-{number % 50}.example.com", FIELDS)
    refusals.flush()
    refusals.flush()
    refusals.take("exchange", "later.example.com", FIELDS)
    await clock.sleep(2)
    refusals.take("exchange", "after.example.com", FIELDS)
    refusals.flush()
    audit.close()
    found = list(read_entries(tmp_path / "audit", denied=True))
    assert sum(map(denials, found)) == FLOOD + 2
    assert len(found) == MOST_AT_ONCE + 3
    folded = [entry.fields for entry in found if entry.kind == FOLDED]
    assert [one["count"] for one in folded] == [FLOOD - MOST_AT_ONCE, 1]
    assert len(str(folded[0])) < 1000
    assert verify(tmp_path / "audit").ok


async def test_what_was_counted_is_written_when_the_flood_ends(tmp_path: Path) -> None:
    async with open_lab(tmp_path, POLICY) as lab:
        reader, writer = await lab.connect("forbidden.example.com")
        asked = MOST_AT_ONCE + 200
        head = b"GET /%d HTTP/1.1\r\nhost: forbidden.example.com\r\n\r\n"
        writer.write(b"".join(head % number for number in range(asked)))
        writer.write(
            b"GET /last HTTP/1.1\r\nhost: forbidden.example.com\r\nconnection: close\r\n\r\n"
        )
        answers = await asyncio.wait_for(reader.read(-1), 60)
        writer.close()
        assert answers.count(b"FEN-501") >= asked
        report = await lab.detach()
        entries = lab.entries("exchange")
        folded = lab.entries(FOLDED)
        assert report.denied == asked + 1
        written = sum(map(denials, [*entries, *folded]))
        assert written == asked + 1
        assert len(entries) + len(folded) < asked
    assert verify(tmp_path / "audit").ok


async def test_more_at_once_than_a_second_allows_is_not_refused(tmp_path: Path) -> None:
    limits = "[limits.coder]\nrequests_per_s = 0.001\nrequests_burst = 5\n"
    async with open_lab(tmp_path, POLICY + limits) as lab:
        answers = [await lab.get("open.vendor.test", "/x") for _ in range(6)]
        assert [b" 200 " in answer for answer in answers] == [True] * 5 + [False]
        assert answers[5].startswith(b"HTTP/1.1 429 ")
