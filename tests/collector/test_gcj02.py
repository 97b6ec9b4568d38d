"""Coordinates of Chinese map services."""

from __future__ import annotations

from pathlib import Path

import pytest
from collector_api import started

from collector.access import Role
from collector.gcj02 import from_gcj02, to_gcj02
from collector.geography import Point

KNOWN = [  # what many converters agree on: WGS 84, GCJ-02
    (Point(39.90762965106183, 116.3913220096), Point(39.9090331369, 116.3975654073)),
    (Point(31.1774276, 121.5272106), Point(31.17530398364597, 121.531541859215)),
    (Point(22.543847, 113.912316), Point(22.540796131694766, 113.9171764808363)),
]


@pytest.mark.parametrize(("wgs84", "gcj02"), KNOWN)
def test_known_points(wgs84: Point, gcj02: Point) -> None:
    assert to_gcj02(wgs84).metres_to(gcj02) < 1.0
    assert from_gcj02(gcj02).metres_to(wgs84) < 1.0


def test_there_and_back_is_the_same_point() -> None:
    for latitude in range(19, 53, 3):
        for longitude in range(75, 135, 5):
            point = Point(latitude + 0.123, longitude + 0.456)
            assert from_gcj02(to_gcj02(point)).metres_to(point) < 0.01
            assert 50 < to_gcj02(point).metres_to(point) < 1200


def test_elsewhere_nothing_is_shifted() -> None:
    berlin = Point(52.52, 13.405)
    assert to_gcj02(berlin) == berlin == from_gcj02(berlin)


async def test_a_table_of_a_chinese_map_service_lands_where_gps_says(tmp_path: Path, migrated_sqlite: Path) -> None:
    wgs84, gcj02 = KNOWN[0]
    table = f"place,title,latitude,longitude\nhydrant,消火栓,{gcj02.latitude},{gcj02.longitude}\n".encode()
    async with started(tmp_path, migrated_sqlite) as api, await api.client(Role.OPERATOR) as client:
        answer = await client.post("/api/v1/map/import/west/places", params={"datum": "gcj02"}, content=table)
        assert answer.json() == {"added": 1, "changed": 0}
        (place,) = (await client.get("/api/v1/places")).json()
        typed = {"latitude": gcj02.latitude, "longitude": gcj02.longitude}
        told = (await client.get("/api/v1/map/wgs84", params=typed)).json()
    for found in (place, told):
        assert Point(found["latitude"], found["longitude"]).metres_to(wgs84) < 1.0
