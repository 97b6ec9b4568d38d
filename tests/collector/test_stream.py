"""Server-sent events over a real connection: at once, nothing missed after a break, plates masked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from collector_process import CollectorProcess, MqttPeer, publish
from sample_events import SampleEdge

pytestmark = pytest.mark.services


def messages(answer: httpx.Response) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(id, event, data) of each message, as they come."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line:
            if "data" in fields:
                yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}


def test_news_arrive_at_once_and_none_is_missed(running: CollectorProcess, peer: MqttPeer) -> None:
    edge = SampleEdge()
    publish(peer, edge, edge.sensor(alarm=False))
    with running.client("operator") as client:
        with client.stream("GET", "/api/v1/stream") as answer:
            time.sleep(0.5)
            begun = time.monotonic()
            publish(peer, edge, edge.fall())
            heard = messages(answer)
            got = {kind: (position, data) for position, kind, data in (next(heard), next(heard))}
            assert time.monotonic() - begun < 1.0
            assert set(got) == {"alert", "event"}
            assert got["alert"][1]["severity"] == "critical"
            last = got["event"][0]
        publish(peer, edge, *[edge.sensor(alarm=False) for _ in range(150)])  # nobody listens
        time.sleep(1)
        with client.stream("GET", "/api/v1/stream", headers={"Last-Event-ID": last}) as answer:
            heard = messages(answer)
            numbers = [next(heard)[2]["event"]["sequence"] for _ in range(150)]
        assert numbers == list(range(3, 153))
        assert client.get("/api/v1/stream", headers={"Last-Event-ID": "x"}).status_code == 400
        with running.client("viewer") as viewer, viewer.stream("GET", "/api/v1/stream") as answer:
            time.sleep(0.5)
            publish(peer, edge, edge.passage("京A12345"))
            heard = messages(answer)
            shown = json.dumps([next(heard), next(heard)], ensure_ascii=False)
        assert "京A·1**45" in shown
        assert "A12345" not in shown
    assert running.end() == 0  # open streams do not keep it from ending
