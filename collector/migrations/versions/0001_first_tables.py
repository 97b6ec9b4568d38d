"""First tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_alerts()
    _create_audit()
    _create_cameras()
    _create_dead_letters()
    _create_edges()
    _create_event_evidence()
    _create_events()
    _create_evidence()
    _create_messages()
    _create_outboxes()
    _create_secrets()
    _create_sessions()
    _create_sign_in_links()
    _create_tokens()
    _create_alert_steps()
    _create_received_ranges()


def downgrade() -> None:
    for table in (
        "received_ranges",
        "alert_steps",
        "tokens",
        "sign_in_links",
        "sessions",
        "secrets",
        "outboxes",
        "messages",
        "evidence",
        "events",
        "event_evidence",
        "edges",
        "dead_letters",
        "cameras",
        "audit",
        "alerts",
    ):
        op.drop_table(table)


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("alert_key", sa.Text(), nullable=False, comment="What it is about; the same thing never raises two."),
        sa.Column("type", sa.Text(), nullable=False, comment="contract.alerts.AlertType"),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("certainty", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False, comment="Plates in it are masked."),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True, comment="The event that raised it; empty for a gap."),
        sa.Column("occurred_us", sa.BigInteger(), nullable=False),
        sa.Column("raised_us", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="contract.alerts.AlertState"),
        sa.Column("state_us", sa.BigInteger(), nullable=False, comment="Since when it is in this state."),
        sa.PrimaryKeyConstraint("alert_id"),
        sa.UniqueConstraint("alert_key", name=op.f("uq_alerts_alert_key")),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alerts_event_id"), ["event_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_alerts_raised_us_alerts_alert_id"), ["raised_us", "alert_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_alerts_severity_alerts_raised_us"), ["severity", "raised_us"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_alerts_state_alerts_raised_us"), ["state", "raised_us"], unique=False)


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False, comment="Name of the token or session."),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="view, list, stream, evidence, alert, sign-in"),
        sa.Column("subject", sa.Text(), nullable=False, comment="What was looked at or changed, as a path of the API."),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("plates", sa.Integer(), nullable=False, comment="How many plates were shown in clear."),
        sa.PrimaryKeyConstraint("audit_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_at_us"), ["at_us"], unique=False)


def _create_cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("camera", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True, comment="contract.events.CameraState, from the retained status"),
        sa.Column("since_us", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "event_outbox_id", sa.Text(), nullable=True, comment="Outbox of the newest camera event that was acted on."
        ),
        sa.Column(
            "event_sequence",
            sa.BigInteger(),
            nullable=True,
            comment="Its sequence: an older one, come late, changes nothing.",
        ),
        sa.Column("event_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("site", "edge", "camera"),
    )


def _create_dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column(
            "letter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column(
            "digest",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of topic, a zero byte, payload: the same letter is kept once.",
        ),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="malformed, newer, foreign (speaks for another) or unstorable"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("outbox_id", sa.Text(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, comment="How often it came."),
        sa.Column(
            "reingested_us", sa.BigInteger(), nullable=True, comment="When a newer collector understood it after all."
        ),
        sa.PrimaryKeyConstraint("letter_id"),
        sa.UniqueConstraint("digest", name=op.f("uq_dead_letters_digest")),
        sqlite_autoincrement=True,
    )


def _create_edges() -> None:
    op.create_table(
        "edges",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True, comment="online, offline or stopping"),
        sa.Column(
            "connection_id",
            sa.Text(),
            nullable=True,
            comment="Of the last online: an offline of another connection is old.",
        ),
        sa.Column("state_us", sa.BigInteger(), nullable=True),
        sa.Column("birth", sa.Text(), nullable=True, comment="contract.status.Birth, JSON"),
        sa.Column("health", sa.Text(), nullable=True, comment="contract.status.Health, JSON"),
        sa.Column("health_us", sa.BigInteger(), nullable=True, comment="When the health came."),
        sa.Column("config_reported", sa.Text(), nullable=True, comment="contract.commands.ConfigReported, JSON"),
        sa.PrimaryKeyConstraint("site", "edge"),
    )


def _create_event_evidence() -> None:
    op.create_table(
        "event_evidence",
        sa.Column(
            "event_id", sa.Text(), nullable=False, comment="The event it proves; the event may still be on its way."
        ),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False, comment="contract.events.EvidenceRole"),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", "sha256", "role"),
    )
    with op.batch_alter_table("event_evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_evidence_sha256"), ["sha256"], unique=False)


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column(
            "row_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
            comment="Order of arrival; position in the stream.",
        ),
        sa.Column("outbox_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False, comment="contract.events.EventType"),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="Camera or sensor: the last level of the topic."),
        sa.Column("occurred_us", sa.BigInteger(), nullable=False, comment="The event's own time; never corrected."),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False, comment="Replayed or expired when it came: history, not news."),
        sa.Column(
            "passage_id", sa.Text(), nullable=True, comment="Shared by the provisional and final event of one vehicle."
        ),
        sa.Column("plate", sa.Text(), nullable=True, comment="As read; shown only to roles that may see plates."),
        sa.Column("payload", sa.Text(), nullable=False, comment="The whole envelope as it came, JSON."),
        sa.PrimaryKeyConstraint("row_id"),
        sa.UniqueConstraint("outbox_id", "sequence", name=op.f("uq_events_outbox_id_sequence")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_events_edge_events_occurred_us_events_row_id"),
            ["edge", "occurred_us", "row_id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_events_event_id"), ["event_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_events_occurred_us_events_row_id"), ["occurred_us", "row_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_events_passage_id"), ["passage_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_events_source_events_occurred_us_events_row_id"),
            ["source", "occurred_us", "row_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_events_type_events_occurred_us_events_row_id"),
            ["type", "occurred_us", "row_id"],
            unique=False,
        )


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_us", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False, comment="Name of the token that brought the last byte."),
        sa.PrimaryKeyConstraint("sha256"),
        comment="Files that are complete, checked and on disk.",
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False, comment="Empty clears a retained message."),
        sa.Column("retain", sa.Boolean(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True, comment="After this it is no longer worth publishing."),
        sa.PrimaryKeyConstraint("message_id"),
        comment="To be published; written in the transaction that causes it, deleted when the broker has it.",
        sqlite_autoincrement=True,
    )


def _create_outboxes() -> None:
    op.create_table(
        "outboxes",
        sa.Column("outbox_id", sa.Text(), nullable=False, comment="UUID an edge made together with its outbox file."),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column(
            "edge",
            sa.Text(),
            nullable=False,
            comment="Owner: the edge on whose topic it was first seen; no other may use it.",
        ),
        sa.Column("first_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_us", sa.BigInteger(), nullable=False),
        sa.Column(
            "gap_since_us",
            sa.BigInteger(),
            nullable=True,
            comment="Since when its sequence has holes; empty when it has none.",
        ),
        sa.Column(
            "gap_asked_us",
            sa.BigInteger(),
            nullable=True,
            comment="When the edge was last asked to send the missing ones again.",
        ),
        sa.Column(
            "gap_alerted_to",
            sa.BigInteger(),
            nullable=True,
            comment="Highest missing sequence number an alert was raised for.",
        ),
        sa.PrimaryKeyConstraint("outbox_id"),
    )


def _create_secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        comment="The key that signs session cookies; shared by all collectors on one database.",
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.Text(), nullable=False, comment="Of the session's random id in the signed cookie."),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
    )


def _create_sign_in_links() -> None:
    op.create_table(
        "sign_in_links",
        sa.Column("sha256", sa.Text(), nullable=False, comment="Of the code in the link."),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
    )


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False, comment="Of the token; the token itself is not kept."),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("sha256", name=op.f("uq_tokens_sha256")),
    )


def _create_alert_steps() -> None:
    op.create_table(
        "alert_steps",
        sa.Column(
            "step_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
            comment="Position in the stream.",
        ),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True, comment="Name of the person; empty when the collector did it."),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.alert_id"],
        ),
        sa.PrimaryKeyConstraint("step_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("alert_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_steps_alert_id"), ["alert_id"], unique=False)


def _create_received_ranges() -> None:
    op.create_table(
        "received_ranges",
        sa.Column("outbox_id", sa.Text(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False, comment="First sequence number of the range."),
        sa.Column("high", sa.BigInteger(), nullable=False, comment="Last sequence number of the range, included."),
        sa.ForeignKeyConstraint(
            ["outbox_id"],
            ["outboxes.outbox_id"],
        ),
        sa.PrimaryKeyConstraint("outbox_id", "low"),
        comment="Sequence numbers that need not come again: stored, refused or declared dropped. Never expires.",
    )
