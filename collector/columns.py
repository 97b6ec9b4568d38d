"""What all tables share. Integers, text and bytes only, so that SQLite and PostgreSQL hold exactly the same."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, MetaData, Text, text

metadata = MetaData(naming_convention={"ix": "ix_%(column_0_N_label)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"})

RowId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only for a column of exactly INTEGER."""

PlainText = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared character by character on both, so that an index serves `begins with`."""


def sparse_index(first: str, *more: str) -> Index:
    """An index over rows that have a value in its first column: the others cost nothing when they are written."""
    some = text(f"{first} IS NOT NULL")
    return Index(None, first, *more, sqlite_where=some, postgresql_where=some)
