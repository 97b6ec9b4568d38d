"""The collector as a process, on a real Mosquitto: what comes in, what is confirmed, what goes out."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from sample_events import SampleEdge, payload
from services import free_port

pytestmark = pytest.mark.services


def test_an_event_through_the_broker(running: CollectorProcess, peer: MqttPeer) -> None:
    edge = SampleEdge()
    fall = edge.fall()
    publish(peer, edge, fall, edge.passage())
    wait_until(lambda: len(peer.on("/ack")) >= 1 and len(peer.on("/alert/")) == 2)
    with running.client("operator") as client:
        items = client.get("/api/v1/events", params={"order": "sequence"}).json()["items"]
        assert [item["event"]["sequence"] for item in items] == [1, 2]
        assert items[0]["event"] == fall
    (critical,) = peer.on("/alert/critical/falling_object")
    assert critical["event_id"] == fall["id"]
    (passage,) = peer.on("/alert/info/plate_passage")
    assert "京A·1**45" in passage["title"]
    wait_until(lambda: peer.on("/alert-state/"))
    assert peer.on("/alert-state/")[0]["state"] == "new"
    wait_until(lambda: [status["state"] for status in peer.on("/west/collector/status")][-1:] == ["online"])
    assert running.end() == 0
    wait_until(lambda: peer.on("/west/collector/status")[-1]["state"] == "offline")


def test_version_3_1_1_works_the_same(peer: MqttPeer, running: CollectorProcess) -> None:
    running.end()
    running.protocol = "3.1.1"
    running.start()
    edge = SampleEdge()
    publish(peer, edge, edge.fall())
    wait_until(lambda: peer.on("/ack") and peer.on("/alert/critical/"))


def test_killed_and_started_again_it_takes_what_came_meanwhile(running: CollectorProcess, peer: MqttPeer) -> None:
    edge = SampleEdge()
    events = [edge.sensor(alarm=False) for _ in range(300)]
    publish(peer, edge, *events[:100])
    running.end(signal.SIGKILL)
    wait_until(lambda: [status["state"] for status in peer.on("/collector/status")][-1:] in (["offline"], []))
    publish(peer, edge, *events[100:200])
    running.start()
    publish(peer, edge, *events[200:], *events[:50])
    with running.client("operator") as client:
        wait_until(lambda: client.get("/api/v1/sequences").json()[0]["received"] == [[1, 300]])
        items = client.get("/api/v1/events", params={"order": "sequence", "limit": 1000}).json()["items"]
    assert [item["event"]["sequence"] for item in items] == list(range(1, 301))
    wait_until(lambda: acknowledged(peer) == set(range(1, 301)))


def acknowledged(peer: MqttPeer) -> set[int]:
    """Numbers that the edge has been told are safe."""
    ranges = [part for ack in peer.on("/ack") for part in ack["ranges"]]
    return {number for part in ranges for number in range(part["from"], part["to"] + 1)}


def test_rubbish_does_not_stop_it(running: CollectorProcess, peer: MqttPeer) -> None:
    edge = SampleEdge()
    topic = "watchpost/v1/west/gate-1/event/sensor/hall"
    for rubbish in (b"", b"\xff\xfe", b"{", b"null", b'{"sequence": 1e999}', b"[" * 100_000):
        peer.publish(topic, rubbish)
    peer.publish("watchpost/v1/west/gate-1/status", b"\x00")
    peer.publish("watchpost/v1/WEST/alert/event/sensor/hall", b"{}")
    publish(peer, edge, edge.sensor(type="watchpost.sensor.v9"), edge.sensor())
    with running.client("operator") as client:
        wait_until(lambda: client.get("/api/v1/events").json()["items"])
        letters = client.get("/api/v1/dead-letters").json()["items"]
    assert sorted({letter["kind"] for letter in letters}) == ["malformed", "newer"]
    assert len(letters) == 9
    assert "newer" in running.command("dead-letters", "list")
    assert running.command("dead-letters", "reingest") == "0 of 9 letters are events now"
    assert httpx.get(f"{running.url}/healthz", timeout=60).json()["ok"]


def test_edges_and_cameras_are_shown(running: CollectorProcess, peer: MqttPeer) -> None:
    at = "2026-03-01T08:00:00Z"
    connection = str(uuid4())
    prefix = "watchpost/v1/west/gate-1"
    peer.publish(f"{prefix}/status", payload({"state": "online", "connection_id": connection, "at": at}), retain=True)
    camera = {"id": "tower", "state": "up", "fps": 25.0}
    health = {"at": at, "uptime_s": 5, "memory_mb": 100, "disk_free_mb": 1, "outbox_depth": 3, "expires": at}
    peer.publish(f"{prefix}/health", payload({**health, "cameras": [camera]}))
    peer.publish(f"{prefix}/camera/tower/status", payload({"state": "up", "since": at}), retain=True)
    with running.client("viewer") as client:
        wait_until(lambda: client.get("/api/v1/cameras").json())
        (edge,) = client.get("/api/v1/edges").json()
        (shown,) = client.get("/api/v1/cameras").json()
    assert (edge["state"], edge["health"]["outbox_depth"]) == ("online", 3)
    assert (shown["state"], shown["health"]["fps"]) == ("up", 25.0)


def test_it_starts_without_a_broker_and_says_so(tmp_path: Path) -> None:
    collector = CollectorProcess(tmp_path / "collector", f"mqtt://127.0.0.1:{free_port()}")
    collector.launch()
    try:
        wait_until(lambda: "no broker answers" in httpx.get(f"{collector.url}/readyz", timeout=60).text)
        assert httpx.get(f"{collector.url}/readyz", timeout=60).status_code == 503
        assert httpx.get(f"{collector.url}/healthz", timeout=60).status_code == 200
    finally:
        collector.end(signal.SIGKILL)


def test_a_taken_port_is_named(running: CollectorProcess) -> None:
    line = [sys.executable, "-m", "collector", "run", "--data", str(running.data), "--port", str(running.port)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{running.port} (Address already in use)" in done.stderr
