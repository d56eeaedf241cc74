"""Ask a model one thing, from a fence of role `evaluator`, in its vendor's own wire format.

The gateway puts in the credential, counts the money and writes the audit entry; nothing of ours in
the fence but `curl`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput, UsageError
from unlit.evaluation.ports import Sandbox

_TIMEOUT_S: Final = 120
_MAX_TOKENS: Final = 1000
_PAYMENT_REQUIRED: Final = 402
JSON = dict[str, Any]


class OutOfBudget(Exception):
    """The next call would pass a limit of money; it was not made, and none is tried after it."""

    label = "not exercised: budget"
    """Why, without content of the scenario."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """How one vendor is asked.

    Attributes:
        host: Where; policy must let role `evaluator` reach it.
        path: With ``{model}`` where the vendor wants the model's name in the path.
        variable: Environment variable of the key; inside the fence it holds a placeholder.
        header: Header line that carries the key.
    """

    host: str
    path: str
    variable: str
    header: str
    body: Callable[[str, str, str], JSON]
    read: Callable[[Any], str]


def _anthropic(model: str, system: str, text: str) -> JSON:
    return {"model": model, "max_tokens": _MAX_TOKENS, "system": system,
            "messages": [{"role": "user", "content": text}]}  # fmt: skip


def _openai(model: str, system: str, text: str) -> JSON:
    return {"model": model, "messages": [{"role": "system", "content": system},
                                         {"role": "user", "content": text}]}  # fmt: skip


def _google(model: str, system: str, text: str) -> JSON:
    return {"systemInstruction": {"parts": [{"text": system}]},
            "contents": [{"role": "user", "parts": [{"text": text}]}]}  # fmt: skip


VENDORS: Final[Mapping[str, Vendor]] = {
    "anthropic": Vendor(
        "api.anthropic.com", "/v1/messages", "ANTHROPIC_API_KEY", "x-api-key: ", _anthropic,
        lambda value: "".join(p["text"] for p in value["content"] if p["type"] == "text"),
    ),
    "openai": Vendor(
        "api.openai.com", "/v1/chat/completions", "OPENAI_API_KEY", "authorization: Bearer ",
        _openai, lambda value: str(value["choices"][0]["message"]["content"]),
    ),
    "google": Vendor(
        "generativelanguage.googleapis.com", "/v1beta/models/{model}:generateContent",
        "GEMINI_API_KEY", "x-goog-api-key: ", _google,
        lambda value: "".join(p["text"] for p in value["candidates"][0]["content"]["parts"]),
    ),
}  # fmt: skip


def models_named(judge: str | None, user: str | None, twin: Path | None) -> dict[str, object]:
    """Return the options of a request that name models.

    Args:
        judge: ``rubric:PROVIDER:MODEL``, or None.
        user: ``PROVIDER:MODEL``, or None.
        twin: Script that answers in the vendors' place, or None.

    Raises:
        UsageError: A name has another form.
        InvalidInput: There is no such vendor.
    """
    options: dict[str, object] = {}
    for flag, form, said in (("judge", "rubric:PROVIDER:MODEL", judge),
                             ("user", "PROVIDER:MODEL", user)):  # fmt: skip
        if not said:
            continue
        words = said.split(":", form.count(":"))
        if len(words) != form.count(":") + 1 or not all(words) or (
            flag == "judge" and words[0] != "rubric"
        ):  # fmt: skip
            raise UsageError(
                "EVA-147", f"`{flag}` `{said}` names no model.",
                "vendor and model must be known.", f"write it as {form}.",
            )  # fmt: skip
        vendor_of(words[-2])
        options[flag] = {"name": words[0], "provider": words[-2], "model": words[-1]}
    if twin is not None:
        options["model_twin"] = str(twin.absolute())
    return options


def vendor_of(provider: str) -> Vendor:
    """Return a vendor by name.

    Raises:
        InvalidInput: We do not speak its wire format.
    """
    if provider not in VENDORS:
        raise InvalidInput(
            "EVA-128", f"There is no model vendor `{provider}`.",
            "its wire format must be known.", f"name one of: {', '.join(VENDORS)}.",
        )  # fmt: skip
    return VENDORS[provider]


class ModelLine:
    """The way to one model.

    Args:
        sandbox: A fence of role `evaluator` whose policy grants the vendor's host.
        provider: Key of `VENDORS`.
        model: The vendor's name of the model.
    """

    def __init__(self, sandbox: Sandbox, provider: str, model: str) -> None:
        self._sandbox = sandbox
        self._vendor = vendor_of(provider)
        self.provider = provider
        self.model = model
        self._refused: str | None = None

    async def ask(self, system: str, text: str) -> str | None:
        """Return the model's answer; None when there is none in the vendor's form.

        Raises:
            OutOfBudget: This call, or one before it, would have passed a limit of money.
        """
        if self._refused is not None:
            raise OutOfBudget(self._refused)
        vendor = self._vendor
        url = f"https://{vendor.host}{vendor.path.format(model=self.model)}"
        script = (
            'exec curl -sS --max-time 100 -H "content-type: application/json"'
            f' -H "{vendor.header}${{{vendor.variable}:-none}}" -H "anthropic-version: 2023-06-01"'
            ' --data-binary @- -w "\\n%{http_code}" -- "$0"'
        )
        body = json.dumps(vendor.body(self.model, system, text)).encode()
        ended = await self._sandbox.run(["sh", "-c", script, url], stdin=body, timeout_s=_TIMEOUT_S)
        if ended.exit_code != 0:
            return None
        content, _, status = ended.stdout.rpartition(b"\n")
        if status.strip() == str(_PAYMENT_REQUIRED).encode():
            self._refused = _refusal_in(content)
            raise OutOfBudget(self._refused)
        return read_text(self.provider, content)


def _refusal_in(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "money is used up, says the model's vendor"


def read_text(provider: str, content: bytes) -> str | None:
    """Return the text of a vendor's answer; None if it is no answer in the vendor's form."""
    try:
        return VENDORS[provider].read(json.loads(content))
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def json_in(text: str | None) -> JSON | None:
    """Return the JSON object within a model's words, or None."""
    if text is None or "{" not in text:
        return None
    try:
        value = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
