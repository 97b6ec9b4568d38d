"""Tables of vehicles: one row a passage, what people corrected, and where checkpoints are."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from collector.columns import PlainText, RowId, metadata

passages = Table(
    "passages",
    metadata,
    Column("passage_no", RowId, primary_key=True, autoincrement=True),
    Column("site", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("passage_id", Text, nullable=False, comment="The edge's; shared by provisional and final event."),
    Column("camera", Text, nullable=False),
    Column("event_id", Text, nullable=False, comment="The event that tells it best: the final one once it is there."),
    Column("final", Boolean, nullable=False),
    Column("seen_us", BigInteger, nullable=False, comment="Time of that event."),
    Column("plate", PlainText, comment="As corrected, else as read; empty when unreadable or kept as a hash."),
    Column("folded", PlainText, comment="The plate with look-alikes folded to one: see contract.plate_keys."),
    Column("tail", PlainText, comment="The same backwards, to find a plate by its end."),
    Column("read_plate", Text, comment="As the edge read it, whatever was corrected."),
    Column("corrected", Boolean, nullable=False),
    Column("hashed", Boolean, nullable=False, comment="Read, but only its keyed hash has left the edge."),
    Column("kind", Text),
    Column("colour", Text),
    Column("direction", Text, nullable=False),
    Column("lane", Text),
    Column("speed_class", Text),
    Column("confidence_permille", Integer),
    UniqueConstraint("site", "edge", "passage_id"),
    Index(None, "plate", "seen_us", postgresql_include=["passage_no"]),
    Index(None, "folded", "seen_us", postgresql_include=["passage_no"]),
    Index(None, "tail", "seen_us", postgresql_include=["passage_no"]),
    Index(None, "seen_us", "passage_no"),
    Index(None, "camera", "seen_us", "passage_no"),
    Index(None, "event_id"),
    Index("ix_passages_hashed", "seen_us", sqlite_where=text("hashed = 1"), postgresql_where=text("hashed")),
    sqlite_autoincrement=True,
)

corrections = Table(
    "corrections",
    metadata,
    Column("correction_id", RowId, primary_key=True, autoincrement=True),
    Column("passage_no", BigInteger, ForeignKey("passages.passage_no"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("old_plate", Text),
    Column("new_plate", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "passage_no"),
    sqlite_autoincrement=True,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("site", Text, primary_key=True),
    Column("edge", Text, primary_key=True),
    Column("camera", Text, primary_key=True),
    Column("name", Text, nullable=False, comment="What people call the place."),
    Column("latitude_udeg", BigInteger, nullable=False, comment="WGS 84, in millionths of a degree."),
    Column("longitude_udeg", BigInteger, nullable=False),
    comment="Where cameras stand, to tell what no vehicle can drive in the time between two of them.",
)
