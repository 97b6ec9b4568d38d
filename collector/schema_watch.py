"""Tables of watch lists: who wants which plate found and why, who agreed, and what each edge was told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from collector.columns import PlainText, metadata

watch_entries = Table(
    "watch_entries",
    metadata,
    Column("entry_id", Text, primary_key=True, comment="Stands in every hit."),
    Column("plate", PlainText, nullable=False),
    Column("reason", Text, nullable=False, comment="Why it is looked for; recorded with every look at a hit."),
    Column("sites", Text, comment="Whose edges look for it, separated by blanks; empty: all."),
    Column("state", Text, nullable=False, comment="proposed, approved, refused or withdrawn"),
    Column("author", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("starts_us", BigInteger),
    Column("expires_us", BigInteger, nullable=False),
    Column("decided_by", Text, comment="Who approved or refused it: never its author."),
    Column("decided_us", BigInteger),
    Column("note", Text, comment="What he said to it, or why it was withdrawn."),
    Column("ended_by", Text, comment="Who withdrew it."),
    Column("ended_us", BigInteger),
    Index(None, "plate"),
    Index(None, "state", "expires_us"),
    Index(None, "created_us", "entry_id"),
)

watch_pushes = Table(
    "watch_pushes",
    metadata,
    Column("site", Text, primary_key=True),
    Column("edge", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("digest", Text, nullable=False, comment="SHA-256 of key id and entries: the same is not told twice."),
    Column("entries", BigInteger, nullable=False),
    Column("pushed_us", BigInteger, nullable=False),
    comment="The list that each edge was last told, through `messages`.",
)
