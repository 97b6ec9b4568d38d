"""What is told and shown of a fall: metres, speed and energy at the ground, the cell of origin, and the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from falling_scenes import HEIGHT, WIDTH, Place, drop, flight, frames, luma_pictures

from contract.events import FallingObjectData
from edge.falling.analyzer import FallingAnalyzer
from edge.falling.pictures import origin_picture
from edge.falling.settings import ColumnLine, FacadeSettings, FallingSettings, FloorLine
from edge.imaging import burn_masks, within_window
from edge.types import Finding

METRE = 20.0
"""Pixels: six floors of 60, the slab of floor 1 at the picture's lower edge."""
PULL = 9.81 * METRE
FACADE = FacadeSettings(
    floor_lines=tuple(FloorLine(floor=7 - k, left=(0.05, k / 6), right=(0.95, k / 6)) for k in range(1, 6)),
    column_lines=tuple(ColumnLine(column=1 + k, top=(k / 8, 0.02), bottom=(k / 8, 0.98)) for k in (0, 2, 4, 6)),
)
DRAWN = FallingSettings(facade=FACADE, use_classifier=False)
PLAIN = FallingSettings(use_classifier=False)
RELEASE_S = 3.2


def fall_from(
    x: float,
    y: float,
    settings: FallingSettings = DRAWN,
    release_s: float = 1.2,
    also: Sequence[Place] = (),
    offset: tuple[float, float] | None = (0.0, 0.0),
    place: Place | None = None,
) -> Finding:
    analyzer = FallingAnalyzer("cam-1", settings, None)
    analyzer.read_offset = lambda: offset
    scene = frames(
        luma_pictures(release_s + (2.2 if place is None else 3.6), [place or drop(x, y, release_s, PULL), *also])
    )
    findings = [finding for frame in scene for finding in analyzer.observe(frame)] + list(analyzer.finish())
    assert len(findings) == 1
    return findings[0]


def data_of(finding: Finding) -> FallingObjectData:
    assert isinstance(finding.data, FallingObjectData)
    return finding.data


@pytest.fixture(scope="module")
def finding() -> Finding:
    """Of a fall from 14 m; at its window stood something bright until 1.4 s before."""

    def seen(time_s: float) -> tuple[float, float] | None:
        return (340.0, 70.0) if time_s < RELEASE_S - 1.4 else None

    return fall_from(340, 80, release_s=RELEASE_S, also=[seen])


def test_the_path_is_told_in_pixels_and_metres(finding: Finding) -> None:
    data = data_of(finding)
    assert data.picture_size == (WIDTH, HEIGHT)
    for point in data.path:
        assert point.height_m == pytest.approx((HEIGHT - point.y * HEIGHT) / METRE, abs=0.2)
    assert data.origin.height_m == pytest.approx(14.0, abs=1.0)
    assert data.acceleration_g_sigma is not None
    assert 0 < data.acceleration_g_sigma < 0.2


def test_speed_and_energy_are_those_at_the_ground(finding: Finding) -> None:
    data = data_of(finding)
    assert data.ground_speed_mps == pytest.approx((2 * 9.81 * 14.0) ** 0.5, abs=1.2)
    assert data.speed_mps is not None
    assert data.speed_mps <= data.ground_speed_mps + 0.1
    assert data.size_m == pytest.approx(6 / METRE, rel=0.6)  # a disc of six pixels, and its blur
    assert data.energy_class == "deadly"  # 30 cm at 60 km/h


def test_what_sinks_steadily_is_as_light_as_its_speed_says() -> None:
    data = data_of(fall_from(350, 40, place=flight(350, 40, 3, 5 * METRE, 1.2)))
    assert data.hypothesis == "terminal_velocity"
    assert data.ground_speed_mps == pytest.approx(5.0, abs=0.5)
    assert data.energy_class in {"slight", "painful"}  # a disc of 30 cm and 400 kg/m³ would injure


def test_two_falls_from_one_window_share_a_cell_and_another_window_has_its_own(finding: Finding) -> None:
    assert data_of(finding).origin_cell == "floor5-column5"
    assert data_of(fall_from(350, 85)).origin_cell == "floor5-column5"
    assert data_of(fall_from(500, 80)).origin_cell == "floor5-column7"


def test_without_a_facade_the_event_says_so_and_names_a_cell_of_the_picture() -> None:
    data = data_of(fall_from(350, 80, PLAIN))
    assert "no facade is drawn" in data.why
    assert data.origin_cell == "y4-x17"
    told = (data.origin_floor, data.energy_class, data.ground_speed_mps, data.path[0].height_m)
    assert told == (None, None, None, None)


def test_the_map_follows_a_small_shift_of_the_view() -> None:
    data = data_of(fall_from(350 + 0.02 * WIDTH, 80 + 0.03 * HEIGHT, offset=(0.02, 0.03)))
    assert data.origin_floor is not None
    assert data.origin_floor.value == pytest.approx(7 - 80 / 60, abs=0.3)
    assert data.origin_cell == "floor5-column5"


def test_a_camera_that_has_moved_far_names_no_floor_and_says_why() -> None:
    data = data_of(fall_from(350, 80, offset=None))
    assert (data.origin_floor, data.origin_column, data.ground_speed_mps) == (None, None, None)
    assert "the camera has moved" in data.why


def test_the_cut_out_shows_the_origin_two_seconds_before(finding: Finding) -> None:
    roles = [picture.role for picture in finding.pictures]
    assert roles == ["snapshot", "path", "origin"]
    snapshot, origin = finding.pictures[0].bgr, finding.pictures[2]
    assert origin.window is not None
    left, top = round(origin.window[0] * WIDTH), round(origin.window[1] * HEIGHT)
    assert origin.bgr[70 - top, 340 - left].min() > 200  # who stood there is in the cut-out
    assert snapshot[70, 340].max() < 190  # and gone when the object was seen best


def test_the_object_is_shown_along_its_path(finding: Finding) -> None:
    snapshot, path = (picture.bgr.astype(int) for picture in finding.pictures[:2])
    spots = []
    for point in data_of(finding).path:
        x, y = int(point.x * WIDTH), int(point.y * HEIGHT)
        here = np.s_[max(y - 2, 0) : y + 3, x - 2 : x + 3]
        spots.append(path[here].min(axis=2).max() > 215 and snapshot[here].max() < 215)
    assert sum(spots) >= 4


@pytest.mark.parametrize("place", [(0.5, 0.5), (0.0, 0.02), (1.0, 0.97)])
def test_privacy_masks_lie_in_the_cut_out_where_they_lie_in_the_picture(place: tuple[float, float]) -> None:
    bgr = np.random.default_rng(3).integers(60, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    masks = [
        [(0.4, 0.4), (0.9, 0.45), (0.6, 1.0)],
        [(0.0, 0.0), (0.1, 0.0), (0.0, 0.2)],
        [(0.9, 0.9), (1, 0.9), (1, 1)],
    ]
    cut = origin_picture(bgr, place)
    assert cut.window is not None
    shown = burn_masks(cut.bgr, within_window(masks, cut.window))
    wanted = origin_picture(burn_masks(bgr, masks), place).bgr
    assert (wanted == 0).any()
    assert np.mean((shown == 0) != (wanted == 0)) < 0.01  # edges round differently
