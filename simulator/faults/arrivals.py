"""When events and their alerts reach one who subscribes at the broker, after the moment that they speak of."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contract.alerts import AlertMessage
from contract.envelope import parse_event
from contract.topics import ALERTS_OF_ALL, EVENTS_OF_ALL
from simulator.faults.world import World
from simulator.subscriber import Subscriber


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds, in ascending order."""

    events: tuple[float, ...]
    """From the event to its subscriber: the edge's disk, the edge, the broker."""
    alerts: tuple[float, ...]
    """From the event to the alert's subscriber: the collector and its disk too."""


def listen(world: World, seconds: float) -> Delays:
    """Subscribe for a while. What had happened before is left out."""
    url = f"mqtt://127.0.0.1:{world.broker.port}"
    with Subscriber(url, EVENTS_OF_ALL) as events, Subscriber(url, ALERTS_OF_ALL) as alerts:
        begun_s = time.time()
        world.wait(seconds)
        return Delays(
            _delays_ms(events, begun_s, lambda payload: parse_event(payload).time),
            _delays_ms(alerts, begun_s, lambda payload: AlertMessage.model_validate_json(payload).occurred_at),
        )


def quantile(ascending: Sequence[float], part: float) -> float | None:
    """The smallest of these values that at least this part of them does not exceed; None of none."""
    return round(ascending[max(0, math.ceil(part * len(ascending)) - 1)], 1) if ascending else None


def _delays_ms(subscriber: Subscriber, begun_s: float, happened: Callable[[bytes], datetime]) -> tuple[float, ...]:
    delays = []
    while (heard := subscriber.take(timeout_s=0.0)) is not None:
        at_s = happened(heard.payload).timestamp()
        if at_s >= begun_s:
            delays.append((heard.at_s - at_s) * 1000)
    return tuple(sorted(delays))
