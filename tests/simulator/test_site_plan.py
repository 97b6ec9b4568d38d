"""The demo's plan and the rounds of its units."""

from __future__ import annotations

from itertools import pairwise

from collector.geography import Point
from collector.plan_picture import encode_anew
from simulator import site_plan
from simulator.site_life import ALARMS, UNITS


def test_the_plan_is_taken_and_all_that_stands_is_on_it() -> None:
    picture = encode_anew(site_plan.plan())
    assert picture.width_px / picture.height_px == site_plan.WIDTH_M / site_plan.HEIGHT_M
    middle = Point(site_plan.LATITUDE, site_plan.LONGITUDE)
    for standing in site_plan.STANDING.values():
        view = standing.view
        away_m = middle.metres_to(Point(float(view["latitude"]), float(view["longitude"])))
        assert abs(away_m - (standing.east_m**2 + standing.south_m**2) ** 0.5) < 0.5
    assert {standing.watches for standing in site_plan.STANDING.values()} - {None} <= set(site_plan.places())
    house = site_plan.places()["house-1"]
    tower = Point(*(float(site_plan.STANDING["tower-1"].view[name]) for name in ("latitude", "longitude")))
    assert tower.metres_to(Point(float(house["latitude"]), float(house["longitude"]))) < 60
    assert {sensor for sensor, *_ in ALARMS} <= set(site_plan.STANDING)


def test_units_walk_their_rounds() -> None:
    assert {str(unit["unit"]) for unit in UNITS} == set(site_plan.ROUNDS)
    for unit in site_plan.ROUNDS:
        points = [site_plan.position(unit, seconds) for seconds in range(0, 600, 2)]
        steps = [
            Point(one.latitude, one.longitude).metres_to(Point(two.latitude, two.longitude))
            for one, two in pairwise(points)
        ]
        assert 0.5 < max(steps) < 2 * site_plan.WALK_MPS + 0.2
        assert len({(point.latitude, point.longitude) for point in points}) > 50
