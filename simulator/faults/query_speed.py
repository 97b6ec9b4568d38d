"""`python -m simulator queries`: how long the API's searches take over millions of events.

A store is filled by the database itself, with events as the load generator makes them: half of them are passages, one
in ten a fall. Then a real collector answers each search many times over HTTP, with other values each time.
"""

# ruff: noqa: S608 -- the statements are our own words

from __future__ import annotations

import random
import sqlite3
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import httpx
import psutil

from collector.retention import Kind
from simulator.faults.events import SITE, Maker
from simulator.faults.ledger import Promise
from simulator.faults.services import MissingProgram, PostgreSQL, free_port, postgres_program
from simulator.figures import COUNT, FIGURES_FILE, write_figures
from simulator.stack import Stack, accepts, call

_START_TIMEOUT_S = 120.0
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_STEP_S = 2
"""Seconds between two events."""
_KEPT_DAYS = 36_500
"""A store keeps events for 30 days; deleting these while searches are timed would tell of something else."""
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_ONE_HASH = UUID(int=0x4D)


@dataclass(frozen=True, slots=True)
class Search:
    """A kind of search: its address, with `{...}` for what differs each time."""

    name: str
    address: str


SEARCHES = (
    Search("newest events", "/api/v1/events?limit=50"),
    Search("falls", "/api/v1/events?type=falling_object&limit=50"),
    Search("one edge, one hour", "/api/v1/events?edge={edge}&since={since}&until={until}&limit=50"),
    Search("one camera", "/api/v1/events?source={source}&until={until}&limit=50"),
    Search("whole plate", "/api/v1/passages?plate={plate}&reason=measuring"),
    Search("plate begins with 5 characters", "/api/v1/passages?plate={plate5}*&reason=measuring"),
    Search("plate begins with 3 characters", "/api/v1/passages?plate={plate3}*&reason=measuring"),
    Search("plate ends with 4 characters", "/api/v1/passages?plate=*{tail}&reason=measuring"),
    Search("passages of one hour", "/api/v1/passages?since={since}&until={until}"),
)


@dataclass(frozen=True, slots=True)
class QuerySpeed:
    """Figures of one kind of search, in milliseconds, over HTTP on this machine."""

    search: str
    ms_p50: float
    ms_p99: float
    cpu_ms: float
    """Processor time of the collector for one answer."""
    found: float
    """Mean number of rows in an answer."""


@click.command("queries")
@click.option("--events", type=COUNT, default=1_000_000, show_default=True)
@click.option("--times", type=COUNT, default=200, show_default=True, help="How often each search is asked.")
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--json", "json_file", type=FIGURES_FILE, help="Write the figures here.")
@click.option("--work", type=click.Path(path_type=Path), help="Keep the store here, and use it again when it is there.")
def queries_command(events: int, times: int, database: str, json_file: Path | None, work: Path | None) -> None:
    """Fill a store with events and time the searches of the API."""
    try:
        with tempfile.TemporaryDirectory(prefix="watchpost-queries-") as folder:
            report = measure(work or Path(folder), events, times, database)
    except MissingProgram as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{events} events, {database}, filled in {report['filled_s']} s, {report['store_mb']} MB")
    for row in report["searches"]:
        click.echo(
            f"{row['search']:>32}: p50 {row['ms_p50']:7.1f} ms   p99 {row['ms_p99']:7.1f} ms   "
            f"processor {row['cpu_ms']:5.1f} ms   {row['found']:.0f} rows"
        )
    commit = f"p50 {report['commit_ms_p50']:7.1f} ms   p99 {report['commit_ms_p99']:7.1f} ms"
    click.echo(f"{'one durable commit here':>32}: {commit}")
    write_figures(report, json_file)


def measure(folder: Path, events: int, times: int, database: str) -> dict[str, Any]:
    """One run; the report is what the JSON file holds."""
    with ExitStack() as stack:
        url, filled = None, folder / "filled"
        is_new = not filled.exists()
        if database == "postgresql":
            server = PostgreSQL(folder / "postgresql", durable=True)
            server.start()
            stack.callback(server.stop)
            url = server.new_database() if is_new else server.database(1)
        store = ["--data", str(folder / "collector"), *(["--database", url] if url else [])]
        token = call(["collector", "token", "create", f"queries-{time.time_ns()}", "--role", "admin", *store])
        begun_s = time.monotonic()
        if is_new:
            fill(folder / "collector" / "collector.db", url, events)
            filled.touch()
        filled_s = round(time.monotonic() - begun_s)
        port = free_port()
        programs = stack.enter_context(Stack(folder))
        part = programs.start("collector", ["collector", "run", *store, "--port", str(port)])
        programs.wait_for("collector", lambda: accepts(port), _START_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {token}"}
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60))
        rng = random.Random(1)
        process = psutil.Process(part.process.pid)
        searches = [asdict(_time(client, search, times, events, rng, process)) for search in SEARCHES]
        commits = _commits_ms(folder, times)
        size = _size(folder / "collector" / "collector.db", url)
    cores = psutil.cpu_count() or 1
    return {
        "events": events, "database": database, "filled_s": filled_s,
        "store_mb": round(size / 1e6), "times": times,
        "commit_ms_p50": round(commits[len(commits) // 2], 1),
        "commit_ms_p99": round(commits[int(0.99 * (len(commits) - 1))], 1),
        "cores": cores, "load_per_core": round(psutil.getloadavg()[0] / cores, 1), "searches": searches,
    }  # fmt: skip


def _size(path: Path, url: str | None) -> int:
    """Bytes of the store with its indexes."""
    return path.stat().st_size if url is None else int(_psql(url, "SELECT pg_database_size(current_database())"))


def _commits_ms(folder: Path, times: int) -> list[float]:
    """Of a durable commit of one row on this disk: each answer that shows a plate waits for its audit record."""
    took_ms = []
    with closing(sqlite3.connect(folder / "commits.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS row (number INTEGER)")
        for number in range(times):
            begun_s = time.perf_counter()
            connection.execute("INSERT INTO row VALUES (?)", (number,))
            took_ms.append((time.perf_counter() - begun_s) * 1000)
    return sorted(took_ms)


def _used_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _time(
    client: httpx.Client, search: Search, times: int, events: int, rng: random.Random, collector: psutil.Process
) -> QuerySpeed:
    took_ms: list[float] = []
    found, used_s = 0, _used_s(collector)
    for number in range(times + 1):
        address = search.address.format(**_values(rng, events))
        begun_s = time.perf_counter()
        answer = client.get(address)
        if number:  # the first one also connects
            took_ms.append((time.perf_counter() - begun_s) * 1000)
        answer.raise_for_status()
        found += len(answer.json()["items"])
    took_ms.sort()
    p99 = took_ms[min(len(took_ms) - 1, int(0.99 * len(took_ms)))]
    cpu_ms = (_used_s(collector) - used_s) * 1000 / (times + 1)
    median = took_ms[len(took_ms) // 2]
    return QuerySpeed(search.name, round(median, 1), round(p99, 1), round(cpu_ms, 1), round(found / (times + 1), 1))


def _values(rng: random.Random, events: int) -> dict[str, str]:
    number = rng.randrange(events) // 2 * 2
    at = _BEGIN + timedelta(seconds=number * _STEP_S)
    plate = plate_of(number)
    return {
        "edge": f"edge-{number % 20}", "source": f"source-{number % 100}", "plate": plate, "plate5": plate[:5],
        "plate3": plate[:3], "tail": plate[-4:], "since": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip


def plate_of(number: int) -> str:
    """The plate of event `number`, as the database makes it too."""
    mixed = number * 7919 % 1_000_003
    return f"{_PROVINCES[mixed % len(_PROVINCES)]}{chr(65 + mixed % 23)}{number * 104_729 % 100_000:05d}"


def _payloads() -> dict[str, str]:
    """A payload of each type, with marks for id and time."""
    made = {}
    for kind, number in (("falling_object", 10), ("plate_passage", 3), ("sensor", 1)):
        event = Maker().make(Promise("edge-0", 0, number, _ONE_HASH, None, 0.0), None, 0.0)
        body = event.body().replace(str(_ONE_HASH), "@ID").replace("1970-01-01T00:00:00Z", "@TIME")
        made[kind] = f'{{"outboxid": "{_ONE_HASH}", "sequence": 1, "replayed": false, {body[1:]}'.replace("'", "''")
    return made


def _statements(events: int, postgres: bool) -> list[str]:
    """Fill both tables in the database's own words."""
    text = "CAST({} AS text)" if postgres else "{}"
    pad = "lpad(" + text.format("{0}") + ", {1}, '0')" if postgres else "printf('%0{1}d', {0})"
    letter = "chr(65 + {})" if postgres else "char(65 + {})"
    mixed = "(n * 7919 % 1000003)"
    plate = (
        f"substr('{_PROVINCES}', CAST({mixed} % {len(_PROVINCES)} AS integer) + 1, 1)"
        f" || {letter.format(f'CAST({mixed} % 23 AS integer)')} || {pad.format('(n * 104729 % 100000)', 5)}"
    )
    begin_us = int(_BEGIN.timestamp()) * 1_000_000
    at_us = f"({begin_us} + n * {_STEP_S * 1_000_000})"
    moment = f"to_timestamp({at_us} / 1000000)" if postgres else f"{at_us} / 1000000, 'unixepoch'"
    time_text = (
        f"to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')" if postgres
        else f"strftime('%Y-%m-%dT%H:%M:%SZ', {moment})"
    )  # fmt: skip
    identity = f"'00000000-0000-4000-8000-' || {pad.format('n', 12)}"
    kind = "CASE WHEN n % 2 = 0 THEN 'plate_passage' WHEN n % 10 = 1 THEN 'falling_object' ELSE 'sensor' END"
    bodies = _payloads()
    body = (
        f"replace(replace(CASE WHEN n % 2 = 0 THEN '{bodies['plate_passage']}'"
        f" WHEN n % 10 = 1 THEN '{bodies['falling_object']}' ELSE '{bodies['sensor']}' END, '@ID', {identity}),"
        f" '@TIME', {time_text})"
    )
    series = (
        f"generate_series(0::bigint, {events - 1}) AS series(n)" if postgres
        else f"(WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {events - 1})"
        " SELECT n FROM s)"
    )  # fmt: skip
    edge, source = f"'edge-' || {text.format('(n % 20)')}", f"'source-' || {text.format('(n % 100)')}"
    no, yes = ("false", "true") if postgres else ("0", "1")
    into_events = (
        "INSERT INTO events (outbox_id, sequence, event_id, type, site, edge, source, occurred_us, received_us, late,"
        f" passage_id, plate, payload) SELECT '{_ONE_HASH}', n + 1, {identity}, {kind}, '{SITE}', {edge}, {source},"
        f" {at_us}, {at_us}, {no}, CASE WHEN n % 2 = 0 THEN {identity} END, CASE WHEN n % 2 = 0 THEN {plate} END,"
        f" {body} FROM {series}"
    )
    backwards = "reverse(plate)" if postgres else "backwards(plate)"
    into_passages = (
        "INSERT INTO passages (site, edge, passage_id, camera, event_id, final, seen_us, plate, folded, tail,"
        " read_plate, corrected, hashed, direction) SELECT site, edge, passage_id, source, event_id,"
        f" {yes}, occurred_us, plate, plate, {backwards}, plate, {no}, {no}, 'unknown' FROM events"
        " WHERE plate IS NOT NULL ORDER BY row_id"
    )
    kept = ", ".join(f"('{kind}', {_KEPT_DAYS})" for kind in Kind)
    for_ever = f"INSERT INTO retention (kind, days) VALUES {kept}"
    return [for_ever, into_events, into_passages, "ANALYZE"]


def fill(path: Path, url: str | None, events: int) -> None:
    """Fill the store. Its indexes are made afterwards: sorting once is a fraction of many searches."""
    if url is not None:
        _fill_postgres(url, events)
        return
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("backwards", 1, lambda plate: plate[::-1], deterministic=True)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN ('events', 'passages')"
        ).fetchall()
        for_ever, into_events, into_passages, analyze = _statements(events, postgres=False)
        drop, make = [f"DROP INDEX {name}" for name, _ in indexes], [sql for _, sql in indexes]
        for statement in (for_ever, *drop, into_events, into_passages, *make, analyze):
            connection.execute(statement)
            connection.commit()


def _fill_postgres(url: str, events: int) -> None:
    listed = _psql(
        url,
        "SELECT indexname || '|' || indexdef FROM pg_indexes"
        " WHERE tablename IN ('events', 'passages') AND indexname LIKE 'ix_%'",
    )
    indexes = [line.split("|", 1) for line in listed.splitlines()]
    for_ever, into_events, into_passages, analyze = _statements(events, postgres=True)
    drop, make = [f'DROP INDEX "{name}"' for name, _ in indexes], [definition for _, definition in indexes]
    for statement in (for_ever, *drop, into_events, into_passages, *make, f"VACUUM {analyze}"):
        _psql(url, statement)


def _psql(url: str, statement: str) -> str:
    command = [postgres_program("psql"), "--quiet", "--no-align", "--tuples-only", "-v", "ON_ERROR_STOP=1", url]
    done = subprocess.run([*command, "-f", "-"], check=True, input=statement.encode(), capture_output=True)
    return done.stdout.decode()
