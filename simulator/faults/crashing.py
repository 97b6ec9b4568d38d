"""Crashes exactly between two steps of the protocol: the process kills itself, by SIGKILL, when it comes to a place.

The programs know nothing of this: in the process that is to crash, the method at that place is wrapped before it runs.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
from collections.abc import Callable
from typing import Any, Literal

Place = tuple[str, str, Literal["before", "after"]]
"""`module` or `module:class`, the function there, and whether the crash comes before or after its work."""

EDGE_PLACES: dict[str, Place] = {
    "edge: committed, not published": ("edge.delivery:Delivery", "_send", "before"),
    "edge: published, not noted": ("edge.delivery:Delivery", "_send", "after"),
    "edge: acked, not marked": ("edge.outbox:Outbox", "mark_acked", "before"),
    "edge: ack handed to the outbox": ("edge.outbox:Outbox", "mark_acked", "after"),
}
COLLECTOR_PLACES: dict[str, Place] = {
    "collector: stored, not committed": ("collector.ingest", "_store_ranges", "before"),
    "collector: committed, not acked": ("collector.mqtt:Link", "send", "before"),
    "collector: acked, not confirmed": ("collector.mqtt:Link", "confirm", "before"),
}


def arm(order: str | None) -> None:
    """`PLACE@COUNT`: kill this process when it comes to this place for the COUNT-th time."""
    if not order:
        return
    name, _, count = order.rpartition("@")
    where, method, when = (EDGE_PLACES | COLLECTOR_PLACES)[name]
    module, _, owner_name = where.partition(":")
    owner: Any = importlib.import_module(module)
    if owner_name:
        owner = getattr(owner, owner_name)
    setattr(owner, method, _deadly(getattr(owner, method), when, int(count)))


def _deadly(work: Callable[..., Any], when: Literal["before", "after"], count: int) -> Callable[..., Any]:
    left = count

    @functools.wraps(work)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left <= 0 and when == "before":
            _die()
        result = work(*arguments, **options)
        if left <= 0:
            _die()
        return result

    return wrapped


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
