"""Tables of the record of who looked at what."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from collector.columns import RowId, metadata

audit = Table(
    "audit",
    metadata,
    Column("audit_id", RowId, primary_key=True, autoincrement=True, comment="Without gaps: 1, 2, 3 and so on."),
    Column("at_us", BigInteger, nullable=False),
    Column("who", Text, nullable=False, comment="Name of the token or session."),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False, comment="view, list, search, export, evidence, sign-in, ..."),
    Column("subject", Text, nullable=False, comment="What was looked at or changed, as a path of the API."),
    Column("reason", Text),
    Column("plates", Integer, nullable=False, comment="How many plates were shown in clear."),
    Column("shown", Text, comment="These plates, JSON."),
    Column("salt", Text, nullable=False, comment="Random, so that the digest of an erased row tells nothing."),
    Column("digest", Text, nullable=False, comment="SHA-256 of all columns before it; see `audit.digest_of`."),
    Column("chain", Text, nullable=False, comment="SHA-256 of the chain before this row and its digest."),
    Column("erased_us", BigInteger, comment="When the content was erased; digest and chain stay."),
    Index(None, "at_us"),
    sqlite_autoincrement=True,
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("audit_id", BigInteger, primary_key=True, autoincrement=False, comment="Of the last row that it covers."),
    Column("chain", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("signature", Text, nullable=False, comment="Of the three values before it, by the key of the data folder."),
)
