"""What is done about an alert: due times, units, repetitions, and who is to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ALERT_COLUMNS = (
    "parameters",
    "alert_group",
    "event_count",
    "last_event_us",
    "opened_us",
    "due_us",
    "overdue_us",
    "unit",
    "cause",
    "acknowledged_us",
    "arrived_us",
    "closed_us",
)
STEP_COLUMNS = ("kind", "unit", "cause", "event_id")
INDEXES = ("ix_alerts_alert_group_alerts_last_event_us", "ix_alerts_due_us", "ix_alerts_unit_alerts_raised_us")


def upgrade() -> None:
    _add_to_alerts()
    _add_times()
    _add_to_steps()
    op.execute("UPDATE alerts SET opened_us = raised_us, last_event_us = occurred_us")
    _create_units()
    _create_alert_events()
    _create_notifications()


def downgrade() -> None:
    for table in ("notifications", "alert_events", "units"):
        op.drop_table(table)
    for index in INDEXES:
        op.drop_index(index, "alerts")
    for table, columns in (("alert_steps", STEP_COLUMNS), ("alerts", ALERT_COLUMNS)):
        for column in columns:
            op.drop_column(table, column)


def _add_to_alerts() -> None:
    op.add_column(
        "alerts",
        sa.Column(
            "parameters",
            sa.Text(),
            nullable=True,
            comment="JSON; its titles in all languages are made of it. Plates are masked.",
        ),
    )
    op.add_column(
        "alerts",
        sa.Column(
            "alert_group",
            sa.Text(),
            nullable=True,
            comment="What it would be a repetition of: one window, plate, sensor, camera.",
        ),
    )
    op.add_column(
        "alerts",
        sa.Column(
            "event_count", sa.Integer(), server_default="1", nullable=False, comment="Events that it stands for."
        ),
    )
    op.add_column(
        "alerts", sa.Column("last_event_us", sa.BigInteger(), nullable=True, comment="Time of the newest of them.")
    )
    op.add_column(
        "alerts",
        sa.Column(
            "opened_us", sa.BigInteger(), nullable=True, comment="Raised, or reopened: due times count from here."
        ),
    )


def _add_times() -> None:
    op.add_column(
        "alerts",
        sa.Column(
            "due_us", sa.BigInteger(), nullable=True, comment="When it must have left its state; empty: nothing is due."
        ),
    )
    op.add_column(
        "alerts",
        sa.Column(
            "overdue_us",
            sa.BigInteger(),
            nullable=True,
            comment="When that was noticed; empty again after the next step.",
        ),
    )
    op.add_column("alerts", sa.Column("unit", sa.Text(), nullable=True, comment="Unit it is assigned to."))
    op.add_column(
        "alerts", sa.Column("cause", sa.Text(), nullable=True, comment="Why it was dismissed: collector.workflow.Cause")
    )
    op.add_column(
        "alerts",
        sa.Column(
            "acknowledged_us",
            sa.BigInteger(),
            nullable=True,
            comment="When somebody first took notice since it was opened.",
        ),
    )
    op.add_column(
        "alerts", sa.Column("arrived_us", sa.BigInteger(), nullable=True, comment="When somebody was on scene.")
    )
    op.add_column("alerts", sa.Column("closed_us", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_alerts_alert_group_alerts_last_event_us"), "alerts", ["alert_group", "last_event_us"], unique=False
    )
    op.create_index(op.f("ix_alerts_due_us"), "alerts", ["due_us"], unique=False)
    op.create_index(op.f("ix_alerts_unit_alerts_raised_us"), "alerts", ["unit", "raised_us"], unique=False)


def _add_to_steps() -> None:
    op.add_column(
        "alert_steps",
        sa.Column("kind", sa.Text(), server_default="state", nullable=False, comment="collector.workflow.StepKind"),
    )
    op.add_column("alert_steps", sa.Column("unit", sa.Text(), nullable=True, comment="Unit it was assigned to."))
    op.add_column("alert_steps", sa.Column("cause", sa.Text(), nullable=True, comment="Why it was dismissed."))
    op.add_column("alert_steps", sa.Column("event_id", sa.Text(), nullable=True, comment="Event that joined it."))
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        said = "What the person said; of a comment, its text."
        op.alter_column("alert_steps", "reason", comment=said, existing_type=sa.Text())


def _create_units() -> None:
    op.create_table(
        "units",
        sa.Column(
            "unit", sa.Text(), nullable=False, comment="Its name in topics and addresses, contract.base.Identifier"
        ),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False, comment="What people call it."),
        sa.Column("kind", sa.Text(), nullable=False, comment="patrol, guard, fire, repair, property or other"),
        sa.Column("contact", sa.Text(), nullable=False, comment="Telephone or radio call sign; may be empty."),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True, comment="Since when nothing is assigned to it any more."),
        sa.PrimaryKeyConstraint("unit"),
    )


def _create_alert_events() -> None:
    op.create_table(
        "alert_events",
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("occurred_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.alert_id"],
        ),
        sa.PrimaryKeyConstraint("alert_id", "event_id"),
        comment="The events that one open alert stands for.",
    )
    op.create_index(op.f("ix_alert_events_event_id"), "alert_events", ["event_id"], unique=False)


def _create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column(
            "notification_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="Name in the configuration."),
        sa.Column("occasion", sa.Text(), nullable=False, comment="raised, unacknowledged or overdue"),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=True, comment="When to try (again); empty: it is over."),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="Of the last attempt."),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.alert_id"],
        ),
        sa.PrimaryKeyConstraint("notification_id"),
        comment="Who is to be told of an alert; written in the transaction that causes it.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_notifications_alert_id"), "notifications", ["alert_id"], unique=False)
    op.create_index(op.f("ix_notifications_next_us"), "notifications", ["next_us"], unique=False)
