"""The analyzer on streams made by hand, with the shipped models: drawn plates, every frame known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import cv2
import numpy as np
import pytest
from plate_fonts import needs_fonts

from contract.events import PlatePassageData
from edge.inference import ModelStore
from edge.plates.analyzer import PlatesAnalyzer, WorkDone
from edge.plates.settings import PlatesSettings
from edge.types import Bgr, Frame
from simulator.plates import degrade, draw_plate, random_style

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
SIZE = (640, 360)
Place = tuple[float, float, float]
"""Centre x, y and width of a plate in pixels."""


pytestmark = needs_fonts


@dataclass(frozen=True)
class Car:
    """A plate and where it is at each second; None while nobody sees it."""

    text: str
    place: Callable[[float], Place | None]


@dataclass(frozen=True)
class Told:
    """What the analyzer told of a stream."""

    passages: tuple[PlatePassageData, ...]
    work: WorkDone

    def texts(self, stage: str) -> list[str]:
        return [one.plate.text for one in self.passages if one.stage == stage and one.plate is not None]


def picture(cars: Sequence[Car], time_s: float, rng: np.random.Generator) -> Bgr:
    shown = np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
    seen = [(car, place) for car in cars if (place := car.place(time_s)) is not None]
    for car, (x, y, width) in sorted(seen, key=lambda one: one[1][1]):
        body = (int(x - 1.2 * width), int(y - width), int(2.4 * width), int(1.5 * width))
        cv2.rectangle(shown, body, (60, 40, 35), -1)
        plate = draw_plate(car.text, "small_blue", random_style(np.random.default_rng(3), "simulator"))
        corners = degrade.quad_of(degrade.View(width, roll_deg=1.0), 440 / 140, (x, y))
        shown = degrade.place(plate, shown, corners)
    return degrade.noise(degrade.defocus(shown, 0.5), rng, 2.0)


def frames(cars: Sequence[Car], seconds: float, fps: float) -> Iterator[Frame]:
    rng = np.random.default_rng(1)
    for index in range(int(seconds * fps)):
        time_s = index / fps
        shown = picture(cars, time_s, rng)
        luma = np.asarray(cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY), np.uint8)
        at = START + timedelta(seconds=time_s)
        yield Frame("gate", index, time_s, at, luma, lambda shown=shown: shown)  # type: ignore[misc]


def watch(cars: Sequence[Car], seconds: float, fps: float, **settings: object) -> Told:
    ids = count(1)
    analyzer = PlatesAnalyzer(
        "gate", PlatesSettings.model_validate(settings), ModelStore(), new_id=lambda: f"p{next(ids)}"
    )
    findings = [one for frame in frames(cars, seconds, fps) for one in analyzer.observe(frame)]
    findings += analyzer.finish()
    return Told(tuple(one.data for one in findings if isinstance(one.data, PlatePassageData)), analyzer.work)


def drives(since_s: float, until_s: float, begin: Place, end: Place) -> Callable[[float], Place | None]:
    """From one place to another, then it stays there."""

    def place(time_s: float) -> Place | None:
        if time_s < since_s:
            return None
        way = min(1.0, (time_s - since_s) / (until_s - since_s))
        x, y, width = (a + (b - a) * way for a, b in zip(begin, end, strict=True))
        return x, y, width

    return place


def test_a_car_that_parks_where_nothing_else_moves_is_hardly_read_again() -> None:
    told = watch([Car("粤B12345", drives(0.5, 2.5, (320, 80, 60), (320, 220, 100)))], seconds=60, fps=4)
    assert told.texts("provisional") == told.texts("final") == ["粤B12345"]
    assert told.work.looks > 20, "it is looked for each three seconds"
    assert told.work.reads < 16


@pytest.mark.parametrize("second", ["粤B12378", "京AK7T61"])
def test_another_car_on_the_spot_of_one_that_stood_is_a_passage_of_its_own(second: str) -> None:
    """However much their plates have in common: a lorry hid the first one's leaving."""
    stands = drives(0.2, 1.6, (320, 70, 70), (320, 220, 100))
    cars = [
        Car("粤B12345", lambda t: stands(t) if t < 5 else None),
        Car(second, lambda t: (320, 220, 100) if t >= 11 else None),
    ]
    told = watch(cars, seconds=17, fps=5)
    assert told.texts("provisional") == told.texts("final") == ["粤B12345", second]


def test_one_text_seen_twice_at_the_same_time_is_told_once() -> None:
    """A lorry bears its number a second time, painted large: nobody can tell that from a cloned plate beside it."""
    cars = [
        Car("粤B12345", drives(0.2, 2.0, (150, 60, 60), (150, 380, 110))),
        Car("粤B12345", drives(0.2, 2.0, (480, 60, 60), (480, 380, 110))),
    ]
    told = watch(cars, seconds=6, fps=10)
    assert told.texts("provisional") == told.texts("final") == ["粤B12345"]
