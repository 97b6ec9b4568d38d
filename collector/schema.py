"""All tables and what their columns mean. Times are `*_us`: microseconds since 1970-01-01 UTC, as 64-bit integers.

Integers, text and bytes only, so that SQLite and PostgreSQL hold exactly the same. Changing a table means a new file in
`collector/migrations/versions/`; a test compares that result with this module.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from collector import (  # noqa: F401 -- their tables belong to `metadata`
    schema_alerts,
    schema_audit,
    schema_duty,
    schema_map,
    schema_people,
    schema_retention,
    schema_vehicles,
    schema_watch,
)
from collector.columns import RowId, metadata, sparse_index

__all__ = ["metadata"]

outboxes = Table(
    "outboxes",
    metadata,
    Column("outbox_id", Text, primary_key=True, comment="UUID an edge made together with its outbox file."),
    Column("site", Text, nullable=False),
    Column(
        "edge", Text, nullable=False, comment="Owner: the edge on whose topic it was first seen; no other may use it."
    ),
    Column("first_seen_us", BigInteger, nullable=False),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("gap_since_us", BigInteger, comment="Since when its sequence has holes; empty when it has none."),
    Column("gap_asked_us", BigInteger, comment="When the edge was last asked to send the missing ones again."),
    Column("gap_alerted_to", BigInteger, comment="Highest missing sequence number an alert was raised for."),
)

received_ranges = Table(
    "received_ranges",
    metadata,
    Column("outbox_id", Text, ForeignKey("outboxes.outbox_id"), primary_key=True),
    Column("low", BigInteger, primary_key=True, comment="First sequence number of the range."),
    Column("high", BigInteger, nullable=False, comment="Last sequence number of the range, included."),
    comment="Sequence numbers that need not come again: stored, refused or declared dropped. Never expires.",
)

events = Table(
    "events",
    metadata,
    Column("row_id", RowId, primary_key=True, autoincrement=True, comment="Order of arrival; position in the stream."),
    Column("outbox_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False, comment="contract.events.EventType"),
    Column("site", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("source", Text, nullable=False, comment="Camera or sensor: the last level of the topic."),
    Column("occurred_us", BigInteger, nullable=False, comment="The event's own time; never corrected."),
    Column("received_us", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False, comment="Replayed or expired when it came: history, not news."),
    Column("passage_id", Text, comment="Shared by the provisional and final event of one vehicle."),
    Column("plate", Text, comment="As read; shown only to roles that may see plates."),
    Column("payload", Text, nullable=False, comment="The whole envelope as it came, JSON."),
    UniqueConstraint("outbox_id", "sequence"),
    Index(None, "event_id"),
    Index(None, "occurred_us", "row_id"),
    Index(None, "type", "occurred_us", "row_id"),
    Index(None, "edge", "occurred_us", "row_id"),
    Index(None, "source", "occurred_us", "row_id"),
    sparse_index("passage_id"),
    sqlite_autoincrement=True,
)

event_evidence = Table(
    "event_evidence",
    metadata,
    Column("event_id", Text, primary_key=True, comment="The event it proves; the event may still be on its way."),
    Column("sha256", Text, primary_key=True),
    Column("role", Text, primary_key=True, comment="contract.events.EvidenceRole"),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("note", Text),
    Index(None, "sha256"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stored_us", BigInteger, nullable=False),
    Column("uploaded_by", Text, nullable=False, comment="Name of the token that brought the last byte."),
    comment="Files that are complete, checked and on disk.",
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("alert_key", Text, nullable=False, comment="What it is about; the same thing never raises two."),
    Column("type", Text, nullable=False, comment="contract.alerts.AlertType"),
    Column("severity", Text, nullable=False),
    Column("certainty", Text),
    Column("title", Text, nullable=False, comment="Plates in it are masked."),
    Column("site", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, comment="The event that raised it; empty for a gap."),
    Column("occurred_us", BigInteger, nullable=False),
    Column("raised_us", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("state", Text, nullable=False, comment="contract.alerts.AlertState"),
    Column("state_us", BigInteger, nullable=False, comment="Since when it is in this state."),
    Column("parameters", Text, comment="JSON; its titles in all languages are made of it. Plates are masked."),
    Column("alert_group", Text, comment="What it would be a repetition of: one window, plate, sensor, camera."),
    Column("event_count", Integer, nullable=False, server_default="1", comment="Events that it stands for."),
    Column("last_event_us", BigInteger, comment="Time of the newest of them."),
    Column("opened_us", BigInteger, comment="Raised, or reopened: due times count from here."),
    Column("due_us", BigInteger, comment="When it must have left its state; empty: nothing is due."),
    Column("overdue_us", BigInteger, comment="When that was noticed; empty again after the next step."),
    Column("unit", Text, comment="Unit it is assigned to."),
    Column("cause", Text, comment="Why it was dismissed: collector.workflow.Cause"),
    Column("acknowledged_us", BigInteger, comment="When somebody first took notice since it was opened."),
    Column("arrived_us", BigInteger, comment="When somebody was on scene."),
    Column("closed_us", BigInteger),
    UniqueConstraint("alert_key"),
    sparse_index("alert_group", "last_event_us"),
    sparse_index("due_us"),
    sparse_index("unit", "raised_us"),
    Index(None, "raised_us", "alert_id"),
    Index(None, "state", "raised_us"),
    Index(None, "severity", "raised_us"),
    Index(None, "event_id"),
)

alert_steps = Table(
    "alert_steps",
    metadata,
    Column("step_id", RowId, primary_key=True, autoincrement=True, comment="Position in the stream."),
    Column("alert_id", Text, ForeignKey("alerts.alert_id"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("by", Text, comment="Name of the person; empty when the collector did it."),
    Column("reason", Text, comment="What the person said; of a comment, its text."),
    Column("kind", Text, nullable=False, server_default="state", comment="collector.workflow.StepKind"),
    Column("unit", Text, comment="Unit it was assigned to."),
    Column("cause", Text, comment="Why it was dismissed."),
    Column("event_id", Text, comment="Event that joined it."),
    Index(None, "alert_id"),
    sqlite_autoincrement=True,
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", RowId, primary_key=True, autoincrement=True),
    Column("topic", Text, nullable=False),
    Column("payload", Text, nullable=False, comment="Empty clears a retained message."),
    Column("retain", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, comment="After this it is no longer worth publishing."),
    comment="To be published; written in the transaction that causes it, deleted when the broker has it.",
    sqlite_autoincrement=True,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("letter_id", RowId, primary_key=True, autoincrement=True),
    Column(
        "digest", Text, nullable=False, comment="SHA-256 of topic, a zero byte, payload: the same letter is kept once."
    ),
    Column("kind", Text, nullable=False, comment="malformed, newer, foreign (speaks for another) or unstorable"),
    Column("reason", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("outbox_id", Text),
    Column("sequence", BigInteger),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("times", Integer, nullable=False, comment="How often it came."),
    Column("reingested_us", BigInteger, comment="When a newer collector understood it after all."),
    UniqueConstraint("digest"),
    sqlite_autoincrement=True,
)

edges = Table(
    "edges",
    metadata,
    Column("site", Text, primary_key=True),
    Column("edge", Text, primary_key=True),
    Column("state", Text, comment="online, offline or stopping"),
    Column("connection_id", Text, comment="Of the last online: an offline of another connection is old."),
    Column("state_us", BigInteger),
    Column("birth", Text, comment="contract.status.Birth, JSON"),
    Column("health", Text, comment="contract.status.Health, JSON"),
    Column("health_us", BigInteger, comment="When the health came."),
    Column("config_reported", Text, comment="contract.commands.ConfigReported, JSON"),
)

cameras = Table(
    "cameras",
    metadata,
    Column("site", Text, primary_key=True),
    Column("edge", Text, primary_key=True),
    Column("camera", Text, primary_key=True),
    Column("state", Text, comment="contract.events.CameraState, from the retained status"),
    Column("since_us", BigInteger),
    Column("reason", Text),
    Column("event_outbox_id", Text, comment="Outbox of the newest camera event that was acted on."),
    Column("event_sequence", BigInteger, comment="Its sequence: an older one, come late, changes nothing."),
    Column("event_us", BigInteger),
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sha256", Text, nullable=False, comment="Of the token; the token itself is not kept."),
    Column("role", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    Column("sites", Text, comment="Sites it may see, separated by blanks; empty: all."),
    Column("expires_us", BigInteger, comment="Worth nothing from then on; empty: for ever."),
    Column("created_by", Text, comment="Administrator who made it; empty: the command line."),
    UniqueConstraint("sha256"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("sha256", Text, primary_key=True, comment="Of the code in the link."),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
    Column("sites", Text, comment="As of tokens."),
)

sessions = Table(
    "sessions",
    metadata,
    Column("sha256", Text, primary_key=True, comment="Of the session's random id in the signed cookie."),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("sites", Text, comment="As of tokens."),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="The key that signs session cookies; shared by all collectors on one database.",
)
