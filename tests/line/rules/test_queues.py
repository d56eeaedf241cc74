from unlit.line.rules.queues import (
    LINES,
    Limit,
    QueuePlan,
    Rate,
    names_of,
    parse_rate,
    provider_of,
    queue_of,
)

PLANS = (
    QueuePlan("heavy", agents=("claude-code", "acp:codex")),
    QueuePlan("office", services=("slack", "docs")),
    QueuePlan("careful", risks=("high",)),
)


def test_a_run_waits_in_the_first_queue_that_wants_it() -> None:
    assert queue_of(PLANS, "claude-code", ["slack"], "high") == "heavy"
    assert queue_of(PLANS, "claude-code:opus", [], "") == "heavy"
    assert queue_of(PLANS, "acp:codex", [], "") == "heavy"
    assert queue_of(PLANS, "aider", ["okta", "docs"], "") == "office"
    assert queue_of(PLANS, "aider", [], "high") == "careful"
    assert queue_of(PLANS, "aider", ["okta"], "low") == LINES
    assert queue_of((), "aider", [], "") == LINES


def test_rates_are_read_or_refused() -> None:
    assert parse_rate("10/h") == Rate(10, 3600)
    assert parse_rate("5 / 30s") == Rate(5, 30)
    assert [parse_rate(text) for text in ("0/h", "5", "5/x", "/h", "5/0s")] == [None] * 5


def test_a_provider_is_known_by_the_name_of_its_key() -> None:
    keys = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CODEX_API_KEY", "GOOGLE_API_KEY"]
    assert [provider_of(key) for key in keys] == ["anthropic", "openai", "openai", "google"]
    assert provider_of("AWS_BEARER_TOKEN_BEDROCK") == "bedrock"
    assert provider_of("AZURE_OPENAI_API_KEY") == "azure"
    assert provider_of("") == ""


def test_a_stage_is_under_the_limits_that_name_what_it_uses() -> None:
    limits = {
        name: Limit(1)
        for name in ("agent:aider", "provider:openai", "service:slack", "service:jira")
    }
    assert names_of(limits, agent="aider:gpt", provider="openai") == (
        "agent:aider",
        "provider:openai",
    )
    assert names_of(limits, services=("slack", "okta")) == ("service:slack",)
    assert names_of({}, agent="aider") == ()
