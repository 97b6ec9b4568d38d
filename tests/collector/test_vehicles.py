"""Vehicles: search by plate through an index on both databases, correction, track, export, possibly cloned plates."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from collector_api import WHY, Api, started
from sample_events import START, SampleEdge
from sqlalchemy import select, text

from collector.access import Role
from collector.database import Database
from collector.passages import plate_columns
from collector.plate_search import KEYS, BadPattern, Pattern, by_plate, page_by_plate
from collector.reading import BadCursor
from collector.schema_vehicles import passages

PLATES = ("京A12345", "京A1Z345", "京AB2345", "沪D80B5S", "粤B99999")


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        yield found


async def seen(api: Api, edge: SampleEdge, *plates: str) -> None:
    await api.take(edge, *(edge.passage(plate, f"p{number}") for number, plate in enumerate(plates)))


@pytest.mark.parametrize(
    ("typed", "alike", "expected"),
    [
        ("京A1", False, {"京A12345", "京A1Z345"}),
        ("京a·12345", False, {"京A12345"}),
        ("*2345", False, {"京A12345", "京AB2345"}),
        ("京A?2345", False, {"京A12345", "京AB2345"}),
        ("*99*", False, {"粤B99999"}),
        ("京A12345", True, {"京A12345", "京A1Z345"}),
        ("沪O8O8", True, {"沪D80B5S"}),
        ("*55", True, {"沪D80B5S"}),
        ("京A%", False, None),
        ("**", False, None),
    ],
)
async def test_a_plate_is_found_by_what_is_known_of_it(
    api: Api, typed: str, alike: bool, expected: set[str] | None
) -> None:
    await seen(api, SampleEdge(), *PLATES)
    answer = await api.get("/api/v1/passages", plate=typed, alike=alike, **WHY)
    if expected is None:
        assert answer.status_code == 422
        assert "such as" in answer.json()["detail"] or "letters" in answer.json()["detail"]
        return
    assert {item["plate"] for item in answer.json()["items"]} == expected


async def test_filters_pages_and_both_stages_of_one_passage(api: Api) -> None:
    edge = SampleEdge()
    await api.take(edge, edge.passage("京A12346", "p9", "provisional"))
    await api.take(edge, edge.passage("京A12345", "p9"), edge.passage("京A12346", "p9", "provisional"))
    (item,) = (await api.get("/api/v1/passages", **WHY)).json()["items"]
    assert (item["plate"], item["final"], item["evidence"][0]["role"]) == ("京A12345", True, "plate")
    await seen(api, edge, *PLATES)
    found: list[int] = []
    cursor = None
    while cursor is not None or not found:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.get("/api/v1/passages", **params)).json()
        found += [one["passage_no"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert len(found) == len(set(found)) == 6
    for params, count in (
        ({"camera": "lane-1"}, 6),
        ({"camera": "lane-2"}, 0),
        ({"direction": "approaching"}, 6),
        ({"direction": "leaving"}, 0),
        ({"kind": "small_blue"}, 6),
        ({"until": START.isoformat()}, 0),
        ({"since": START.isoformat()}, 6),
    ):
        assert len((await api.get("/api/v1/passages", **params)).json()["items"]) == count, params


async def test_a_correction_keeps_what_was_read(api: Api) -> None:
    edge = SampleEdge()
    await seen(api, edge, "京A1Z345")
    (item,) = (await api.get("/api/v1/passages")).json()["items"]
    assert item["plate"] == "京A·1**45"
    path = f"/api/v1/passages/{item['passage_no']}"
    body = {"plate": "京a 12345", "reason": "the picture shows a 2"}
    async with await api.client(Role.VIEWER) as viewer:
        assert (await viewer.post(f"{path}/corrections", json=body)).status_code == 403
    async with await api.client(Role.OPERATOR) as client:
        done = (await client.post(f"{path}/corrections", json=body)).json()
        assert (done["plate"], done["read_plate"], done["corrected"]) == ("京A12345", "京A1Z345", True)
        assert done["corrections"][0]["old_plate"] == "京A1Z345"
        assert (await client.post(f"{path}/corrections", json={**body, "plate": "?"})).status_code == 422
    await api.take(edge, edge.passage("京A1Z345", "p0"))  # the edge says it once more
    (item,) = (await api.get("/api/v1/passages", plate="京A12345", **WHY)).json()["items"]
    assert item["read_plate"] == "京A1Z345"
    assert (await api.get("/api/v1/passages", plate="京A1Z", **WHY)).json()["items"] == []


async def test_an_export_is_a_table_and_is_recorded(api: Api) -> None:
    await seen(api, SampleEdge(), *PLATES)
    assert (await api.get("/api/v1/passages/export.csv")).status_code == 403
    answer = await api.get("/api/v1/passages/export.csv", plate="京", reason="report to court")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {row["plate"] for row in rows} == {"京A12345", "京A1Z345", "京AB2345"}
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR, action="export", **WHY)).json()["items"]
    assert (act["plates"], act["reason"], act["shown"]) == (3, "report to court", sorted(row["plate"] for row in rows))


async def test_one_vehicle_over_the_checkpoints_and_a_plate_in_two_places(api: Api) -> None:
    east, west = SampleEdge(edge="east-gate"), SampleEdge(edge="west-gate")
    async with await api.client(Role.ADMIN) as admin:
        for edge, latitude in (("east-gate", 39.90), ("west-gate", 39.99)):  # 10 km
            body = {"name": edge, "latitude": latitude, "longitude": 116.4}
            assert (await admin.put(f"/api/v1/checkpoints/west/{edge}/lane-1", json=body)).status_code == 200
    await api.take(east, east.passage("京A12345", "e1"), east.passage("粤B99999", "e2"))
    hour = (START + timedelta(hours=1)).isoformat()
    await api.take(west, west.passage("京A12345", "w1", time=(START + timedelta(seconds=61)).isoformat()))
    await api.take(west, west.passage("粤B99999", "w2", time=hour))
    titles = [item["title"] for item in (await api.get("/api/v1/alerts", type="cloned_plate")).json()["items"]]
    assert len(titles) == 1
    assert "京A·1**45" in titles[0]
    assert "10.0 km" in titles[0]
    assert (await api.get("/api/v1/vehicles/京A12345/track")).status_code == 403
    track = (await api.get("/api/v1/vehicles/京A12345/track", **WHY)).json()
    assert [point["edge"] for point in track["points"]] == ["east-gate", "west-gate"]
    last = track["points"][-1]
    assert (last["seconds_before"], last["too_fast"], last["place"]["name"]) == (60, True, "west-gate")
    assert last["metres_before"] == pytest.approx(10_008, abs=5)
    calm = (await api.get("/api/v1/vehicles/粤B99999/track", **WHY)).json()["points"]
    assert [point["too_fast"] for point in calm] == [False, False]


async def fill(database: Database, count: int) -> None:
    """`count` passages of which all but three begin with 京A."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        plate = f"京A{number:05d}" if number not in {10, 20, 30} else f"藏F{number:05d}"
        row = {
            "site": "west",
            "edge": "e",
            "passage_id": str(number),
            "camera": f"c{number % 9}",
            "event_id": str(number),
        }
        row |= {"final": True, "seen_us": number, "read_plate": plate, "corrected": False, "hashed": False}
        rows.append({**row, **plate_columns(plate), "direction": "unknown"})
    async with database.write() as connection:
        await database.insert_rows(connection, passages, rows)
        await connection.execute(text("ANALYZE"))


async def test_a_search_walks_an_index_and_not_the_store(database: Database) -> None:
    await fill(database, 20_000)
    newest = (passages.c.seen_us.desc(), passages.c.passage_no.desc())
    async with database.read() as connection:
        for typed, alike, expected in (
            ("藏F", False, 3),
            ("*00020", False, 1),
            ("京A", True, 50),
            ("京A?0?5*", False, 50),
        ):
            query = await by_plate(connection, select(passages), Pattern.parse(typed, alike))
            page = query.order_by(*newest).limit(50)
            assert len((await connection.execute(page)).all()) == expected, typed
            said = str(page.compile(connection.sync_connection, compile_kwargs={"literal_binds": True}))
            explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
            plan = " ".join(
                str(row) for row in (await connection.execute(text(explain + said.replace(":", "\\:")))).all()
            )
            if not database.is_sqlite and "?" in typed:
                continue  # PostgreSQL has figures of its own to choose by
            assert "SCAN passages USING INDEX" in plan or "SEARCH passages" in plan or "Index" in plan, plan
            # what is common is walked by time, not collected and sorted
            assert "京A" not in typed or "TEMP B-TREE" not in plan, plan


async def test_a_page_of_many_candidates_reads_only_its_own_rows(database: Database) -> None:
    """The index has what orders them: so the page costs what is on it, however many plates begin, or end, alike."""
    await fill(database, 20_000)
    query, typed = select(passages).where(passages.c.camera != "c0"), Pattern.parse("*00", alike=False)
    async with database.read() as connection:
        expected = [
            row.passage_no
            for row in await connection.execute(
                query.where(passages.c.plate.like("%00")).order_by(*(key.desc() for key in KEYS))
            )
        ]
        found, cursor = list[int](), None
        while True:
            rows, cursor = await page_by_plate(connection, query, typed, limit=20, cursor=cursor)
            found += [row.passage_no for row in rows]
            if cursor is None:
                break
        assert 40 < len(expected) < 2000
        assert found == expected
        with pytest.raises(BadCursor):
            await page_by_plate(connection, query, typed, limit=20, cursor="WyJhIiwiYiJd")
        near = (
            select(*KEYS)
            .where(typed.narrowed)
            .compile(connection.sync_connection, compile_kwargs={"literal_binds": True})
        )
        if database.is_sqlite:
            plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN {near}"))).all()
            assert "COVERING INDEX ix_passages_tail_passages_seen_us" in str(plan)
            return
    async with database.read() as connection:
        # Which way is cheapest depends on how much was vacuumed; asked is whether this one is open.
        for other in ("seqscan", "bitmapscan"):
            await connection.execute(text(f"SET LOCAL enable_{other} = off"))
        plan = (await connection.execute(text(f"EXPLAIN {near}".replace(":", "\\:")))).all()
        assert "Index Only Scan using ix_passages_tail_passages_seen_us" in str(plan)
        page = select(passages).where(passages.c.passage_no.in_(expected[:20]), typed.matches(past_index=True))
        said = str(page.compile(connection.sync_connection, compile_kwargs={"literal_binds": True}))
        for other in ("seqscan", "bitmapscan"):
            await connection.execute(text(f"SET LOCAL enable_{other} = on"))
        plan = (await connection.execute(text(f"EXPLAIN {said}".replace(":", "\\:")))).all()
        assert "passages_pkey" in str(plan), "only the page's own rows are read"


def test_a_pattern_that_would_find_everything_is_refused() -> None:
    for typed in ("*", "?", " ", "京%"):
        with pytest.raises(BadPattern):
            Pattern.parse(typed, alike=False)
