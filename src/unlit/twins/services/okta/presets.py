"""What a new organisation has: its default policies with their rules, its brand and theme.

Links are written with ``{origin}``, which `placed` fills in when somebody asks.
Source: developer.okta.com, Policies, Brands (2026-10).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Handler, Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta.org import API, mint, stamp

KINDS: Final = (f"{API}/policies", f"{API}/brands")
_POLICIES: Final = f"okta.at:{API}/policies"
_BRANDS: Final = f"okta.at:{API}/brands"
_SIGN_ON: Final = {
    "signon": {
        "access": "ALLOW", "requireFactor": False, "primaryFactor": "PASSWORD_IDP_ANY_FACTOR",
        "rememberDeviceByDefault": False,
        "session": {"usePersistentCookie": False, "maxSessionIdleMinutes": 120,
                    "maxSessionLifetimeMinutes": 0},
    }
}  # fmt: skip
_PASSWORD: Final = {
    "passwordChange": {"access": "ALLOW"},
    "selfServicePasswordReset": {"access": "ALLOW"},
    "selfServiceUnlock": {"access": "DENY"},
}
_SETTINGS: Final = {
    "password": {
        "complexity": {
            "minLength": 8, "minLowerCase": 1, "minUpperCase": 1, "minNumber": 1, "minSymbol": 0,
            "excludeUsername": True, "dictionary": {"common": {"exclude": False}},
            "excludeAttributes": [],
        },
        "age": {"maxAgeDays": 0, "expireWarnDays": 0, "minAgeMinutes": 0, "historyCount": 4},
        "lockout": {"maxAttempts": 10, "autoUnlockMinutes": 0,
                    "userLockoutNotificationChannels": [], "showLockoutFailures": False},
    },
    "recovery": {
        "factors": {
            "recovery_question": {"status": "ACTIVE",
                                  "properties": {"complexity": {"minLength": 4}}},
            "okta_email": {"status": "ACTIVE",
                           "properties": {"recoveryToken": {"tokenLifetimeMinutes": 60}}},
            "okta_sms": {"status": "INACTIVE"}, "okta_call": {"status": "INACTIVE"},
        }
    },
    "delegation": {"options": {"skipUnlock": False}},
}  # fmt: skip
# type, name, description, settings, whose rule is called what, its type and actions
_DEFAULTS: Final[tuple[tuple[str, str, str | None, Any, str, str, Any], ...]] = (
    ("OKTA_SIGN_ON", "Default Policy",
     "The default policy applies in all situations if no other policy applies.", None,
     "Default Rule", "SIGN_ON", _SIGN_ON),
    ("PASSWORD", "Default Policy",
     "The default policy applies in all situations if no other policy applies.", _SETTINGS,
     "Default Rule", "PASSWORD", _PASSWORD),
    ("MFA_ENROLL", "Default Policy",
     "The default policy applies in all situations if no other policy applies.",
     {"type": "AUTHENTICATORS", "authenticators": [
         {"key": "okta_email", "enroll": {"self": "OPTIONAL"}},
         {"key": "okta_password", "enroll": {"self": "REQUIRED"}},
     ]},
     "Default Rule", "MFA_ENROLL", {"enroll": {"self": "CHALLENGE"}}),
    ("IDP_DISCOVERY", "Idp Discovery Policy", "Okta Identity Provider routing policy.", None,
     "Default Rule", "IDP_DISCOVERY", {"idp": {"providers": [{"type": "OKTA"}]}}),
    ("PROFILE_ENROLLMENT", "Default Policy",
     "The default policy applies in all situations if no other policy applies.", None,
     "Catch-all Rule", "PROFILE_ENROLLMENT",
     {"profileEnrollment": {"access": "DENY", "preRegistrationInlineHooks": None,
                            "profileAttributes": [], "targetGroupIds": None,
                            "unknownUserAction": "DENY",
                            "activationRequirements": {"emailVerification": True}}}),
    ("ACCESS_POLICY", "Any two factors", "Require two factors to access.", None,
     "Catch-all Rule", "ACCESS_POLICY",
     {"appSignOn": {"access": "ALLOW", "verificationMethod": {
         "factorMode": "2FA", "type": "ASSURANCE", "reauthenticateIn": "PT12H",
         "constraints": []}}}),
)  # fmt: skip
_CATCH_ALL: Final[dict[str, Any]] = {
    "ACCESS_POLICY": {"appSignOn": {
        "access": "ALLOW",
        "verificationMethod": {
            "factorMode": "2FA", "type": "ASSURANCE", "reauthenticateIn": "PT12H",
            "constraints": [{"possession": {"required": True, "deviceBound": "REQUIRED"}}],
        },
        "keepMeSignedIn": {"postAuth": "NOT_ALLOWED"},
    }},
    "PROFILE_ENROLLMENT": {"profileEnrollment": {
        "access": "ALLOW", "preRegistrationInlineHooks": None,
        "profileAttributes": [
            {"name": "firstName", "label": "First name", "required": True},
            {"name": "email", "label": "Primary email", "required": True},
        ],
        "targetGroupIds": None, "unknownUserAction": "REGISTER",
        "activationRequirements": {"emailVerification": True},
        "progressiveProfilingAction": "ENABLED", "allowedIdentifiers": ["login"],
    }},
}  # fmt: skip
_COLOURS: Final = {
    "primaryColorHex": "#1662dd", "primaryColorContrastHex": "#ffffff",
    "secondaryColorHex": "#ebebed", "secondaryColorContrastHex": "#000000",
}  # fmt: skip
_POINTS: Final = ("signInPage", "endUserDashboard", "errorPage", "emailTemplate", "loadingPage")


def _link(path: str, *allow: str) -> dict[str, Any]:
    return {"href": f"{{origin}}{API}{path}", "hints": {"allow": list(allow)}}


def prepare(world: World, everyone: str) -> None:
    """Put in default policies and the brand; `everyone` is the group they apply to."""
    meta, named = world.table("okta.meta"), {"PROFILE_ENROLLMENT": "profile_enrollment"}
    named["ACCESS_POLICY"] = "access_policy"
    for kind, name, about, settings, rule, rule_kind, actions in _DEFAULTS:
        key = str(meta.get(named.get(kind)) or mint(world, "00p"))
        _policy(world, key, kind, name, about, settings, everyone)
        _rule(world, key, rule, rule_kind, actions)
    _brand(world)


def _policy(
    world: World, key: str, kind: str, name: str, about: str | None, settings: Any, everyone: str
) -> None:
    at, path = stamp(world), f"/policies/{key}"
    applies = {"people": {"groups": {"include": [everyone]}}}
    is_for_apps = kind in ("ACCESS_POLICY", "PROFILE_ENROLLMENT")
    row: dict[str, Any] = {
        "id": key, "status": "ACTIVE", "name": name, "description": about, "priority": 1,
        "system": kind != "ACCESS_POLICY", "conditions": None if is_for_apps else applies,
        "created": at, "lastUpdated": at,
    }  # fmt: skip
    if settings is not None:
        row["settings"] = settings
    row["_links"] = {
        "self": _link(path, "GET", "PUT"), "rules": _link(f"{path}/rules", "GET", "POST"),
    }  # fmt: skip
    if is_for_apps:
        row["_links"]["mappings"] = _link(f"{path}/mappings", "GET", "POST")
    world.table(_POLICIES).put(key, {**row, "type": kind})


def catch_all(world: World, policy: str, kind: str) -> None:
    """Give a new policy for applications the rule that catches what no other rule does."""
    if kind in _CATCH_ALL:
        _rule(world, policy, "Catch-all Rule", kind, _CATCH_ALL[kind], "rul")


def _rule(
    world: World, policy: str, name: str, kind: str, actions: Any, prefix: str = "0pr"
) -> None:
    key = mint(world, prefix)
    at, path = stamp(world), f"/policies/{policy}/rules/{key}"
    conditions = {"people": {"users": {"exclude": []}}, "network": {"connection": "ANYWHERE"}}
    is_for_apps = kind in ("ACCESS_POLICY", "PROFILE_ENROLLMENT")
    world.table(f"{_POLICIES}/{policy}/rules").put(key, {
        "id": key, "status": "ACTIVE", "name": name, "priority": 99 if is_for_apps else 1,
        "created": at, "lastUpdated": at, "system": True,
        "conditions": None if is_for_apps else conditions, "actions": actions,
        "_links": {"self": _link(path, "GET", "PUT")}, "type": kind,
    })  # fmt: skip


def _brand(world: World) -> None:
    key, theme = mint(world, "bnd"), mint(world, "the")
    path = f"/brands/{key}"
    world.table(_BRANDS).put(key, {
        "id": key, "name": "Twin", "removePoweredByOkta": False, "customPrivacyPolicyUrl": None,
        "agreeToCustomPrivacyPolicy": False, "isDefault": True, "locale": "en",
        "defaultApp": {"appInstanceId": None, "appLinkName": None, "classicApplicationUri": None},
        "_links": {"themes": _link(f"{path}/themes", "GET"), "self": _link(path, "GET", "PUT")},
    })  # fmt: skip
    at = f"{path}/themes/{theme}"
    pictures = {name: _link(f"{at}/{name}", "POST", "DELETE") for name in ("favicon", "logo")}
    world.table(f"{_BRANDS}/{key}/themes").put(theme, {
        "id": theme, "logo": "https://ok4static.oktacdn.com/assets/img/logos/okta-logo.png",
        "favicon": "{origin}/favicon.ico", "backgroundImage": None, **_COLOURS,
        **{f"{name}TouchPointVariant": "OKTA_DEFAULT" for name in _POINTS},
        "_links": {**pictures, "background-image": _link(f"{at}/background-image", "POST"),
                   "self": _link(at, "GET", "PUT")},
    })  # fmt: skip


def withdraw(world: World, path: str, only: Iterable[tuple[str, str]]) -> None:
    """Take presets of a collection away: somebody says what stands there instead."""
    if path not in KINDS:
        return
    table, wanted = world.table(f"okta.at:{path}"), dict(only)
    for key, row in list(table.items()):
        preset = "{origin}" in str(row.get("_links"))
        if preset and wanted.get("type") in (None, row.get("type")):
            table.drop(key)


def placed(handler: Handler) -> Handler:
    """Let links of presets begin with the host that was asked."""

    def answer(call: Exchange) -> Any:
        reply = handler(call)
        if isinstance(reply, Reply) and isinstance(reply.body, dict | list):
            reply.body = _filled(reply.body, call.request.origin)
        return reply

    return answer


def _filled(value: Any, origin: str) -> Any:
    if isinstance(value, str):
        return value.replace("{origin}", origin) if "{origin}" in value else value
    if isinstance(value, dict):
        return {key: _filled(item, origin) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, origin) for item in value]
    return value


def routes(generic: Iterable[Route]) -> tuple[Route, ...]:
    """Return the contract's routes of what has presets, with their links placed."""
    return tuple(
        replace(route, handler=placed(route.handler))
        for route in generic
        if route.template.startswith(KINDS)
    )
