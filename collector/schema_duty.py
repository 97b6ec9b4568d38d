"""Tables of what administrators have changed of due times and of who is told; the rest is as the configuration says."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text

from collector.columns import metadata

due_times = Table(
    "due_times",
    metadata,
    Column("severity", Text, primary_key=True, comment="critical or warning"),
    Column("acknowledge_s", Integer, nullable=False, comment="After an alert was raised or opened again."),
    Column("arrive_s", Integer, nullable=False),
    Column("close_s", Integer, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    comment="In place of what the configuration file says.",
)

channel_rules = Table(
    "channel_rules",
    metadata,
    Column("channel", Text, primary_key=True, comment="Name in the configuration file, which has its address."),
    Column("severities", Text, nullable=False, comment="Of which alerts it is told, with spaces between."),
    Column("after_s", Integer, nullable=False, comment="0: at once; else only if nobody has acknowledged by then."),
    Column("overdue", Boolean, nullable=False, comment="Also told when an alert has passed its time."),
    Column("paused", Boolean, nullable=False, comment="It is told nothing."),
    Column("changed_us", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    comment="In place of what the configuration file says.",
)

limits = Table(
    "limits",
    metadata,
    Column("name", Text, primary_key=True, comment="As collector/limits.py names them."),
    Column("value", Integer, nullable=False, comment="Metres or seconds, as the name ends."),
    Column("changed_us", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    comment="In place of what the configuration file says.",
)
