"""A request in vendor-neutral words, and a reply to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the client offers."""

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client asks.

    Attributes:
        protocol: ``anthropic``, ``chat``, ``responses``, ``gemini`` or ``bedrock``.
        text: Everything the model would read, in order.
        turn: How many turns of the model the conversation holds already.
        last: What came last: the text of the newest message or tool result.
        shape: JSON Schema that the answer must have, when the client asked for one.
    """

    protocol: str
    model: str
    text: str
    turn: int
    last: str = ""
    tools: tuple[Tool, ...] = ()
    stream: bool = False
    shape: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one of the client's tools."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply; about four characters each, so the same request costs the same."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the twin answers.

    Attributes:
        id: Depends on the request alone.
    """

    id: str
    model: str
    text: str
    calls: tuple[ToolCall, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure to play instead of a reply.

    Attributes:
        status: HTTP status; 200 with `cut` sends a stream that ends in the middle.
        times: How many requests of the same turn fail before the reply comes.
    """

    status: int = 200
    retry_after_s: int | None = None
    times: int = 1
    cut: bool = False
    garbage: bool = False
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do in a turn, in words that fit any agent's tools.

    Attributes:
        kind: ``bash`` (run `text`), ``write`` (`text` into `path`) or ``tool`` (call `name`).
    """

    kind: str
    text: str = ""
    path: str = ""
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One scripted turn: what to say, what to do, or how to fail."""

    say: str = ""
    acts: tuple[Act, ...] = ()
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A conversation of a script and the requests it is for.

    Attributes:
        contains: Texts that the request must hold; all of them.
        lacks: Texts that it must not hold.
        model: Shell pattern of the model's name.
        needs_tools: Whether only requests that offer tools are meant.
        by_words: Count turns by what was said before instead of by the model's messages, for
            clients that put examples of conversations into their prompt.
    """

    turns: tuple[Turn, ...]
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    model: str = "*"
    needs_tools: bool = False
    by_words: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """All conversations; the first part that fits a request answers it.

    Attributes:
        otherwise: What is said when nothing fits or the turns are used up.
    """

    parts: tuple[Part, ...]
    otherwise: str = "Done."


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that was answered, for tests and for `--log`."""

    protocol: str
    model: str
    turn: int
    status: int
    input_tokens: int
    output_tokens: int
    prompt_digest: str
    tools: tuple[str, ...] = ()
