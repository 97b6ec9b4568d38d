"""Falls against the analytic solution, and shapes for training kept apart from those for measuring."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenes import FIRST_TRAINING_SEED
from simulator.tower.objects import EVALUATION_SHAPES, TRAINING_SHAPES, Pose, draw_object, exposed_sprite, make_thing
from simulator.tower.options import TowerOptions
from simulator.tower.physics import Body, Release, drop_depth_m, fall_path
from simulator.tower.program import shapes_for

STILL = (0.0, 0.0, 0.0)


@pytest.mark.parametrize("terminal", [2.0, 12.0, 40.0])
def test_a_drop_follows_the_analytic_solution(terminal: float) -> None:
    times = np.linspace(0, 3, 76)
    path = fall_path(Release((1.0, 100.0, 0.5), STILL), Body(terminal), times, STILL)
    np.testing.assert_allclose(100 - path[:, 1], drop_depth_m(times, terminal), atol=0.01)
    np.testing.assert_allclose(path[:, 0], 1.0)


def test_terminal_speed_is_reached_and_kept() -> None:
    times = np.linspace(6, 8, 21)
    path = fall_path(Release((0, 80, 0), STILL), Body(3.0), times, STILL)
    np.testing.assert_allclose(np.diff(path[:, 1]) / np.diff(times), -3.0, atol=0.01)


def test_a_heavy_thing_thrown_outwards_flies_a_parabola() -> None:
    times = np.linspace(0, 1.5, 31)
    path = fall_path(Release((0, 50, 0), (1.0, 2.0, 4.0)), Body(1e6), times, STILL)
    np.testing.assert_allclose(path[:, 1], 50 + 2 * times - 9.81 / 2 * times**2, atol=2e-3)
    np.testing.assert_allclose(path[:, 2], 4 * times, atol=1e-6)


def test_wind_carries_light_things_along() -> None:
    path = fall_path(Release((0, 90, 0), STILL), Body(2.0), np.array([0.0, 5.0, 6.0]), (3.0, 0.0, 0.0))
    assert path[2, 0] - path[1, 0] == pytest.approx(3.0, abs=0.05)


def test_flutter_swings_but_keeps_the_mean_fall() -> None:
    times = np.linspace(0, 10, 251)
    path = fall_path(Release((0, 60, 0), STILL), Body(2.0, 6.0, 1.0, 0.3), times, STILL)
    assert np.ptp(np.diff(path[100:, 0])) > 0.005
    assert -2.6 < (path[250, 1] - path[100, 1]) / 6.0 < -1.2


def test_training_and_evaluation_never_share_a_shape() -> None:
    assert not {shape.name for shape in TRAINING_SHAPES} & {shape.name for shape in EVALUATION_SHAPES}
    outlines = [(shape.build, shape.outline) for shape in TRAINING_SHAPES + EVALUATION_SHAPES]
    assert len(set(outlines)) == len(outlines)
    assert shapes_for(FIRST_TRAINING_SEED, TowerOptions()) == TRAINING_SHAPES
    assert shapes_for(FIRST_TRAINING_SEED - 1, TowerOptions()) == EVALUATION_SHAPES


def test_every_kind_an_option_may_name_has_a_shape_on_both_sides() -> None:
    kinds = {shape.kind for shape in EVALUATION_SHAPES}
    assert kinds == {shape.kind for shape in TRAINING_SHAPES}
    assert TowerOptions(objects=tuple(sorted(kinds)))  # type: ignore[arg-type]  # the names are checked by pydantic


@pytest.mark.parametrize(("x", "y", "length"), [(40.0, 30.0, 20.0), (40.37, 30.81, 6.0), (11.25, 50.5, 3.0)])
def test_a_thing_is_drawn_where_it_is_said_to_be(x: float, y: float, length: float) -> None:
    thing = make_thing(np.random.default_rng(2), tuple(s for s in EVALUATION_SHAPES if s.kind == "stone"))
    canvas = np.full((64, 80, 3), 20, np.uint8)
    box = draw_object(canvas, thing, Pose(x, y, length), light=(1.0, 1.0, 1.0))
    change = (canvas.astype(float) - 20).sum(axis=2)
    rows, columns = np.mgrid[0:64, 0:80]
    assert np.sum(columns * change) / change.sum() == pytest.approx(x, abs=0.15)
    assert np.sum(rows * change) / change.sum() == pytest.approx(y, abs=0.15)
    assert box is not None
    left, top, right, bottom = box
    change[top:bottom, left:right] = 0
    assert not change.any()


def test_motion_blur_spreads_a_thing_and_keeps_its_light() -> None:
    thing = make_thing(np.random.default_rng(2), EVALUATION_SHAPES[7:8])
    sharp, blurred = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    draw_object(sharp, thing, Pose(32, 32, 10), light=(1.0, 1.0, 1.0))
    draw_object(blurred, thing, Pose(32, 32, 10, motion_px=(0.0, 16.0)), light=(1.0, 1.0, 1.0))
    assert blurred.max() < sharp.max()
    assert blurred.sum() == pytest.approx(sharp.sum(), rel=0.05)
    assert draw_object(sharp, thing, Pose(-200, 5, 10)) is None


@pytest.mark.parametrize("size", [1.5, 2.0, 3.0, 4.5])
def test_a_tiny_thing_covers_its_area_wherever_it_lies_between_the_pixels(size: float) -> None:
    rng = np.random.default_rng(7)
    for shape in EVALUATION_SHAPES[:8]:
        thing = make_thing(rng, (shape,))
        for _ in range(8):
            x, y = 20 + rng.random(2)
            pose = Pose(x, y, size / np.sqrt(thing.fill), rng.uniform(0, 6.28), motion_px=(0.0, rng.uniform(0, 5)))
            cover = exposed_sprite(thing, pose, (0, 0), (42, 42), 0.6)[..., 3]
            assert cover.sum() == pytest.approx(size**2, rel=0.18 if size < 3 else 0.09)
