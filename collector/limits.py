"""Numbers that a site's people set for themselves: how near is near, and how soon a repetition is one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from collector.duty import Duty
from contract.alerts import AlertType

Again = Literal["again_falling_object_s", "again_watchlist_hit_s", "again_sensor_s", "again_camera_s"]
Limit = Literal["near_m", "heard_s"] | Again
_TYPES: Mapping[Again, AlertType] = {
    "again_falling_object_s": "falling_object",
    "again_watchlist_hit_s": "watchlist_hit",
    "again_sensor_s": "sensor",
    "again_camera_s": "camera",
}
LIMITS: tuple[Limit, ...] = ("near_m", "heard_s", *_TYPES)
_WEEK_S = 7 * 86_400
RANGES: Mapping[Limit, tuple[int, int]] = {
    "near_m": (1, 100_000),
    "heard_s": (1, 86_400),
    "again_falling_object_s": (0, _WEEK_S),
    "again_watchlist_hit_s": (0, _WEEK_S),
    "again_sensor_s": (0, _WEEK_S),
    "again_camera_s": (0, _WEEK_S),
}
"""Lowest and highest value; 0: no repetition ever joins an open alert."""


def values_of(duty: Duty) -> dict[Limit, int]:
    """As they are in force there."""
    found: dict[Limit, int] = {"near_m": round(duty.nearest.within_m), "heard_s": round(duty.nearest.fresh_s)}
    return found | {name: round(duty.rules.group_within_s[kind]) for name, kind in _TYPES.items()}


def limited(duty: Duty, changed: Mapping[Limit, int]) -> Duty:
    """With other values for those that were changed."""
    if not changed:
        return duty
    again = {kind: float(changed[name]) for name, kind in _TYPES.items() if name in changed}
    rules = duty.rules.model_copy(update={"group_within_s": {**duty.rules.group_within_s, **again}})
    within_m = float(changed.get("near_m", duty.nearest.within_m))
    near = {"within_m": within_m, "fresh_s": float(changed.get("heard_s", duty.nearest.fresh_s))}
    return replace(duty, rules=rules, nearest=duty.nearest.model_copy(update=near))
