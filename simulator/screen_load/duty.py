"""Alerts as a busy evening brings them: falls with a picture, watched plates and sensors, each a case of its own."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import cv2
import numpy as np

from contract.events import EventType
from contract.topics import EdgeTopics

SITE, EDGE = "west", "gate-1"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PICTURE = (1080, 1920)


@dataclass(frozen=True, slots=True)
class Made:
    """A message for the broker, and the picture that it names."""

    topic: str
    payload: str
    event_id: str
    picture: bytes | None = None
    sha256: str = ""


@dataclass
class Duty:
    """Makes alerts in turn; `outbox_id` and numbers are those of one edge."""

    seed: int = 1
    outbox_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._numbers = count(1)
        self._turn = count()

    def alert(self) -> Made:
        """The next alert: a fall, a smoke alarm, a watched plate, and so on; no two are the same case."""
        number = next(self._turn)
        if number % 3 == 0:
            return self._fall(number)
        return self._sensor(number, alarm=True) if number % 3 == 1 else self._hit(number)

    def passage(self) -> Made:
        """What is no alert: a vehicle that nobody looks for."""
        passage_id = uuid4().hex[:12]
        data = {"camera": "lane-2", "passage_id": passage_id, "stage": "final", "readable": True}
        data |= {"direction": "approaching", "first_seen": _now(), "last_seen": _now(), "frames_read": 9}
        return self._event(EventType.PLATE_PASSAGE, "lane-2", {**data, "plate": self._plate(), "evidence": []})

    def first(self) -> Made:
        """A sensor that is well: by it the collector learns of the edge."""
        return self._sensor(0, alarm=False)

    def _fall(self, number: int) -> Made:
        picture = _picture(number)
        sha256 = hashlib.sha256(picture).hexdigest()
        proof = {"sha256": sha256, "role": "snapshot", "media_type": "image/jpeg", "size_bytes": len(picture)}
        floor = 3 + number % 25
        path = [{"t_s": step / 10, "x": 0.5, "y": 0.1 + step * step / 200} for step in range(12)]
        data = {
            "camera": "tower", "certainty": "confirmed", "confidence": 0.95, "hypothesis": "free_fall", "path": path,
            "duration_s": 1.1, "origin": path[0], "origin_cell": f"n{number}",
            "origin_floor": {"value": floor + 0.4, "low": floor + 0.1, "high": floor + 0.8},
            "origin_column": {"value": 3.2, "low": 3.0, "high": 3.5}, "acceleration_g": 0.98, "speed_mps": 12.0,
            "size_px": 6.0, "why": "fits free fall at 0.98 g over 12 frames", "evidence": [proof],
        }  # fmt: skip
        made = self._event(EventType.FALLING_OBJECT, "tower", data)
        return Made(made.topic, made.payload, made.event_id, picture, sha256)

    def _sensor(self, number: int, *, alarm: bool) -> Made:
        sensor = f"smoke-{number}"
        return self._event(EventType.SENSOR, sensor, {"sensor": sensor, "kind": "smoke", "alarm": alarm})

    def _hit(self, number: int) -> Made:
        data = {"camera": "lane-1", "passage_id": uuid4().hex[:12], "list_id": "watchlist", "entry_id": f"w-{number}"}
        return self._event(
            EventType.WATCHLIST_HIT, "lane-1", {**data, "rule": "exact", "plate": self._plate(), "seen_at": _now()}
        )

    def _plate(self) -> dict[str, Any]:
        letter, number = self._random.choice("ABCDEFGH"), self._random.randrange(100_000)
        text = f"{self._random.choice(_PROVINCES)}{letter}{number:05d}"
        return {"text": text, "kind": "small_blue", "colour": "blue", "confidence": 0.97}

    def _event(self, kind: EventType, source: str, data: dict[str, Any]) -> Made:
        event_id = str(uuid4())
        envelope = {
            "specversion": "1.0", "id": event_id, "source": f"/{SITE}/{EDGE}/{source}", "type": f"watchpost.{kind}.v1",
            "time": _now(), "datacontenttype": "application/json", "site": SITE, "edge": EDGE,
            "outboxid": str(self.outbox_id), "sequence": next(self._numbers), "data": data,
        }  # fmt: skip
        topic = EdgeTopics(SITE, EDGE).event(kind, source)
        return Made(topic, json.dumps(envelope, ensure_ascii=False), event_id)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _picture(number: int) -> bytes:
    """1080p with the detail of a real facade, so that it costs what a real one costs."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(60, 190, (27, 48, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, _PICTURE[::-1], interpolation=cv2.INTER_NEAREST)
    picture += rng.integers(0, 12, picture.shape, dtype=np.uint8)
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise RuntimeError("OpenCV has made no JPEG")
    return bytes(encoded)
