"""What is learnt of bodies and of tables that are there only where one was sent."""

from typing import Any

from unlit.twins.fidelity.asking import chosen, usual

WORDS = frozenset({"type", "name", "OIDC", "SAML2", "url", "scopes", "openid", "status"})


def test_usual_bodies_keep_keys_and_the_contracts_words_alone() -> None:
    bodies: list[dict[str, Any]] = [
        {"type": "OIDC", "name": "secret project", "scopes": ["openid"], "owner": "a person"},
        {"type": "OIDC", "name": "another", "scopes": ["openid"]},
        {"type": "OIDC", "name": "third", "status": "on"},
    ]
    assert usual(bodies, WORDS) == {"type": "OIDC", "name": "$text", "scopes": ["openid"]}


def test_the_variant_is_the_one_that_lost_bodies_made_most() -> None:
    sent = [{"type": "SAML2"}, {"type": "SAML2"}, {"type": "OIDC", "url": "x"}]
    lost = [{"id": "1", "type": "OIDC", "url": "y"}]
    assert chosen(sent, lost, "type", ("id",)) == [{"type": "OIDC", "url": "x"}]
    assert chosen(sent, [], "type", ("id",)) == [{"type": "SAML2"}] * 2
    assert chosen([], lost, "type", ("id",)) == [{"type": "OIDC", "url": "y"}]
    assert chosen([], lost, None, ("id",)) == [{"type": "OIDC", "url": "y"}]
