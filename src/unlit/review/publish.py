"""Write a run's report to disk and its questions into the record, once and again the same."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unlit.core.errors import OutsideFailed
from unlit.core.ids import RunId
from unlit.record.model import Question
from unlit.record.store import Store
from unlit.review.adapters.fence_log import fences_of
from unlit.review.markdown import render_markdown
from unlit.review.model import Report
from unlit.review.render import render_html
from unlit.review.service import build_report


@dataclass(frozen=True, slots=True)
class Published:
    """The files by kind (``html``, ``json``, ``md``), the headline and how much is asked."""

    files: Mapping[str, str]
    headline: str
    questions: int


def publish(store: Store, run: RunId, folder: Path, *, logs: Sequence[Path] = ()) -> Published:
    """Build the report of a run, keep its questions and write its files into `folder`.

    `logs` are the audit logs in which the run's fences closed.

    Raises:
        InvalidInput: No such run.
        OutsideFailed: A file cannot be written.
    """
    report = build_report(store, run, fences=fences_of(logs, run))
    store.keep_questions(
        [
            Question(
                run,
                line.number,
                line.kind,
                line.text,
                line.criterion,
                line.why,
                stakes=line.stakes,
                doubt=line.doubt,
                minutes=line.minutes,
            )
            for line in report.questions
        ]
    )
    return Published(write_files(report, folder), report.headline.text, len(report.open_questions))


def write_files(report: Report, folder: Path) -> Mapping[str, str]:
    """Write the report in its three forms; each whole or not at all.

    Raises:
        OutsideFailed: A file cannot be written.
    """
    forms = {
        "html": render_html(report),
        "json": json.dumps(report.to_json(), ensure_ascii=False, indent=1) + "\n",
        "md": render_markdown(report),
    }
    written = {}
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for kind, text in forms.items():
            path = folder / f"report.{kind}"
            partial = path.with_name(f"{path.name}.partial")
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
            written[kind] = str(path)
    except OSError as error:
        raise OutsideFailed(
            "REV-031",
            f"The report cannot be written to {folder}: {error.strerror}.",
            "the record holds everything it says, so nothing is lost.",
            "make room there, then `unlit review RUN --html FILE`.",
        ) from error
    return written
