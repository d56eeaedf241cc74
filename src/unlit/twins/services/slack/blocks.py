"""Which blocks and attachments Slack takes."""

from typing import Any, Final

from unlit.twins.services.slack.ask import Ask, SlackError

KINDS: Final = frozenset(
    (
        "actions", "call", "context", "context_actions", "divider", "file", "header", "image",
        "input", "markdown", "rich_text", "section", "table", "video",
    )
)  # fmt: skip
_TEXTS: Final = ("plain_text", "mrkdwn")
_COLORS: Final = {"good": "2eb886", "warning": "daa038", "danger": "a30200"}


def check_blocks(blocks: Any) -> None:
    """Raise ``invalid_blocks`` for what the Block Kit does not know.

    Raises:
        SlackError: Too many blocks, or one that is not valid; the messages say where.
    """
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if len(blocks) > 50:
        raise _invalid("no more than 50 items allowed [json-pointer:/blocks]")
    seen = set()
    for at, block in enumerate(blocks):
        if not isinstance(block, dict) or block.get("type") not in KINDS:
            kind = block.get("type") if isinstance(block, dict) else block
            raise _invalid(f"unsupported type: {kind} [json-pointer:/blocks/{at}/type]")
        _check(block, f"/blocks/{at}")
        name = block.get("block_id")
        if name is not None and name in seen:
            raise _invalid(f"`block_id` {name} already exists [json-pointer:/blocks/{at}]")
        seen.add(name)


def _check(block: dict[str, Any], where: str) -> None:
    kind = block["type"]
    if kind == "section":
        if "text" not in block and "fields" not in block:
            raise _invalid(f"must define either `text` or `fields` [json-pointer:{where}]")
        if "text" in block:
            _text(block["text"], f"{where}/text", 3000)
    elif kind == "header":
        _text(block.get("text"), f"{where}/text", 150, ("plain_text",))
    elif kind == "image" and "image_url" not in block and "slack_file" not in block:
        raise _invalid(f"missing required field: image_url [json-pointer:{where}]")
    elif kind in ("actions", "context", "rich_text"):
        _elements(block, where)
    elif kind == "input":
        _text(block.get("label"), f"{where}/label", 2000, ("plain_text",))
        if not isinstance(block.get("element"), dict):
            raise _invalid(f"missing required field: element [json-pointer:{where}]")


def _elements(block: dict[str, Any], where: str) -> None:
    if not isinstance(block.get("elements"), list):
        raise _invalid(f"missing required field: elements [json-pointer:{where}]")
    if block["type"] != "rich_text" and not block["elements"]:
        raise _invalid(f"no fewer than 1 items allowed [json-pointer:{where}/elements]")


def _text(value: Any, where: str, most: int, kinds: tuple[str, ...] = _TEXTS) -> None:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        raise _invalid(f"missing required field: text [json-pointer:{where}]")
    text = value.get("text")
    if not isinstance(text, str) or not text:
        raise _invalid(f"must be more than 0 characters [json-pointer:{where}/text]")
    if len(text) > most:
        raise _invalid(f"must be less than {most + 1} characters [json-pointer:{where}/text]")


def _invalid(message: str) -> SlackError:
    text = f"[ERROR] {message}"
    return SlackError("invalid_blocks", errors=[message], response_metadata={"messages": [text]})


def check_attachments(ask: Ask, value: Any) -> list[dict[str, Any]]:
    """Return attachments as Slack keeps them: numbered, with a fallback.

    Raises:
        SlackError: They are no list of tables, or too many.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SlackError("invalid_attachments")
    if len(value) > 100:
        raise SlackError("too_many_attachments")
    out = []
    for number, item in enumerate(value, 1):
        kept = {"id": number, **item}
        if "blocks" in kept:
            check_blocks(kept["blocks"])
        kept.setdefault(
            "fallback", item.get("text") or item.get("title") or "[no preview available]"
        )
        if "color" in kept:
            color = str(kept["color"])
            kept["color"] = _COLORS.get(color, color.removeprefix("#"))
        out.append(kept)
    return out
