"""Budgets stop before the spend: calls, bytes, dollars, requests a second, and a ledger outside."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from tests.fence.gateway.lab import POLICY, Seen, open_lab

from unlit.core.errors import BudgetUsedUp
from unlit.models.model import ModelUsage
from unlit.policy import Identity

OPUS = b'{"model":"claude-sonnet-4-5","max_tokens":1000,"messages":[]}'
ANSWER = b'{"model":"claude-sonnet-4-5","usage":{"input_tokens":100,"output_tokens":200}}'


async def model(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER)


async def test_calls_are_counted_before_they_are_made(tmp_path: Path) -> None:
    async with open_lab(tmp_path, POLICY + "[budget.coder]\ncalls = 2\n") as lab:
        answers = [await lab.get("open.vendor.test", "/x") for _ in range(3)]
        assert [b" 200 " in answer for answer in answers] == [True, True, False]
        assert b"FEN-510" in answers[2]
        assert len(lab.vendor.seen) == 2


async def test_a_rule_has_a_budget_of_its_own(tmp_path: Path) -> None:
    policy = POLICY.replace('name = "open"\n', 'name = "open"\ncalls = 1\n')
    async with open_lab(tmp_path, policy) as lab:
        assert b" 200 " in await lab.get("open.vendor.test", "/x")
        assert b"the budget of open" in await lab.get("open.vendor.test", "/x")
        assert b" 200 " in await lab.get("slack.com", "/api/x")


async def test_bytes_over_the_budget_do_not_leave(tmp_path: Path) -> None:
    async with open_lab(tmp_path, POLICY + "[budget.coder]\nmegabytes = 0.01\n") as lab:
        assert b" 200 " in await lab.post("open.vendor.test", "/x", b"a" * 5000)
        assert b"FEN-510" in await lab.post("open.vendor.test", "/x", b"a" * 6000)
        assert len(lab.vendor.seen) == 1


async def test_a_model_call_that_may_cost_too_much_is_not_made(tmp_path: Path) -> None:
    # 1000 output tokens at $15 a million may cost $0.015; the call then costs $0.0033
    async with open_lab(tmp_path, POLICY + '[budget.coder]\nusd = "0.02"\n') as lab:
        lab.vendor.answer = model
        key = f"x-api-key: {lab.placeholder}"
        first = await lab.post("api.vendor.test", "/v1/messages", OPUS, key)
        second = await lab.post("api.vendor.test", "/v1/messages", OPUS, key)
        third = await lab.post("api.vendor.test", "/v1/messages", OPUS, key)
        assert b" 200 " in first
        assert b" 200 " in second
        assert third.startswith(b"HTTP/1.1 402 ")
        assert b"x-should-retry: false" in third
        assert b'"billing_error"' in third
        assert len(lab.vendor.seen) == 2


async def test_a_model_without_a_known_price_is_refused_under_a_dollar_budget(
    tmp_path: Path,
) -> None:
    async with open_lab(tmp_path, POLICY + "[budget.coder]\nusd = 5\n") as lab:
        key = f"x-api-key: {lab.placeholder}"
        body = OPUS.replace(b"claude-sonnet-4-5", b"nobody-knows-this")
        answer = await lab.post("api.vendor.test", "/v1/messages", body, key)
        assert b"price of nobody-knows-this is not known" in answer
        assert lab.vendor.seen == []


async def test_too_many_requests_a_second_are_told_to_wait(tmp_path: Path) -> None:
    async with open_lab(tmp_path, POLICY + "[limits.coder]\nrequests_per_s = 2\n") as lab:
        one = b"GET /a HTTP/1.1\r\nhost: open.vendor.test\r\n\r\n"
        last = b"GET /b HTTP/1.1\r\nhost: open.vendor.test\r\nconnection: close\r\n\r\n"
        answer = await lab.raw("open.vendor.test", one * 4 + last)
        assert answer.count(b"HTTP/1.1 429") >= 2
        assert b"retry-after: 1" in answer


class Ledger:
    """A meter that has money for one call."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int | None]] = []
        self.settled: list[ModelUsage | None] = []

    def reserve(
        self,
        identity: Identity,
        provider: str,
        model: str,
        input_tokens: int,
        max_tokens: int | None,
    ) -> str:
        if self.asked:
            raise BudgetUsedUp("LIN-900", "The run has no money left.", "it had $1", "Raise it.")
        self.asked.append((model, max_tokens))
        return "t1"

    def settle(self, ticket: str, usage: ModelUsage | None) -> None:
        assert ticket == "t1"
        self.settled.append(usage)


async def test_the_ledger_outside_is_asked_first_and_told_afterwards(tmp_path: Path) -> None:
    ledger = Ledger()
    async with open_lab(tmp_path, meter=ledger) as lab:
        lab.vendor.answer = model
        key = f"x-api-key: {lab.placeholder}"
        assert b" 200 " in await lab.post("api.vendor.test", "/v1/messages", OPUS, key)
        refused = await lab.post("api.vendor.test", "/v1/messages", OPUS, key)
        assert b"no money left" in refused
        assert ledger.asked == [("claude-sonnet-4-5", 1000)]
        (used,) = ledger.settled
        assert used is not None
        assert used.cost_usd == Decimal("0.0033")


async def test_a_call_that_the_vendor_refuses_costs_nothing(tmp_path: Path) -> None:
    async def overloaded(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 529 Overloaded\r\ncontent-length: 0\r\n\r\n")

    ledger = Ledger()
    async with open_lab(tmp_path, meter=ledger) as lab:
        lab.vendor.answer = overloaded
        key = f"x-api-key: {lab.placeholder}"
        await lab.post("api.vendor.test", "/v1/messages", OPUS, key)
        assert ledger.settled == [None]
        assert (await lab.detach()).usage == ()


@pytest.mark.parametrize("mode", ["shadow", "learn"])
async def test_a_policy_that_watches_lets_through_and_says_what_it_would_deny(
    tmp_path: Path, mode: str
) -> None:
    policy = f'version = 1\nmode = "{mode}"\n[[forbid]]\nhost = "h2.vendor.test"\n'
    async with open_lab(tmp_path, policy) as lab:
        assert b" 200 " in await lab.get("open.vendor.test", "/x")
        assert b" 403 " in await lab.get("h2.vendor.test", "/x")
        one, two = lab.entries()
        assert (one.fields["outcome"], one.fields["would"]) == ("upstream", "deny")
        assert two.fields["outcome"] == "deny"


async def test_a_denial_may_be_a_reset(tmp_path: Path) -> None:
    async with open_lab(
        tmp_path, POLICY.replace("version = 1", 'version = 1\non_deny = "reset"')
    ) as lab:
        assert await lab.get("evil.test", "/x") == b""
        assert lab.entries()[0].fields["outcome"] == "deny"


async def test_an_answer_over_the_budget_of_bytes_is_cut(tmp_path: Path) -> None:
    async def large(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n")
        for _ in range(30):
            writer.write(b"x" * 100_000)
            await writer.drain()

    async with open_lab(tmp_path, POLICY + "[budget.coder]\nmegabytes = 1\n") as lab:
        lab.vendor.answer = large
        answer = await lab.get("open.vendor.test", "/big")
        assert len(answer) < 1_100_000
        assert b"FEN-510" in await lab.post("open.vendor.test", "/x", b"a" * 500_000)
