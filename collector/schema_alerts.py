"""Tables of what alerts lead to: the events they stand for, units on duty, and who is to be told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from collector.columns import RowId, metadata

alert_events = Table(
    "alert_events",
    metadata,
    Column("alert_id", Text, ForeignKey("alerts.alert_id"), primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("occurred_us", BigInteger, nullable=False),
    Index(None, "event_id"),
    comment="The events that one open alert stands for.",
)

units = Table(
    "units",
    metadata,
    Column("unit", Text, primary_key=True, comment="Its name in topics and addresses, contract.base.Identifier"),
    Column("site", Text, nullable=False),
    Column("title", Text, nullable=False, comment="What people call it."),
    Column("kind", Text, nullable=False, comment="patrol, guard, fire, repair, property or other"),
    Column("contact", Text, nullable=False, comment="Telephone or radio call sign; may be empty."),
    Column("created_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger, comment="Since when nothing is assigned to it any more."),
)

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", RowId, primary_key=True, autoincrement=True),
    Column("alert_id", Text, ForeignKey("alerts.alert_id"), nullable=False),
    Column("channel", Text, nullable=False, comment="Name in the configuration."),
    Column("occasion", Text, nullable=False, comment="raised, unacknowledged or overdue"),
    Column("created_us", BigInteger, nullable=False),
    Column("next_us", BigInteger, comment="When to try (again); empty: it is over."),
    Column("attempts", Integer, nullable=False),
    Column("sent_us", BigInteger),
    Column("error", Text, comment="Of the last attempt."),
    Index(None, "next_us"),
    Index(None, "alert_id"),
    comment="Who is to be told of an alert; written in the transaction that causes it.",
    sqlite_autoincrement=True,
)
