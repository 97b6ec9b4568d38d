"""Tables of how long things are kept, and what is kept longer."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from collector.columns import RowId, metadata

retention = Table(
    "retention",
    metadata,
    Column("kind", Text, primary_key=True, comment="See collector.retention.Kind"),
    Column("days", Integer, nullable=False),
    comment="What an administrator has changed; the rest is kept as long as the program says.",
)

holds = Table(
    "holds",
    metadata,
    Column("hold_id", RowId, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False, comment="alert or event"),
    Column("subject", Text, nullable=False, comment="Its id."),
    Column("site", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("released_by", Text),
    Column("released_us", BigInteger, comment="Empty: it holds."),
    Index(None, "kind", "subject"),
    sqlite_autoincrement=True,
)
