"""What else happens at a demo's site: its plan, units on their rounds, and sensors that give alarm now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from contract.topics import EdgeTopics, SiteTopics
from simulator import site_plan
from simulator.rehearsal import EDGE, SITE, Rehearsal
from simulator.sensor import reading
from simulator.stack import call
from simulator.subscriber import publish
from simulator.truth import PassageTruth, read_truth

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
WATCHED_AFTER_S = 12.0
REPORT_EVERY_S = 2.0


@dataclass
class SiteLife:
    """Lets a running rehearsal's site live; call `go_on` now and then."""

    rehearsal: Rehearsal
    started_s: float = field(default_factory=time.monotonic)
    told: set[str] = field(default_factory=set)
    reported_s: float = -REPORT_EVERY_S

    def begin(self) -> None:
        """Put units on duty, cameras and sensors on the plan, and one plate on the watch list."""
        token = call(["collector", "token", "create", "site", "--role", "admin", *self.rehearsal.store_option])
        admin = {"Authorization": f"Bearer {token}"}
        self._draw_map(admin)
        self._watch(admin)
        with httpx.Client(base_url=self.rehearsal.address, headers=self.rehearsal.authorization, timeout=10) as client:
            for unit in UNITS:
                client.post("/api/v1/units", json={**unit, "site": SITE}).raise_for_status()

    def _watch(self, admin: dict[str, str]) -> None:
        """One person proposes a plate that will pass, another one approves it; the box is told its keyed hash only."""
        plate = next(self._plates_to_come(), None)
        if plate is None:
            return
        until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        entry = {"plate": plate, "reason": "被盗车辆 stolen, case 2026-113", "expires": until}
        with httpx.Client(base_url=f"{self.rehearsal.address}/api/v1/watchlist", timeout=10) as client:
            made = client.post("/entries", json=entry, headers=self.rehearsal.authorization).raise_for_status().json()
            path = f"/entries/{made['entry_id']}/decisions"
            client.post(path, json={"action": "approve"}, headers=admin).raise_for_status()

    def _plates_to_come(self) -> Iterator[str]:
        """Plates that are easy to read and pass some seconds after the videos begin."""
        for camera in self.rehearsal.rendered.cameras:
            for record in read_truth(camera.truth):
                if isinstance(record, PassageTruth) and record.t_first_s >= WATCHED_AFTER_S and record.rows == 1:
                    yield record.plate

    def _draw_map(self, headers: dict[str, str]) -> None:
        where = {"latitude": site_plan.LATITUDE, "longitude": site_plan.LONGITUDE, "width_m": site_plan.WIDTH_M}
        with httpx.Client(base_url=f"{self.rehearsal.address}/api/v1/map", headers=headers, timeout=10) as client:
            client.put(f"/plans/{SITE}", params=where, content=site_plan.plan()).raise_for_status()
            for place, content in site_plan.places().items():
                client.put(f"{self.rehearsal.address}/api/v1/places/{SITE}/{place}", json=content).raise_for_status()
            for name, standing in site_plan.STANDING.items():
                view = {**standing.view, "watches": standing.watches}
                client.put(f"/cameras/{SITE}/{EDGE}/{name}", json=view).raise_for_status()

    def _report(self, passed_s: float) -> None:
        for unit in site_plan.ROUNDS:
            content = site_plan.position(unit, passed_s).model_dump_json()
            publish(self.rehearsal.mqtt_url, SiteTopics(SITE).unit_position(unit), content)
        self.reported_s = passed_s

    def go_on(self) -> None:
        """Let units report where they are, and give the alarms whose time has come."""
        passed_s = time.monotonic() - self.started_s
        if passed_s - self.reported_s >= REPORT_EVERY_S:
            self._report(passed_s)
        for sensor, kind, text, after_s in ALARMS:
            if passed_s >= after_s and sensor not in self.told:
                publish(
                    self.rehearsal.mqtt_url, EdgeTopics(SITE, EDGE).sensor(sensor), reading(kind, alarm=True, text=text)
                )
                self.told.add(sensor)
