"""Where people read and decide: the record, the audit log of gates and their rules."""

import asyncio
import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough
from unlit.core.ids import RunId
from unlit.core.system import SystemClock
from unlit.line.carry import bring
from unlit.record.engine import sqlite_url
from unlit.record.model import GateDecision, Run, RunEvent, RunState
from unlit.record.store import Store
from unlit.review import Desk, build_report
from unlit.review.adapters.audit import FolderGateLog
from unlit.review.adapters.labelling_log import LabellingLog
from unlit.review.publish import write_files
from unlit.ship import Shipment, attest, ship_run
from unlit.wiring.gate_settings import gate_rules
from unlit.wiring.hooks import open_outbox
from unlit.wiring.paths import StatePaths, evaluations_beside, state_home, state_paths
from unlit.wiring.reading import open_reading, store_of_run
from unlit.wiring.settings import Settings
from unlit.wiring.ship_plan import open_means

if TYPE_CHECKING:
    from unlit.review.tryout import Settings as TrySettings
    from unlit.wiring.labelling import Labels


@dataclass(frozen=True, slots=True)
class Office:
    """Everything that reading and deciding needs; nothing that writes code or grades.

    Attributes:
        person: Who decides here; `unknown` when nobody says.
    """

    repository: Path
    settings: Settings
    paths: StatePaths
    store: Store
    desk: Desk
    person: str

    def ship(self, run: RunId) -> Shipment:
        """Ship an approved run and write down that it is shipped; again does nothing more.

        Raises:
            UnlitError: As `unlit.ship.ship_run`.
        """
        self.desk.check_ship(run)
        found = self.store.find_run(run)
        if "spec" in found.settings and found.state is not RunState.SHIPPED:
            self._ship_through_the_line(found)
        bring(self.store, run)
        home = Path(found.repository)
        with open_means(home, self.settings, self.paths, self.store, run=run) as means:
            shipment = ship_run(self.store, run, means=means)
        if shipment.pending:
            return shipment
        now = self.desk.clock.now()
        self.store.change_run(run, now, state=RunState.SHIPPED)
        text = f"merged as {shipment.commit[:10]} on {shipment.branch}, tag {shipment.tag}"
        data = {"state": "shipped", "commit": shipment.commit, "tag": shipment.tag}
        self.store.keep_events(
            [RunEvent(run, "state/shipped", "state", now, "ship", text=text, data=data)]
        )
        self.refresh(run)
        return shipment

    def _ship_through_the_line(self, run: Run) -> None:
        """Ship with the line's own checks, and with a moved main branch graded anew."""
        from unlit.wiring.shipping import ship_durably

        done = asyncio.run(ship_durably(Path(run.repository), run.id))
        if done.run.state is RunState.SHIPPED or done.facts.get("pending"):
            return
        detail = done.run.note or ("" if done.stage is None else done.stage.detail)
        raise OutcomeNotGoodEnough(
            "SHP-034",
            f"Run {run.id} is not shipped: {detail or done.run.state.value}.",
            "what does not hold on the main branch of now is not merged.",
            f"`unlit show {run.id}` says more; `unlit ship {run.id}` tries again.",
        )

    def tell(self) -> None:
        """Tell the hooks what happened here; a hook that fails is told again later."""
        outbox = open_outbox(self.repository, self.settings, self.paths, self.store)
        if outbox is not None:
            outbox.pump()

    def refresh(self, run: RunId) -> None:
        """Write the report's files anew, so that they say what was decided."""
        write_files(build_report(self.store, run), self.paths.root / "reports" / run)

    def attestations(self, run: RunId, shipment: Shipment) -> Mapping[str, str]:
        """Write provenance, outcome and bill of materials of a shipped run beside its report.

        Raises:
            OutsideFailed: They cannot be written.
        """
        folder = self.paths.root / "reports" / run
        report = build_report(self.store, run).to_json()
        key = self.paths.root / "audit-key"
        return attest(self.store, run, shipment, report, folder, key)


def open_office(
    repository: Path | None = None,
    flags: Mapping[str, str | int | Path | None] | None = None,
    *,
    create: bool = False,
    run: str | None = None,
) -> Office:
    """Open the record of a repository for reading and deciding.

    Args:
        repository: Its folder; default the nearest one upwards from here.
        flags: Settings given on the command line.
        create: Make an empty record when there is none, instead of refusing.
        run: When no repository is named, the record that has this run is opened instead.

    Raises:
        InvalidInput: There is no record, or a setting or gate rule is not understood.
        OutsideFailed: The database does not answer.
    """
    found = open_reading(repository, flags, create=create, run=run)
    folder, settings, paths, store = found.repository, found.settings, found.paths, found.store
    outbox = open_outbox(folder, settings, paths, store)
    if outbox is not None:
        outbox.begin()  # a hook that is new hears of what is decided here
    clock = SystemClock()
    gates = FolderGateLog(paths.audit / "gates", clock, key_dir=paths.root / "audit-key")
    log = LabellingLog(gates, lambda name: store_of_run(store, RunId(name)))
    desk = Desk(store, log, clock, gate_rules(folder))
    return Office(folder, settings, paths, store, desk, person_of(settings))


def decisions_made(settings: Settings, repository: Path) -> tuple[GateDecision, ...]:
    """Return the decisions at gates in the record of a repository; none when it has no record.

    Raises:
        OutsideFailed: The database does not answer.
    """
    database = state_paths(settings, repository).database
    shared = settings.text("database_url")
    if shared is None and not database.exists():
        return ()
    store = Store.open(shared or sqlite_url(database))
    try:
        found = store.gate_decisions()
        if shared is None:
            return found
        here = str(repository.resolve())  # others' decisions are in the logs of their machines
        names = {row.run for row in found}
        mine = {name for name in names if (run := store.run(name)) and run.repository == here}
        return tuple(row for row in found if row.run in mine)
    finally:
        store.close()


def newest_repository(settings: Settings) -> Path | None:
    """Return the repository whose record was written last, for a start from anywhere."""
    home = state_home(settings.env, settings.path("state_home"))
    records = sorted(home.glob("*/record.db"), key=lambda path: path.stat().st_mtime, reverse=True)
    for record in records:
        store = Store.open(sqlite_url(record))
        try:
            newest = store.runs(limit=1)
        finally:
            store.close()
        if newest and Path(newest[0].repository).is_dir():
            return Path(newest[0].repository)
    return None


def labels_beside(desk: Desk, run: Run) -> "Labels | None":
    """Return the judged runs of a run of the line; None if nothing says where its scenarios are."""
    from unlit.wiring.labelling import Labels

    vault = run.settings.get("vault")
    if not vault:
        return None
    folder = Path(str(vault))
    return Labels(desk, run.id, folder, evaluations_beside(folder))


def labels_of_run(office: Office, run: str) -> "Labels":
    """Return the judged runs of a run of the line, for people to label.

    Raises:
        InvalidInput: There is no such run, or its scenarios are not here.
    """
    found = office.store.find_run(run)
    labels = labels_beside(office.desk, found)
    if labels is None:
        raise InvalidInput(
            "EVA-148", f"Nothing says where the scenarios of run {found.id} are.",
            "labels are kept beside them.", "`unlit scenarios label VAULT` labels a grading.",
        )  # fmt: skip
    return labels


def try_settings(office: Office, vault: Path | None, *, framed_by: str = "") -> "TrySettings":
    """Say where tries keep their things, and what their fences must never show."""
    from unlit.fence.deps import INDEXES
    from unlit.review.tryout import Settings as TrySettings

    paths, env = office.paths, office.settings.env
    watched = {"record": paths.root.resolve()}
    if vault is not None and vault.exists():
        watched["vault"] = vault.resolve()
    return TrySettings(
        folder=paths.root / "tries",
        audit=paths.audit,
        key_dir=paths.root / "audit-key",
        deps=state_home(env, office.settings.path("state_home")) / "deps",
        watched=watched,
        indexes={name: env[name] for name in INDEXES if name in env},
        framed_by=framed_by,
    )


def person_of(settings: Settings) -> str:
    """Return who decides here: the setting, else the user's name."""
    named = settings.text("person")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
