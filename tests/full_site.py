"""A broker and a collector with something of everything in it, fed through the broker: to look at pages without a
camera, and to try the API with strange input against ids that exist.

    python tests/full_site.py        # prints the address, a token and a sign-in link; Ctrl-C ends it
"""

from __future__ import annotations

import hashlib
import json
import signal
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
from collector_process import CollectorProcess, MqttPeer, publish
from moving_video import moving_square, write_video
from sample_events import SampleEdge

from contract.plate_keys import KEY_BYTES
from contract.topics import EdgeTopics, SiteTopics
from simulator import site_plan
from simulator.faults.services import Mosquitto

SITE = "west"
DAY_S = 86_400
WHY = {"Watchpost-Reason": "case%207"}
CAMERAS = {"tower": "tower-1", "lane-1": "gate-1", "smoke-3f": "smoke-3f", "manhole-7": "manhole-7"}
"""Name in sample events → what stands there on the drawn plan."""


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def started(folder: Path) -> tuple[Mosquitto, CollectorProcess]:
    """Both, with a channel that nobody answers and a key for the watch list."""
    broker = Mosquitto(folder / "broker")
    broker.start()
    key, config = folder / "key", folder / "collector.yaml"
    key.write_text("ab" * KEY_BYTES)
    channel = f"{{name: dispatch, webhook: 'http://127.0.0.1:9/alerts', secret_file: {key}}}"
    config.write_text(f"notifications: {{channels: [{channel}]}}")
    options = ("--config", str(config), "--watchlist-key", str(key))
    collector = CollectorProcess(folder / "collector", broker.url, options=options)
    collector.start()
    return broker, collector


def draw_map(admin: httpx.Client, peer: MqttPeer) -> None:
    """Plan, buildings, cameras, units on their rounds, a hazard."""
    where = {"latitude": site_plan.LATITUDE, "longitude": site_plan.LONGITUDE, "width_m": site_plan.WIDTH_M}
    admin.put(f"/api/v1/map/plans/{SITE}", params=where, content=site_plan.plan()).raise_for_status()
    for place, content in site_plan.places().items():
        admin.put(f"/api/v1/places/{SITE}/{place}", json=content).raise_for_status()
    for camera, name in CAMERAS.items():
        view = {**site_plan.STANDING[name].view, "watches": site_plan.STANDING[name].watches}
        admin.put(f"/api/v1/map/cameras/{SITE}/gate-1/{camera}", json=view).raise_for_status()
    for unit in site_plan.ROUNDS:
        admin.post(
            "/api/v1/units", json={"unit": unit, "site": SITE, "title": unit, "contact": "110"}
        ).raise_for_status()
        position = site_plan.position(unit, 20).model_dump_json().encode()
        peer.publish(SiteTopics(SITE).unit_position(unit), position)
    spot = {"latitude": site_plan.LATITUDE, "longitude": site_plan.LONGITUDE}
    hazard = {"site": SITE, "hazard": "h-1", "title": "外墙砖松动 loose bricks", "level": "major", **spot}
    admin.post("/api/v1/hazards", json=hazard).raise_for_status()


def uploaded(admin: httpx.Client, content: bytes, role: str, media_type: str) -> dict[str, Any]:
    """A file at the collector, as events name it."""
    sha256 = hashlib.sha256(content).hexdigest()
    headers = {"Content-Type": media_type}
    admin.put(f"/api/v1/evidence/{sha256}", content=content, headers=headers).raise_for_status()
    return {"sha256": sha256, "role": role, "media_type": media_type, "size_bytes": len(content)}


def fall(edge: SampleEdge, admin: httpx.Client, clip: bytes, cell: str, seconds: float) -> dict[str, Any]:
    """From that window, with picture and clip."""
    facade = np.random.default_rng(len(cell)).integers(90, 170, (27, 48, 3), dtype=np.uint8)
    done, picture = cv2.imencode(".jpg", cv2.resize(facade, (960, 540), interpolation=cv2.INTER_NEAREST))
    assert done
    snapshot = uploaded(admin, bytes(picture), "snapshot", "image/jpeg")
    event = edge.fall(evidence=(snapshot, uploaded(admin, clip, "clip", "video/mp4")), time=at(seconds))
    event["data"]["origin_cell"] = cell
    return event


def passage(edge: SampleEdge, plate: str, camera: str, seconds: float) -> dict[str, Any]:
    event = edge.passage(plate, f"{plate}-{camera}", time=at(seconds))
    event["source"] = f"/{SITE}/gate-1/{camera}"
    event["data"] |= {"camera": camera, "evidence": []}
    return event


def watched(admin: httpx.Client, operator: httpx.Client) -> str:
    """Id of an approved entry; another one waits."""
    wanted = {"plate": "京A12345", "reason": "被盗车辆 stolen, case 7", "expires": "2099-01-01T00:00:00Z"}
    made = operator.post("/api/v1/watchlist/entries", json=wanted, headers=WHY).raise_for_status().json()
    path = f"/api/v1/watchlist/entries/{made['entry_id']}/decisions"
    admin.post(path, json={"action": "approve"}).raise_for_status()
    operator.post("/api/v1/watchlist/entries", json={**wanted, "plate": "沪B99999"}, headers=WHY).raise_for_status()
    return str(made["entry_id"])


def tell(peer: MqttPeer, admin: httpx.Client, entry: str, clip: bytes) -> None:
    """Events of every kind; the state and health of the box."""
    edge, topics = SampleEdge(), EdgeTopics(SITE, "gate-1")
    cameras = [{"id": "tower", "state": "up", "fps": 25.0}, {"id": "lane-1", "state": "blind"}]
    health = {"at": at(0), "uptime_s": 9, "memory_mb": 90, "disk_free_mb": 51234, "outbox_depth": 3, "problems": []}
    peer.publish(topics.health, json.dumps({**health, "cameras": cameras, "expires": at(3600)}).encode())
    publish(peer, edge, fall(edge, admin, clip, "f7-c3", -3 * DAY_S), edge.camera("blind", time=at(-100)))
    publish(peer, edge, *(passage(edge, *one) for one in (
        ("京A12345", "lane-1", -900), ("京A12345", "lane-2", -600), ("沪B99999", "lane-1", -300),
        ("苏C55555", "lane-2", -60),
    )))  # fmt: skip
    hit = edge.hit("京A12345", time=at(-5))
    hit["data"]["entry_id"] = entry
    publish(peer, edge, hit, edge.sensor("manhole", time=at(-50)), fall(edge, admin, clip, "f7-c3", -10))


def handle(admin: httpx.Client) -> None:
    """One alert with a unit on its way, one kept as evidence, and a search by plate."""
    items: list[dict[str, Any]] = []
    while len(items) < 4:
        time.sleep(0.2)
        items = admin.get("/api/v1/alerts", params={"state": "open"}).json()["items"]
    sent, kept = (f"/api/v1/alerts/{item['alert_id']}" for item in items[:2])
    admin.post(f"{sent}/steps", json={"state": "assigned", "unit": "patrol-1"}).raise_for_status()
    admin.post(f"{sent}/comments", json={"text": "on our way"}).raise_for_status()
    hold = {"kind": "alert", "subject": kept.rpartition("/")[2], "reason": "evidence in case 2026-113"}
    admin.post("/api/v1/holds", json=hold).raise_for_status()
    admin.get("/api/v1/passages", params={"plate": "京A1"}, headers=WHY).raise_for_status()


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    with tempfile.TemporaryDirectory(prefix="watchpost-site-") as name:
        broker, collector = started(Path(name))
        peer = MqttPeer(broker.port)
        try:
            with collector.client("admin") as admin, collector.client("operator") as operator:
                clip = write_video(Path(name) / "clip.mp4", moving_square(100)).read_bytes()
                draw_map(admin, peer)
                tell(peer, admin, watched(admin, operator), clip)
                handle(admin)
            print(f"address  {collector.url}\ntoken    {collector.token('admin')}", flush=True)
            print(f"sign in  {collector.sign_in_link('admin')}", flush=True)
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            pass
        finally:
            peer.stop()
            collector.end()
            broker.kill()


if __name__ == "__main__":
    main()
