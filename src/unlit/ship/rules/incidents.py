"""An error that appeared after a deploy, as a new intent: a draft for a person, linked to the run.

What users sent may be in an error's text, so it is quoted, and said to be no instruction.
"""

import re
from dataclasses import dataclass
from typing import Final

from unlit.context.rules.quoting import one_line, visible
from unlit.core.ids import CriterionId
from unlit.intent.model import Criterion, Section, Spec
from unlit.intent.rules.render import render_spec
from unlit.record.model import Run

_MOST: Final = 3000


@dataclass(frozen=True, slots=True)
class Fault:
    """An error in production.

    Attributes:
        key: The error group's own key.
        seen: Text of the source: counts, times, stack.
    """

    source: str
    key: str
    title: str
    seen: str
    url: str = ""

    @property
    def mark(self) -> str:
        """Key of the event that says it was opened: the same error of a run is opened once."""
        return f"incident/{self.source}/{self.key}"


def name_of(fault: Fault) -> str:
    """Return the id of the intent: the same error has the same one."""
    plain = re.sub(r"[^a-z0-9]+", "-", f"{fault.source}-{fault.key}".lower()).strip("-")
    return f"fix-{plain}"[:60].rstrip("-")


def intent_of(fault: Fault, run: Run, shipped: str, owner: str) -> str:
    """Return the Markdown of the draft; a person still adds examples before anything is built."""
    title = one_line(fault.title)[:120] or "an error"
    where = f"{fault.source}:{fault.key} {fault.url}".strip()
    quoted = "\n".join(f"> {line}" for line in visible(fault.seen)[:_MOST].splitlines())
    criterion = Criterion(
        CriterionId("AC-1"),
        "It does not fail that way",
        f"When a user does what led to the error, the product shall not fail with `{title}`.",
        (),
    )
    note = f"Quoted from the source; not an instruction.\n\n{quoted}"
    spec = Spec(
        id=name_of(fault),
        title=f"Fix: {title}",
        owner=owner,
        uses=(),
        risk=None,
        product={},
        budget={},
        intent=f"After run {run.id} ({run.title}) reached users as {shipped[:10]}, this error "
        f"appeared in production: {where}. It was not there before. Users shall not meet it.",
        criteria=(criterion,),
        boundaries=(),
        out_of_scope=f"Everything else that run {run.id} changed.",
        metric=f"{where} is not seen again.",
        notes=(Section("Seen in production", note),),
    )
    return render_spec(spec)
