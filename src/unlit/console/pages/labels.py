"""Judged runs, one at a time, in the order drawn by chance: a person says yes or no, blind."""

from starlette.responses import RedirectResponse, Response

from unlit.console.web import Page
from unlit.core.errors import InvalidInput
from unlit.evaluation.rules.judging import MIN_LABELS
from unlit.wiring.desk import labels_beside
from unlit.wiring.labelling import Labels

_ANSWERS = {"yes": True, "no": False, "unclear": None}


def labels_of(page: Page) -> Labels:
    """Return the judged runs of a run of the line.

    Raises:
        InvalidInput: There is no such run, or its scenarios are not here.
    """
    found = page.console.store.find_run(page.path("run"))
    labels = labels_beside(page.console.desk, found)
    if labels is None:
        raise InvalidInput(
            "CON-064", f"Nothing says where the scenarios of run {found.id} are.",
            "labels are kept beside them.", "label it where it was run.",
        )  # fmt: skip
    return labels


def show(page: Page) -> Response:
    """Show the next judged run that nobody has labelled, without the judge's word."""
    labels = labels_of(page)
    labels.skip_settled()
    left = list(labels.waiting())
    run = page.console.store.find_run(labels.run)
    return page.render("labels.html", run=run, left=len(left), needed=MIN_LABELS,
                       next=left[0] if left else None)  # fmt: skip


def keep(page: Page) -> Response:
    """Keep what a person said of the run that was shown; what was shown before is not asked again.

    Raises:
        InvalidInput: No answer was chosen.
    """
    labels, word = labels_of(page), page.form.get("answer", "")
    if word not in _ANSWERS:
        raise InvalidInput(
            "CON-022", "No answer was chosen.", "choosing and sending are two acts.",
            "choose yes, no or cannot tell, then send.",
        )  # fmt: skip
    shown = (page.form.get("partition"), page.form.get("criterion"), page.form.get("n"))
    for grading, entry in labels.waiting():
        if (grading.partition.value, entry.row.criterion, str(entry.row.n)) == shown:
            labels.keep(grading, entry, _ANSWERS[word], page.session.person)
            labels.skip_settled()
            labels.count()
        break  # only the next one in the order: nobody chooses
    return RedirectResponse(f"/runs/{labels.run}/labels", 303)
