"""The tables of the record, for SQLite and PostgreSQL alike.

Times are ISO 8601 text in UTC, dollars are decimal text, documents are JSON text: the same bytes on
both databases, and readable with any SQL client.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

VERSION: Final = 8

metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("spec_id", Text, nullable=False),
    Column("spec_digest", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("spec_path", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("base_tree", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("verdict", Text),
    Column("candidate", Text),
    Column("policy_digest", Text),
    Column("snapshot", Text),
    Column("seed", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("engine_version", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Index("runs_by_time", "created_at"),
    Index("runs_by_state", "state"),
)

stages = Table(
    "stages",
    metadata,
    Column("run", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("candidate", Text),
    Column("attempt", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("failure", Text),
    Column("code", Text),
    Column("facts", Text, nullable=False),
    PrimaryKeyConstraint("run", "key"),
)

candidates = Table(
    "candidates",
    metadata,
    Column("run", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("commit", Text, nullable=False),
    Column("tree", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("files", Integer, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("run", "id"),
)

trajectories = Table(
    "trajectories",
    metadata,
    Column("run", Text, nullable=False),
    Column("candidate", Text, nullable=False),
    Column("partition", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("scenario", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("criteria", Text, nullable=False),
    Column("seed", BigInteger),
    Column("bucket", Text),
    Column("duration_s", Float),
    Column("cost_usd", Text),
    PrimaryKeyConstraint("run", "candidate", "partition", "number"),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("run", Text, nullable=False),
    Column("candidate", Text, nullable=False),
    Column("partition", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("tree", Text, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("estimate", Float),
    Column("lower", Float),
    Column("upper", Float),
    Column("trajectories", Integer, nullable=False),
    Column("satisfied", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("feedback", Text, nullable=False),
    PrimaryKeyConstraint("run", "candidate", "partition"),
)

looks = Table(
    "looks",
    metadata,
    Column("key", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("candidate", Text, nullable=False),
    Column("spec_digest", Text, nullable=False),
    Column("index", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("bits", Float),
    Column("claimable", Text, nullable=False),
    Index("looks_by_spec", "spec_digest"),
)

costs = Table(
    "costs",
    metadata,
    Column("key", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("candidate", Text),
    Column("criterion", Text),
    Column("calls", Integer, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cache_read_tokens", Integer, nullable=False),
    Column("cache_write_tokens", Integer, nullable=False),
    Column("usd", Text),
    Index("costs_by_run", "run"),
    Index("costs_by_day", "day"),
)

questions = Table(
    "questions",
    metadata,
    Column("run", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("criterion", Text),
    Column("why", Text, nullable=False),
    Column("stakes", Float, nullable=False, server_default="1"),
    Column("doubt", Float, nullable=False, server_default="1"),
    Column("minutes", Float, nullable=False, server_default="2"),
    Column("answer", Text),
    Column("answered_by", Text),
    Column("answered_at", Text),
    PrimaryKeyConstraint("run", "number"),
)

access_questions = Table(
    "access_questions",
    metadata,
    Column("run", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    PrimaryKeyConstraint("run", "number"),
)

gate_decisions = Table(
    "gate_decisions",
    metadata,
    Column("run", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("candidate", Text),
    Column("tree", Text),
    Column("facts", Text, nullable=False),
    PrimaryKeyConstraint("run", "gate"),
)

forecasts = Table(
    "forecasts",
    metadata,
    Column("run", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("measure", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("low", Float),
    Column("middle", Float),
    Column("high", Float),
    Column("hindsight", Float),
    Column("actual", Float),
    PrimaryKeyConstraint("run", "source", "measure"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("candidate", Text),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("run", "key"),
    Index("events_by_run", "run", "seq"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("spent_micros", BigInteger, nullable=False),
    Column("held_micros", BigInteger, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("key", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("micros", BigInteger),
    Index("holds_by_run", "run"),
)

lessons = Table(
    "lessons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("repository", Text, nullable=False),
    Column("claim", Text, nullable=False),
    Column("keys", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Text),
    Column("wins", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Index("lessons_by_repository", "repository"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("queues", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("lease_until", Float, nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("name", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until", Float, nullable=False),
    PrimaryKeyConstraint("name", "holder"),
)

slot_starts = Table(
    "slot_starts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("at", Float, nullable=False),
    Index("slot_starts_by_name", "name", "at"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("key", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
