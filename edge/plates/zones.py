"""What an installer has drawn on the still: whether a place is in it."""

from __future__ import annotations

from collections.abc import Sequence

from edge.plates.settings import Lane, Polygon


def lane_of(foot: tuple[float, float], lanes: Sequence[Lane], frame_size: tuple[int, int]) -> str | None:
    """Name of the first lane that holds this point, in pixels of the picture: the middle of a plate's lower edge."""
    point = (foot[0] / frame_size[0], foot[1] / frame_size[1])
    return next((lane.name for lane in lanes if inside(lane.polygon, point)), None)


def inside(polygon: Polygon, point: tuple[float, float]) -> bool:
    """Whether the polygon holds the point (even-odd rule; both in picture fractions)."""
    x, y = point
    within = False
    for (ax, ay), (bx, by) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            within = not within
    return within
