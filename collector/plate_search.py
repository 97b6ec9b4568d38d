"""Search for passages by plate: prefix, wildcards, look-alikes; always through an index, whatever is asked.

A planner does not know how rare the plates of a prefix are: with statistics or without, SQLite gathers and sorts every
plate of a common prefix to give the newest fifty. So the plate's own index is asked first, for at most MOST_RARE rows:
when these are all, they are the candidates; when there are more, walking by time finds a page of them soon. That index
has the times, too: so candidates are put in order without reading one of them, and only those of the page are read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.reading import page, page_among
from collector.schema_vehicles import passages
from contract.plate_keys import fold

KEYS = (passages.c.seen_us, passages.c.passage_no)
MOST_RARE = 2000
_LAST = "\U0010ffff"
_DROPPED = str.maketrans("", "", " \t\u00b7\u2022\u2027\u30fb.-_")


class BadPattern(ValueError):
    """A pattern that would find everything; says what one looks like."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to look for: `*` is any number of characters, `?` is one; without a wildcard: begins with it."""

    text: str
    alike: bool = False
    """Whether characters that look alike count as the same."""

    @classmethod
    def parse(cls, typed: str, alike: bool) -> Pattern:
        """From what a person types: case, blanks, dots and hyphens do not matter. Raises BadPattern."""
        plain = unicodedata.normalize("NFKC", typed).translate(_DROPPED).upper()
        if not plain.replace("*", "").replace("?", ""):
            raise BadPattern(f"plate {typed!r}: give at least one character, such as 京A1, *345 or 京A?2345")
        if not plain.replace("*", "").replace("?", "").isalnum():
            raise BadPattern(f"plate {typed!r}: letters, digits, * and ? only")
        if "*" not in plain and "?" not in plain:
            plain += "*"
        return cls(fold(plain) if alike else plain, alike)

    @property
    def narrowed(self) -> ColumnElement[bool]:
        """A range of one index that holds all matches (by beginning or by end)."""
        head = self._literal(self.text)
        column = passages.c.folded if self.alike else passages.c.plate
        if head:
            return and_(column >= head, column < head + _LAST)
        tail = self._literal(fold(self.text)[::-1])
        if tail:
            return and_(passages.c.tail >= tail, passages.c.tail < tail + _LAST)
        return column.is_not(None)

    def matches(self, *, past_index: bool) -> ColumnElement[bool]:
        """The condition itself; `past_index` keeps a planner from taking the plate's index for it."""
        name = "folded" if self.alike else "plate"
        column: ColumnElement[Any] = literal_column(f"(passages.{name} || '')") if past_index else passages.c[name]
        return column.like(self.text.replace("*", "%").replace("?", "_"))

    @staticmethod
    def _literal(text: str) -> str:
        """The characters before the first wildcard."""
        return text.replace("?", "*").partition("*")[0]


async def page_by_plate(
    connection: AsyncConnection, query: Select[Any], pattern: Pattern, *, limit: int, cursor: str | None
) -> tuple[Sequence[Row[Any]], str | None]:
    """A page of those that match, newest first, and the cursor of the next. Raises BadCursor."""
    near = select(*KEYS).where(pattern.narrowed).limit(MOST_RARE + 1)
    found = sorted((tuple(row) for row in await connection.execute(near)), reverse=True)
    if len(found) <= MOST_RARE:
        exact = query.where(pattern.matches(past_index=True))  # or PostgreSQL reads every candidate for a page of them
        return await page_among(connection, exact, KEYS, found, limit=limit, cursor=cursor)
    past_index = connection.dialect.name == "sqlite"
    walked = query.where(pattern.matches(past_index=past_index))
    return await page(connection, walked, KEYS, descending=True, limit=limit, cursor=cursor)


async def by_plate(connection: AsyncConnection, query: Select[Any], pattern: Pattern) -> Select[Any]:
    """`query` of passages, limited to those that match."""
    near = select(passages.c.passage_no).where(pattern.narrowed).limit(MOST_RARE + 1)
    found = (await connection.execute(near)).scalars().all()
    if len(found) <= MOST_RARE:
        return query.where(passages.c.passage_no.in_(found), pattern.matches(past_index=False))
    past_index = connection.dialect.name == "sqlite"
    return query.where(pattern.matches(past_index=past_index))
