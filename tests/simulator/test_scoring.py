"""The judge must be right before its verdicts count: found, missed, false, duplicate, lost, exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from contract.envelope import Envelope
from simulator.scoring import Played, score_delivery, score_falls, score_passages
from simulator.truth import FallTruth, PassageTruth, TruthRecord

START = datetime(2026, 11, 1, 8, tzinfo=UTC)


def fall(at_s: float, x: float = 0.5, floor: int = 9) -> FallTruth:
    path = tuple((at_s + i * 0.1, x, 0.1 + 0.008 * i * i) for i in range(10))
    return FallTruth(
        id=f"fall-{at_s}", t_release_s=at_s, t_first_s=at_s, t_last_s=at_s + 0.9, origin_floor=floor, origin_column=2,
        object="bottle", size_px=8, path=path,
    )  # fmt: skip


def passage(at_s: float, plate: str) -> PassageTruth:
    return PassageTruth(
        id=f"passage-{at_s}", plate=plate, plate_kind="small_blue", colour="blue", t_first_s=at_s, t_last_s=at_s + 3,
        direction="approaching", lane="1", plate_px_min=60, plate_px_max=150,
    )  # fmt: skip


def played(*records: TruthRecord) -> Played:
    return Played("cam", START, records)


def envelope(kind: str, at_s: float, data: dict[str, Any]) -> Envelope:
    return Envelope(
        id=uuid4(), source="/demo/edge-1/cam", type=f"watchpost.{kind}.v1", time=START + timedelta(seconds=at_s),
        site="demo", edge="edge-1", outboxid=uuid4(), sequence=1, data={"camera": "cam", **data},
    )  # fmt: skip


def fall_event(at_s: float, x: float = 0.5, floor: float | None = 9.3, certainty: str = "confirmed") -> Envelope:
    path = [{"t_s": i * 0.1, "x": x, "y": 0.1 + 0.008 * i * i} for i in range(10)]
    data = {
        "certainty": certainty, "confidence": 0.9, "hypothesis": "free_fall", "path": path, "duration_s": 0.9,
        "origin": path[0], "size_px": 8, "why": "test",
        "origin_floor": None if floor is None else {"value": floor, "low": floor - 1, "high": floor + 1},
    }  # fmt: skip
    return envelope("falling_object", at_s, data)


def passage_event(at_s: float, text: str, stage: str = "final", readable: bool = True) -> Envelope:
    read = {"text": text, "kind": "small_blue", "colour": "blue", "confidence": 0.9}
    data = {
        "passage_id": str(uuid4()), "stage": stage, "readable": readable, "plate": read if readable else None,
        "first_seen": START + timedelta(seconds=at_s), "last_seen": START + timedelta(seconds=at_s + 2),
        "frames_read": 5,
    }  # fmt: skip
    return envelope("plate_passage", at_s, data)


def test_a_fall_is_found_once_and_its_floor_judged() -> None:
    count, matches = score_falls(played(fall(10), fall(20, floor=4)), [fall_event(10.05), fall_event(20, floor=9.9)])
    assert (count.true, count.found, count.missed, count.false, count.duplicate) == (2, 2, 0, 0, 0)
    assert count.floor_within_1 == 1
    assert len(matches) == 2


def test_a_second_event_for_the_same_fall_is_a_duplicate() -> None:
    count, _ = score_falls(played(fall(10)), [fall_event(10), fall_event(10.2)])
    assert (count.found, count.duplicate, count.false) == (1, 1, 0)


@pytest.mark.parametrize("event", [fall_event(14), fall_event(10, x=0.9)], ids=["another time", "another place"])
def test_an_event_beside_the_fall_is_false_and_the_fall_missed(event: Envelope) -> None:
    count, matches = score_falls(played(fall(10)), [event])
    assert (count.found, count.missed, count.false, matches) == (0, 1, 1, [])


def test_two_falls_at_once_are_two_findings() -> None:
    count, _ = score_falls(played(fall(10, x=0.2), fall(10, x=0.8)), [fall_event(10, x=0.8), fall_event(10, x=0.2)])
    assert (count.found, count.false, count.duplicate) == (2, 0, 0)


def test_events_of_another_camera_do_not_count() -> None:
    stranger = fall_event(10).model_copy(update={"data": {**fall_event(10).data, "camera": "other"}})
    count, _ = score_falls(played(fall(10)), [stranger])
    assert (count.found, count.false) == (0, 0)


def test_passages_count_by_their_final_reading() -> None:
    truth = played(passage(5, "京A12345"), passage(6, "沪B67890"))
    events = [
        passage_event(5, "京A12845", stage="provisional"),
        passage_event(5, "京A12345"),
        passage_event(6.5, "沪B67B90"),
    ]
    count, matches = score_passages(truth, events)
    assert (count.true, count.found, count.exact, count.false, count.duplicate) == (2, 2, 1, 0, 0)
    assert [match.truth.id for match in matches] == ["passage-5", "passage-6"]


def test_an_unreadable_passage_is_found_but_not_exact_and_an_invented_one_is_false() -> None:
    count, _ = score_passages(
        played(passage(5, "京A12345")), [passage_event(5, "", readable=False), passage_event(30, "粤Z99999")]
    )
    assert (count.found, count.exact, count.false) == (1, 0, 1)


def test_the_same_vehicle_reported_as_two_passages_is_a_duplicate() -> None:
    count, _ = score_passages(
        played(passage(5, "京A12345")), [passage_event(5, "京A12345"), passage_event(7, "京A12345")]
    )
    assert (count.found, count.exact, count.duplicate) == (1, 1, 1)


def test_delivery_counts_what_the_collector_lacks_or_has_twice() -> None:
    held = [fall_event(1), fall_event(2)]
    sent = {str(held[0].id): 1, str(held[1].id): 2, "missing": 3}
    delivery = score_delivery(sent, [*held, held[0]], [0.1, 0.2, 0.3, 0.4])
    assert (delivery.sent, delivery.lost, delivery.duplicated) == (3, 1, 1)
    assert delivery.delay_quantile(50) == pytest.approx(0.25)
