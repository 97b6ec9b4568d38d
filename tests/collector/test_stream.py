"""Server-sent events over a real connection: at once, nothing missed after a break, plates masked."""

from __future__ import annotations

import json
import statistics
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from collector_process import CollectorProcess, MqttPeer, heard_on, publish, told_at, wait_until
from sample_events import SampleEdge

pytestmark = pytest.mark.services


def fall(edge: SampleEdge, floor: int) -> dict[str, Any]:
    """An alert of its own for each floor."""
    event = edge.fall(time=datetime.now(UTC).isoformat())
    event["data"]["origin_cell"] = f"f{floor}-c3"
    return event


def test_news_arrive_at_once_and_none_is_missed(running: CollectorProcess, peer: MqttPeer) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor(alarm=False))
    with running.client("operator") as client:
        wait_until(lambda: client.get("/api/v1/events").json()["items"])
        later_s = []
        with client.stream("GET", "/api/v1/stream") as answer:
            heard = heard_on(answer)
            for count in range(1, 6):
                publish(peer, edge, fall(edge, count))
                got = {kind: (position, data) for position, kind, data in (next(heard), next(heard))}
                later_s.append(time.monotonic() - told_at(peer, count))
                assert set(got) == {"alert", "event"}
                assert got["alert"][1]["severity"] == "critical"
                last = got["event"][0]
        assert statistics.median(later_s) < 1.0, "beyond the same news by MQTT"
        publish(peer, edge, *[edge.sensor(alarm=False) for _ in range(150)])  # nobody listens
        with client.stream("GET", "/api/v1/stream", headers={"Last-Event-ID": last}) as answer:
            heard = heard_on(answer)
            numbers = [next(heard)[2]["event"]["sequence"] for _ in range(150)]
        assert numbers == list(range(7, 157))
        assert client.get("/api/v1/stream", headers={"Last-Event-ID": "x"}).status_code == 400
        with running.client("viewer") as viewer, viewer.stream("GET", "/api/v1/stream") as answer:
            publish(peer, edge, edge.passage("京A12345"))
            heard = heard_on(answer)
            shown = json.dumps([next(heard), next(heard)], ensure_ascii=False)
        assert "京A·1**45" in shown
        assert "A12345" not in shown
    assert running.end() == 0  # open streams do not keep it from ending
