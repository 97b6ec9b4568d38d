"""What else happens at a demo's site beside its cameras: units on duty, and sensors that give alarm now and then."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import httpx

from contract.topics import EdgeTopics
from simulator.rehearsal import EDGE, SITE, Rehearsal
from simulator.sensor import reading
from simulator.subscriber import publish

UNITS = (
    {"unit": "patrol-1", "title": "巡逻一组 Patrol 1", "kind": "patrol", "contact": "138 0000 0001"},
    {"unit": "property-1", "title": "物业值班 Caretaker", "kind": "property", "contact": "138 0000 0002"},
)
ALARMS = (
    ("smoke-3f", "smoke", "3 号楼 3 层楼道 stairwell, floor 3", 25.0),
    ("manhole-7", "manhole", "7 号井盖 cover 7", 70.0),
    ("help-lobby", "help_button", "1 号楼大堂 lobby of house 1", 130.0),
)
"""Sensor, kind, where it hangs, seconds after the start."""


@dataclass
class SiteLife:
    """Lets a running rehearsal's site live; call `go_on` now and then."""

    rehearsal: Rehearsal
    started_s: float = field(default_factory=time.monotonic)
    told: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Put units on duty."""
        with httpx.Client(base_url=self.rehearsal.address, headers=self.rehearsal.authorization, timeout=10) as client:
            for unit in UNITS:
                client.post("/api/v1/units", json={**unit, "site": SITE}).raise_for_status()

    def go_on(self) -> None:
        """Give the alarms whose time has come."""
        passed_s = time.monotonic() - self.started_s
        for sensor, kind, text, after_s in ALARMS:
            if passed_s >= after_s and sensor not in self.told:
                publish(
                    self.rehearsal.mqtt_url, EdgeTopics(SITE, EDGE).sensor(sensor), reading(kind, alarm=True, text=text)
                )
                self.told.add(sensor)
