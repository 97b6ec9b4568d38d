"""The map: site plans, cameras, unit positions, places, hazards, imports, heat, and who is near an alert."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from collector_api import Api, started
from sample_events import SampleEdge

from collector.access import Role
from collector.database import Database
from collector.geography import Point
from collector.ingest import ingest
from collector.instants import HOUR_US, SECOND_US, to_text
from collector.messages import Incoming, Letter, PositionMessage, understand
from collector.plan_picture import MAX_PIXELS, PictureRefused, encode_anew
from collector.schema_vehicles import checkpoints
from contract.topics import SiteTopics, parse_position_topic

HERE = Point(31.23, 121.47)
UNIT = {"unit": "patrol-1", "site": "west", "title": "巡逻一组", "kind": "patrol", "contact": "13800000000"}
METRE = 1 / 111_195
"""Of latitude, in degrees."""


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        yield found


@pytest.fixture
async def admin(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with await api.client(Role.ADMIN) as client:
        yield client


def png(width: int = 300, height: int = 200) -> bytes:
    done, encoded = cv2.imencode(".png", np.full((height, width, 3), 200, np.uint8))
    assert done
    return bytes(encoded)


def north(metres: float) -> dict[str, float]:
    return {"latitude": HERE.latitude + metres * METRE, "longitude": HERE.longitude}


def report(unit: str, site: str = "west", at_us: int = 0, **position: Any) -> Incoming:
    content = {"at": to_text(at_us), **north(0), **position}
    return Incoming(SiteTopics(site).unit_position(unit), json.dumps(content).encode())


async def tell(api: Api, *reports: Incoming) -> None:
    await ingest(api.collector.database, [one for each in reports for one in understand(each)], api.now_us)


async def place_tower(admin: httpx.AsyncClient, **more: Any) -> None:
    view = {**north(0), "name": "3 号楼南", "bearing_deg": 90, "angle_deg": 60, "range_m": 40, **more}
    answer = await admin.put("/api/v1/map/cameras/west/gate-1/tower", json=view)
    assert answer.status_code == 200, answer.text


async def the_map(admin: httpx.AsyncClient) -> Any:
    return (await admin.get("/api/v1/sites/west/map")).json()


def test_a_position_is_understood_or_a_letter_that_says_why() -> None:
    (good,) = understand(report("patrol-1"))
    assert isinstance(good, PositionMessage)
    for wrong in ({"latitude": 91}, {"longitude": "east"}, {"at": "2026-03-01T08:00:00"}, {"latitude": float("nan")}):
        (bad,) = understand(report("patrol-1", **wrong))
        assert isinstance(bad, Letter)
        assert "position of unit patrol-1" in bad.reason
    (bad,) = understand(Incoming("watchpost/v1/west/unit/Patrol/position", b"{}"))
    assert isinstance(bad, Letter)
    assert parse_position_topic("watchpost/v1/west/unit/patrol-1/state") is None


async def test_positions_are_kept_the_newest_and_a_short_history(api: Api, admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/units", json=UNIT)
    start = api.now_us
    for seconds in range(0, 40, 4):
        api.now_us = start + seconds * SECOND_US
        await tell(api, report("patrol-1", at_us=api.now_us, **north(seconds), accuracy_m=4.6))
    await tell(api, report("patrol-1", at_us=start + SECOND_US, **north(500)))  # an old one, come late
    await tell(api, report("patrol-1", at_us=api.now_us + HOUR_US, **north(36)))  # a clock that is ahead
    await tell(api, report("patrol-9", at_us=api.now_us), report("patrol-1", site="east", at_us=api.now_us))
    (unit,) = (await the_map(admin))["units"]
    assert unit["position"]["latitude"] == pytest.approx(north(36)["latitude"], abs=1e-6)
    assert unit["position"]["at"] == to_text(api.now_us)
    track = (await admin.get("/api/v1/units/patrol-1/track")).json()
    assert 4 <= len(track) <= 5
    assert [point["at"] for point in track] == sorted(point["at"] for point in track)
    api.now_us += 25 * HOUR_US
    await tell(api, report("patrol-1", at_us=api.now_us))
    assert len((await admin.get("/api/v1/units/patrol-1/track", params={"hours": 24})).json()) == 1


async def test_positions_are_stored_on_both_databases(database: Database) -> None:
    async with database.write() as connection:
        row = {**UNIT, "created_us": 1}
        await connection.exec_driver_sql(
            "INSERT INTO units (unit, site, title, kind, contact, created_us) VALUES "
            f"({', '.join(repr(row[name]) for name in ('unit', 'site', 'title', 'kind', 'contact', 'created_us'))})"
        )
    for seconds in (5, 7, 3):
        now_us = 1_800_000_000_000_000 + seconds * SECOND_US
        await ingest(database, understand(report("patrol-1", at_us=now_us, **north(seconds))), now_us)
    async with database.read() as connection:
        found = (await connection.exec_driver_sql("SELECT latitude_udeg FROM unit_positions")).scalars().all()
        assert list(found) == [round(north(7)["latitude"] * 1e6)]
        assert (await connection.exec_driver_sql("SELECT count(*) FROM unit_tracks")).scalar() == 1


async def test_units_near_an_alert_are_those_on_duty_and_heard_of(api: Api, admin: httpx.AsyncClient) -> None:
    edge = SampleEdge()
    await api.take(edge, edge.fall())
    alert = (await admin.get("/api/v1/alerts")).json()["items"][0]["alert_id"]
    for name, metres in (("patrol-1", 400), ("patrol-2", 120), ("far", 600), ("asleep", 10), ("silent", 20)):
        await admin.post("/api/v1/units", json={**UNIT, "unit": name})
        at_us = api.now_us - (3600 * SECOND_US if name == "silent" else 0)
        await tell(api, report(name, at_us=at_us, **north(metres)))
    await admin.patch("/api/v1/units/asleep", json={"on_duty": False})
    nowhere = (await admin.get(f"/api/v1/alerts/{alert}/units")).json()
    assert (nowhere["place"], nowhere["units"]) == (None, [])
    await place_tower(admin)
    near = (await admin.get(f"/api/v1/alerts/{alert}/units")).json()
    assert near["place"] == "3 号楼南"
    assert [(unit["unit"], unit["metres"]) for unit in near["units"]] == [("patrol-2", 120), ("patrol-1", 400)]
    wide = (await admin.get(f"/api/v1/alerts/{alert}/units", params={"within_m": 1000})).json()
    assert [unit["unit"] for unit in wide["units"]] == ["patrol-2", "patrol-1", "far"]
    assert (await admin.get("/api/v1/alerts/x/units")).status_code == 404


async def test_a_site_plan_is_encoded_anew_and_placed(api: Api, admin: httpx.AsyncClient) -> None:
    where = {**north(0), "width_m": 240}
    hostile = png() + b"<script>alert(1)</script>"
    answer = await admin.put("/api/v1/map/plans/west", params=where, content=hostile)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["width_px"], answer.json()["height_px"]) == (300, 200)
    picture = await admin.get("/api/v1/map/plans/west/picture", params={"sha256": answer.json()["sha256"]})
    assert picture.headers["content-type"] == "image/png"
    assert b"script" not in picture.content
    moved = await admin.patch("/api/v1/map/plans/west", json={**where, "bearing_deg": 12.5})
    assert (await the_map(admin))["plan"] == moved.json()
    assert moved.json()["bearing_deg"] == 12.5
    for content, word in (
        (b"<svg/>", "PNG or JPEG"),
        (png()[:60], "decoded"),
        (png(20, 20), "32"),
        (b"", "PNG or JPEG"),
    ):
        refused = await admin.put("/api/v1/map/plans/west", params=where, content=content)
        assert (refused.status_code, word in refused.json()["detail"]) == (422, True), refused.text
    assert (await admin.put("/api/v1/map/plans/west", content=png())).status_code == 422
    assert (await admin.put("/api/v1/map/plans/west", params=where, content=bytes(13_000_000))).status_code == 413
    async with await api.client(Role.OPERATOR) as operator, await api.client(Role.VIEWER, sites=("east",)) as stranger:
        assert (await operator.put("/api/v1/map/plans/west", params=where, content=png())).status_code == 403
        assert (await stranger.get("/api/v1/map/plans/west/picture")).status_code == 404
        assert (await stranger.get("/api/v1/sites/west/map")).status_code == 404
        assert (await stranger.get("/api/v1/map/plans")).json() == []
    assert (await admin.delete("/api/v1/map/plans/west")).status_code == 204
    assert (await the_map(admin))["plan"] is None


def test_a_picture_that_would_fill_the_memory_is_not_decoded() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(PictureRefused, match=f"{MAX_PIXELS // 1_000_000} million"):
        encode_anew(bomb)
    done, photo = cv2.imencode(".jpg", np.zeros((5000, 100, 3), np.uint8))
    assert done
    plan = encode_anew(bytes(photo))
    assert (plan.media_type, plan.height_px, plan.width_px) == ("image/jpeg", 4096, 82)
    clear = np.zeros((40, 40, 4), np.uint8)  # all transparent, hence white
    done, encoded = cv2.imencode(".png", clear)
    decoded = cv2.imdecode(np.frombuffer(encode_anew(bytes(encoded)).content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.min() == 255


async def test_a_camera_stands_on_the_map_and_is_a_checkpoint(admin: httpx.AsyncClient) -> None:
    await place_tower(admin)
    await place_tower(admin, bearing_deg=180)
    (camera,) = (await the_map(admin))["cameras"]
    assert (camera["bearing_deg"], camera["angle_deg"], camera["range_m"]) == (180, 60, 40)
    assert [one["name"] for one in (await admin.get("/api/v1/checkpoints")).json()] == ["3 号楼南"]
    assert (await admin.delete("/api/v1/map/cameras/west/gate-1/tower")).status_code == 204
    assert (await admin.delete("/api/v1/map/cameras/west/gate-1/tower")).status_code == 404
    assert (await the_map(admin))["cameras"] == []


async def test_a_hazard_goes_from_open_to_closed_and_says_who(api: Api, admin: httpx.AsyncClient) -> None:
    new = {"site": "west", "hazard": "h-1", "title": "外墙砖松动", "level": "major", **north(5)}
    due = to_text(api.now_us + HOUR_US)
    assert (await admin.post("/api/v1/hazards", json={**new, "due": due})).status_code == 201
    assert (await admin.post("/api/v1/hazards", json=new)).status_code == 409
    wrong = await admin.post("/api/v1/hazards/west/h-1/steps", json={"state": "closed"})
    assert (wrong.status_code, "fixing" in wrong.json()["detail"]) == (409, True)
    api.now_us += 2 * HOUR_US
    assert (await the_map(admin))["hazards"][0]["overdue"]
    async with await api.client(Role.OPERATOR, name="li") as li:
        for state in ("fixing", "rechecked", "open", "fixing", "rechecked", "closed"):
            moved = await li.post("/api/v1/hazards/west/h-1/steps", json={"state": state, "note": f"now {state}"})
            assert moved.status_code == 200, moved.text
    told = (await admin.get("/api/v1/hazards/west/h-1")).json()
    assert " ".join(step["state"] for step in told["steps"]) == "open fixing rechecked open fixing rechecked closed"
    assert (told["steps"][-1]["by"], told["steps"][-1]["note"], told["overdue"]) == ("li", "now closed", False)
    assert (await the_map(admin))["hazards"] == []
    assert len((await admin.get("/api/v1/hazards", params={"closed": True})).json()) == 1
    assert (await admin.delete("/api/v1/hazards/west/h-1")).status_code == 204


async def load(admin: httpx.AsyncClient, kind: str, content: str | bytes, site: str = "west") -> httpx.Response:
    body = content.encode() if isinstance(content, str) else content
    return await admin.post(f"/api/v1/map/import/{site}/{kind}", content=body)


async def test_tables_come_in_whole_and_say_line_and_column_when_not(admin: httpx.AsyncClient) -> None:
    table = (
        "place,title,kind,latitude,longitude\nhydrant-1,消火栓,hydrant,31.23,121.47\ngate,东门,entrance,31.231,121.47\n"
    )
    assert (await load(admin, "places", "\ufeff" + table)).json() == {"added": 2, "changed": 0}
    assert (await load(admin, "places", table.replace("东门", "正门").encode("gb18030"))).json() == {
        "added": 0,
        "changed": 2,
    }
    assert {place["title"] for place in (await the_map(admin))["places"]} == {"消火栓", "正门"}
    units = "unit,title,kind,contact\npatrol-1,巡逻一组,patrol,110\nfire-1,消防,fire,119\n"
    assert (await load(admin, "units", units)).json() == {"added": 2, "changed": 0}
    stolen = await load(admin, "units", units, site="east")
    assert (stolen.status_code, "another site" in stolen.json()["detail"]) == (409, True)
    hazards = "hazard,title,level,latitude,longitude,due\nh-1,电线老化,major,31.23,121.47,2026-05-01T00:00:00+08:00\n"
    assert (await load(admin, "hazards", hazards)).json() == {"added": 1, "changed": 0}
    assert (await load(admin, "hazards", hazards)).json() == {"added": 0, "changed": 1}
    assert len((await admin.get("/api/v1/hazards/west/h-1")).json()["steps"]) == 1


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("place,title,latitude,longitude\na,A,31,121\nb,B,95,121\n", "line 3, column latitude"),
        ("place,title,latitude,longitude\na,A,31,121\na,B,31,121\n", "line 3, column place"),
        ("place,title,latitude,longitude\nA!,A,31,121\n", "line 2, column place"),
        ("place,title,lat,longitude\na,A,31,121\n", "line 1, column lat"),
        ("place,title,latitude,longitude\na,A,31,121,more\n", "line 2"),
        ('place,title,latitude,longitude\na,"A,31,121\n', "line"),
        ("", "file"),
        (b"\xff\xfe\x00", "file"),
        ('{"type": "FeatureCollection",\n "features": [}', "line 2, column 15"),
        ('{"type": "FeatureCollection", "features": [{"properties": {"place": "a"}}]}', "feature 1, property title"),
        ('{"type": "FeatureCollection", "features": [{"geometry": {"type": "Polygon"}}]}', "feature 1, geometry"),
        ('{"type": "Point"}', "file"),
    ],
)
async def test_a_wrong_table_changes_nothing(admin: httpx.AsyncClient, content: str | bytes, where: str) -> None:
    answer = await load(admin, "places", content)
    assert answer.status_code == 422, answer.text
    assert any(fault["field"].startswith(where) for fault in answer.json()["errors"])
    assert (await the_map(admin))["places"] == []


async def test_geojson_comes_in(admin: httpx.AsyncClient) -> None:
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [121.47, 31.23]},
        "properties": {"hazard": "h-7", "title": "井盖松动"},
    }
    content = json.dumps({"type": "FeatureCollection", "features": [feature]})
    assert (await load(admin, "hazards", content)).json()["added"] == 1
    (hazard,) = (await the_map(admin))["hazards"]
    assert (hazard["latitude"], hazard["longitude"], hazard["level"]) == (31.23, 121.47, "general")


async def test_heat_counts_by_place_hour_weekday_and_type(api: Api, admin: httpx.AsyncClient) -> None:
    edge = SampleEdge()  # Sunday 2026-03-01, 08:00 UTC: 16:00 in Shanghai
    falls = [edge.fall() for _ in range(3)]
    for fall, cell in zip(falls, ("f7-c3", "f7-c3", "f2-c1"), strict=True):
        fall["data"]["origin_cell"] = cell
    await api.take(edge, *falls, edge.sensor())
    await place_tower(admin)
    heat = (await admin.get("/api/v1/sites/west/heat", params={"zone": "Asia/Shanghai"})).json()
    assert heat["week"][6][16] == sum(map(sum, heat["week"])) == 4
    assert (heat["cells"][0]["source"], heat["cells"][0]["events"]) == ("tower", 3)
    assert heat["cells"][0]["latitude"] == pytest.approx(HERE.latitude)
    assert heat["types"] == {"falling_object": 3, "sensor": 1}
    chosen = {"type": "falling_object", "weekday": 6, "hour": 8}
    assert (await admin.get("/api/v1/sites/west/heat", params=chosen)).json()["types"] == {"falling_object": 3}
    assert (await admin.get("/api/v1/sites/west/heat", params={"hour": 9})).json()["cells"] == []
    assert (await admin.get("/api/v1/sites/west/heat", params={"zone": "Mars/North"})).status_code == 422
    again = (await admin.get("/api/v1/sites/west/repeats")).json()
    assert [(window["source"], window["events"]) for window in again["windows"]] == [("tower", 2)]
    assert "floor" in again["windows"][0]["titles"]["en"]
    assert [(place["source"], place["type"], place["events"]) for place in again["places"]] == [
        ("tower", "falling_object", 3)
    ]
    newest = again["windows"][0]["newest_alert"]
    done = await admin.post(f"/api/v1/alerts/{newest}/steps", json={"state": "dismissed", "cause": "bird"})
    assert done.status_code == 201, done.text
    assert (await admin.get("/api/v1/sites/west/repeats")).json() == {"windows": [], "places": []}


async def test_a_place_that_one_address_takes_does_not_break_the_answers_of_another(
    api: Api, admin: httpx.AsyncClient
) -> None:
    """Checkpoints and cameras on the map are the same places; older versions took other names and latitudes."""
    long = {**north(0), "name": "东" * 100}
    assert (await admin.put("/api/v1/map/cameras/west/gate-1/lane-1", json=long)).status_code == 200
    checkpoint = "/api/v1/checkpoints/west/gate-1/lane-2"
    for wrong in ({"name": "a\x00b"}, {"name": "a\nb"}, {"latitude": 89.5}):
        assert (await admin.put(checkpoint, json={**long, **wrong})).status_code == 422, wrong
    old = {"site": "west", "edge": "gate-1", "camera": "old", "name": "a\x01\nb" * 40}
    async with api.collector.database.write() as connection:
        await connection.execute(checkpoints.insert(), [{**old, "latitude_udeg": 89_900_000, "longitude_udeg": 0}])
    await admin.post("/api/v1/units", json=UNIT)
    await tell(api, report("patrol-1", at_us=api.now_us, latitude=89.5))
    for path in ("/api/v1/checkpoints", "/api/v1/sites/west/map"):
        answer = await admin.get(path)
        assert answer.status_code == 200, path
        assert "东" * 100 in answer.text
        assert "89.9" in answer.text
