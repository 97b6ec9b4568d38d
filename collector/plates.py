"""Masking of plates: what a role that need not see a plate gets instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collector.plate_text import mask_plate, mask_text, plates_in_text
from contract.envelope import Envelope
from contract.events import EventType, PlatePassageData, PlateRead, WatchlistHitData

PLATE_TYPES = frozenset({EventType.PLATE_PASSAGE, EventType.WATCHLIST_HIT})
_SHOWN_DATA = (set(PlatePassageData.model_fields) | set(WatchlistHitData.model_fields)) - {"plate_digest", "confused"}
_SHOWN_PLATE = set(PlateRead.model_fields) - {"characters", "alternatives"}


_ENVELOPE = set(Envelope.model_fields) - {"data", "subject"}
"""Keys whose values are ids, names and times: nobody writes words there."""


def mask_event(event: dict[str, Any]) -> dict[str, Any]:
    """An envelope for a role without the right to plates. Keys that we do not know may hold a plate: they go."""
    if event_type(event) not in PLATE_TYPES:
        return {key: value if key in _ENVELOPE else _mask_within(value) for key, value in event.items()}
    shown = {key: value for key, value in event.items() if key != "subject"}
    data = {key: value for key, value in event["data"].items() if key in _SHOWN_DATA}
    if isinstance(data.get("plate"), dict):
        data["plate"] = {key: value for key, value in data["plate"].items() if key in _SHOWN_PLATE}
        data["plate"]["text"] = mask_plate(str(data["plate"].get("text", "")))
    shown["data"] = data
    return shown


def event_type(event: dict[str, Any]) -> str:
    """The type without prefix and version, of an envelope that is known to be valid."""
    return str(event["type"]).removeprefix("watchpost.").rsplit(".v", 1)[0]


def plates_in(event: dict[str, Any]) -> list[str]:
    """The plate that the envelope holds in clear, as read or as the first it may be; empty when there is none."""
    if event_type(event) not in PLATE_TYPES:
        return plates_in_text(*(text for key, value in event.items() if key not in _ENVELOPE for text in _texts(value)))
    plate = event["data"].get("plate")
    if not isinstance(plate, dict):
        return []
    readings = [plate.get("text"), *(text for text, *_ in plate.get("alternatives") or [])]
    return [str(text) for text in readings if text][:1]


def _mask_within(value: Any) -> Any:
    """Whatever a device has sent, however deep: a newer one may send what we do not know yet."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, list):
        return [_mask_within(one) for one in value]
    if isinstance(value, dict):
        return {mask_text(key): _mask_within(one) for key, one in value.items()}
    return value


def _texts(value: Any) -> Iterator[str]:
    """All texts in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
