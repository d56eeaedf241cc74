"""A field that a service renamed is told as such, for every connector alike; never a traceback."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

from unlit.core.errors import OutsideFailed, UnlitError

_WRONG: Final = (KeyError, IndexError, TypeError, AttributeError)
_READS: Final = ("search", "fetch", "comments", "places", "people", "fields", "statuses", "owns")


def telling(connector: type) -> type:
    """Return the same connector, whose methods say CTX-205 where an answer has another shape."""
    wrong: dict[str, tuple[type[Exception], ...]] = dict.fromkeys(_READS, (*_WRONG, ValueError))
    wrong["apply"] = _WRONG  # there a ValueError is about what the user gave
    methods = {
        name: _told(getattr(connector, name), kinds)
        for name, kinds in wrong.items()
        if hasattr(connector, name)
    }
    return type(connector.__name__, (connector,), {"__doc__": connector.__doc__, **methods})


def _told(method: Callable[..., Any], kinds: tuple[type[Exception], ...]) -> Callable[..., Any]:
    @functools.wraps(method)
    def told(self: Any, *given: Any) -> Any:
        try:
            found = method(self, *given)
        except UnlitError:
            raise
        except kinds as error:
            raise _misshapen(self.name, error) from error
        return _read(self.name, found, kinds) if inspect.isgenerator(found) else found

    return told


def _read(name: str, found: Iterator[Any], kinds: tuple[type[Exception], ...]) -> Iterator[Any]:
    try:
        yield from found
    except UnlitError:
        raise
    except kinds as error:
        raise _misshapen(name, error) from error


def _misshapen(name: str, error: Exception) -> UnlitError:
    missing = f"without the field {error}" if isinstance(error, KeyError) else f"oddly: {error}"
    return OutsideFailed(
        "CTX-205",
        f"{name} answered {missing}.",
        "the answer does not have the shape its documentation promises.",
        "check the base URL and the version of the service; nothing was stored.",
    )
