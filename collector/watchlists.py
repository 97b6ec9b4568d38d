"""A watch list from a table of plates to what an edge may have of it: keyed hashes.

Reason and approver stay where the table is. Who may put a plate on a list, and who must agree: see `watch_entries`.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from pydantic import ValidationError

from collector.instants import to_us
from collector.spreadsheet import uncell
from collector.watch_entries import Proposal
from contract.commands import Watchlist, WatchlistEntry
from contract.envelope import summarise
from contract.plate_keys import KEY_BYTES, PlateKey, PlateKeyError, normalise

COLUMNS = ("plate", "entry", "from", "until", "reason", "approver")
_NEEDED = ("plate", "until")


class WatchlistError(ValueError):
    """A table or a key file is of no use; says the line and what was expected."""


def new_key(path: Path) -> PlateKey:
    """Make a key in a new file that only its owner may read. Raises WatchlistError."""
    key = PlateKey(secrets.token_bytes(KEY_BYTES))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise WatchlistError(f"{path} is there already; a key is never overwritten") from error
    except OSError as error:
        raise WatchlistError(f"{path} cannot be made ({error.strerror})") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key.secret.hex() + "\n")
    return key


def read_key(path: Path) -> PlateKey:
    """The key of a file. Raises WatchlistError."""
    try:
        return PlateKey.parse(path.read_text(encoding="ascii"))
    except OSError as error:
        raise WatchlistError(f"{path} cannot be read ({error.strerror})") from error
    except (PlateKeyError, UnicodeDecodeError) as error:
        raise WatchlistError(f"{path} holds no key; make one: python -m collector watchlist new-key FILE") from error


def read_table(path: Path, key: PlateKey) -> tuple[WatchlistEntry, ...]:
    """The entries of a CSV file (UTF-8, a head line): plate, until; entry, from, reason, approver where wanted.

    Raises WatchlistError that names every line that is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            _check_head(path, table.fieldnames or [])
            rows = list(_rows(table))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WatchlistError(f"{path}: cannot be read as CSV in UTF-8 ({error})") from error
    entries: dict[str, WatchlistEntry] = {}
    plates: set[str] = set()
    problems = []
    for line, row in rows:
        try:
            entry = _entry(row, key)
            if entry.exact in plates:
                raise WatchlistError("this plate stands in the list already")
            if entry.entry_id in entries:
                raise WatchlistError(f"the entry {entry.entry_id!r} stands in the list already")
            entries[entry.entry_id] = entry
            plates.add(entry.exact)
        except (WatchlistError, PlateKeyError, ValidationError) as error:
            told = summarise(error) if isinstance(error, ValidationError) else error
            problems.append(f"{path}:{line}: {told}")
    if problems:
        raise WatchlistError("\n".join(problems))
    return tuple(entries.values())


def read_proposals(content: bytes) -> tuple[Proposal, ...]:
    """The plates of a CSV table (UTF-8, a head line) to be proposed: plate, until, reason; from where wanted.

    Raises WatchlistError that names every line that is wrong.
    """
    name = Path("table")
    try:
        table = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        _check_head(name, table.fieldnames or [])
        rows = list(_rows(table))
    except (UnicodeDecodeError, csv.Error) as error:
        raise WatchlistError(f"cannot be read as CSV in UTF-8 ({error})") from error
    found: dict[str, Proposal] = {}
    problems = []
    for line, row in rows:
        try:
            proposal = _proposal(row)
            if proposal.plate in found:
                raise WatchlistError("this plate stands in the table already")
            found[proposal.plate] = proposal
        except (WatchlistError, PlateKeyError) as error:
            problems.append(f"line {line}: {error}")
    if problems:
        raise WatchlistError("\n".join(problems))
    return tuple(found.values())


def _proposal(row: Mapping[str, str]) -> Proposal:
    reason = uncell(row.get("reason", ""))
    if not 3 <= len(reason) <= 200:
        raise WatchlistError(f"reason {reason!r}: say in 3 to 200 characters why the plate is looked for")
    begins = row.get("from", "")
    return Proposal(
        plate=normalise(row["plate"]),
        reason=reason,
        expires_us=to_us(_instant(row["until"], "until", end=True)),
        starts_us=to_us(_instant(begins, "from", end=False)) if begins else None,
    )


def make_list(list_id: str, revision: int, key: PlateKey, entries: tuple[WatchlistEntry, ...]) -> Watchlist:
    """The message for an edge. Raises WatchlistError."""
    try:
        return Watchlist(list_id=list_id, revision=revision, key_id=key.key_id, entries=entries)
    except ValidationError as error:
        raise WatchlistError(summarise(error)) from error


def _check_head(path: Path, found: Sequence[str]) -> None:
    strange = [name for name in found if name not in COLUMNS]
    missing = [name for name in _NEEDED if name not in found]
    if strange or missing:
        told = [f"unknown column {strange[0]!r}"] if strange else []
        told += [f"no column {missing[0]!r}"] if missing else []
        raise WatchlistError(f"{path}:1: {', '.join(told)}; the head line names some of {', '.join(COLUMNS)}")


def _rows(table: csv.DictReader[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for row in table:
        if None in row:
            raise WatchlistError(f"line {table.line_num} has more cells than the head line")
        plain = {name: (cell or "").strip() for name, cell in row.items()}
        if any(plain.values()):
            yield table.line_num, plain


def _entry(row: Mapping[str, str], key: PlateKey) -> WatchlistEntry:
    plate = normalise(row["plate"])
    exact = key.digest("exact", plate)
    begins = row.get("from", "")
    return WatchlistEntry(
        entry_id=row.get("entry", "") or exact[:12],
        exact=exact,
        folded=key.digest("folded", plate),
        starts=_instant(begins, "from", end=False) if begins else None,
        expires=_instant(row["until"], "until", end=True),
    )


def _instant(text: str, column: str, *, end: bool) -> datetime:
    """A time with its zone; a day counts from its beginning to its end, here."""
    try:
        if len(text) == len("2026-12-31"):
            day = date.fromisoformat(text) + (timedelta(days=1) if end else timedelta())
            return datetime.combine(day, time()).astimezone()
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise WatchlistError(f"{column} {text!r}: expected 2026-12-31 or 2026-12-31T18:00+08:00") from error
    if found.tzinfo is None:
        raise WatchlistError(f"{column} {text!r}: a time needs its zone, such as +08:00")
    return found
