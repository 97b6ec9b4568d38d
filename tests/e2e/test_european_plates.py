"""Another region through the same path: rendered European traffic, the same detector, its own reader and grammar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import cv2
import numpy as np
import pytest

from contract.events import PlatePassageData
from edge.inference import ModelStore
from edge.plates.analyzer import PlatesAnalyzer
from edge.plates.grammar import EUROPE
from edge.plates.settings import PlatesSettings
from edge.types import Finding, Frame
from simulator.scenes import CameraSpec, Scene, build_scene
from simulator.truth import PassageTruth

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
LOOKS = ["d", "f", "e", "nl", "pl", "gb_rear"]


def frames(scene: Scene) -> list[Frame]:
    """Every frame, its picture through JPEG as a stand-in for the encoder."""
    seen = []
    for index in range(scene.frame_count):
        packed = cv2.imencode(".jpg", scene.frame(index), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        time_s = index / scene.fps
        luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        at = START + timedelta(seconds=time_s)
        seen.append(Frame("gate", index, time_s, at, luma, lambda picture=picture: picture))
    return seen


@pytest.mark.e2e
def test_european_traffic_is_read_with_its_own_reader() -> None:
    options = {"region": "eu", "plate_kinds": LOOKS}
    scene = build_scene(CameraSpec(id="gate", scene="checkpoint", fps=12.5, duration_s=7.2, options=options), 4)
    settings = PlatesSettings.model_validate(scene.installation()["plates"])
    assert settings.region == "eu"
    numbers, models = count(1), ModelStore()
    analyzer = PlatesAnalyzer("gate", settings, models, new_id=lambda: f"p{next(numbers)}")
    found: list[Finding] = []
    for frame in frames(scene):
        found += analyzer.observe(frame)
    found += analyzer.finish()
    assert {info.name for info in models.infos()} == {"plate_detect", "plate_read_eu"}
    told = [finding.data.plate for finding in found if isinstance(finding.data, PlatePassageData)]
    assert all(plate is not None and plate.region == "eu" for plate in told)
    read = {plate.text for plate in told if plate is not None and plate.text}
    assert all(EUROPE.admits(text) for text in read)
    truth = {record.plate for record in scene.truth() if isinstance(record, PassageTruth)}
    assert len(truth) >= 2
    assert len(read & truth) >= len(truth) - 1
