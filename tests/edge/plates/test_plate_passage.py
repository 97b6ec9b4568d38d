"""One vehicle is one passage: following by corners, voting per character, when to read, what proves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest
from pydantic import ValidationError

from edge.plates.decoding import CharacterBelief, Reading
from edge.plates.finding import Telling, make_finding
from edge.plates.grammar import CHINA
from edge.plates.passage import Passage, PassageTracker, PlateEvidence, Sighting
from edge.plates.settings import Lane, PlatesSettings
from edge.plates.vote import PlateVote
from edge.plates.zones import inside
from edge.types import Finding

START = datetime(2026, 5, 1, 8, tzinfo=UTC)
SIZE = (1280, 720)
BLUE = CHINA.kinds[0]


def sighting(time_s: float, x: float, y: float, width: float = 100) -> Sighting:
    """A plate whose centre is at (x, y)."""
    half, high = width / 2, width * 0.16
    corners = np.array([[x - half, y - high], [x + half, y - high], [x + half, y + high], [x - half, y + high]])
    return Sighting(time_s, START + timedelta(seconds=time_s), corners.astype(np.float32), 0.9)


def reading(text: str, sure: float = 0.9, doubts: dict[int, tuple[str, float]] | None = None) -> Reading:
    """A reading of a blue plate; `doubts` gives a place another character with its share."""
    doubts = doubts or {}
    beliefs = []
    for place, character in enumerate(text):
        other = doubts.get(place)
        ranked = ((character, 0.99),) if other is None else ((character, 1 - other[1]), other)
        beliefs.append(CharacterBelief(ranked))
    return Reading(text, BLUE, sure, tuple(beliefs))


def evidence(at: Sighting, read: Reading, shade: int = 0) -> PlateEvidence:
    frame = np.full((720, 1280, 3), shade, np.uint8)
    return PlateEvidence(frame, frame[:40, :120], at, read, "blue")


def tracker(**changes: object) -> PassageTracker:
    numbers = count(1)
    return PassageTracker(PlatesSettings(**changes), CHINA, lambda: f"p{next(numbers)}")  # type: ignore[arg-type]


def test_two_vehicles_side_by_side_stay_two() -> None:
    tracked = tracker()
    ids: list[set[str]] = [set(), set()]
    for step in range(20):
        t = step * 0.1
        seen = [
            sighting(t, 300 - step, 100 + 22 * step, 60 + 3 * step),
            sighting(t, 800, 60 + 25 * step, 55 + 3 * step),
        ]
        for passage, found in tracked.follow(seen[:: 1 if step % 2 else -1], SIZE):
            ids[0 if found.centre[0] < 500 else 1].add(passage.id)
    assert [len(group) for group in ids] == [1, 1]
    assert ids[0] != ids[1]


def test_a_vehicle_that_leaves_is_closed_after_its_time() -> None:
    tracked = tracker(leave_after_s=1.0)
    for step in range(10):
        tracked.follow([sighting(step * 0.1, 500, 100 + 30 * step, 60 + 4 * step)], SIZE)
    assert tracked.close_left(1.5) == []
    [left] = tracked.close_left(2.0)
    assert left.direction == "approaching"
    assert tracked.open == []


def test_a_vehicle_that_was_lost_amid_the_picture_goes_on_as_the_same_passage() -> None:
    settings = PlatesSettings()
    tracked = tracker()
    for step in range(3):
        [(early, seen)] = tracked.follow([sighting(step * 0.1, 500, 100 + 2 * step, 60)], SIZE)
        early.take(evidence(seen, reading("京A12345", sure=0.5 + 0.1 * step), shade=10), settings)
    assert tracked.close_left(4.0) == []
    for step in range(3):
        [(late, seen)] = tracked.follow([sighting(4.1 + step * 0.1, 520, 400 + 30 * step, 140)], SIZE)
        late.take(evidence(seen, reading("京A12345", sure=0.95), shade=200), settings)
    assert late is not early
    joined = tracked.rejoin(late)
    assert joined is early
    assert tracked.open == [early]
    assert early.vote.verdict().agreeing == 6
    assert early.last is seen
    assert early.direction == "approaching"
    proof = early.evidence("京A12345")
    assert proof is not None
    assert proof.frame[0, 0, 0] == 200
    assert tracked.close_left(20.0) == [early]


def test_a_plate_that_was_read_once_and_is_not_seen_is_searched_where_it_should_be() -> None:
    settings = PlatesSettings()
    tracked = tracker()
    for step in range(2):
        [(passage, seen)] = tracked.follow([sighting(step * 0.1, 500, 100 + 20 * step, 60)], SIZE)
    assert not passage.missed(0.2, settings), "never read: nobody knows that it is a plate"
    passage.take(evidence(seen, reading("京A12345", sure=0.7)), settings)
    assert not passage.missed(0.1, settings), "seen just now"
    assert passage.missed(0.2, settings)
    assert passage.place(0.2).mean(0) == pytest.approx((500, 140))
    assert not passage.missed(1.5, settings), "gone"
    for _ in range(4):
        passage.take(evidence(seen, reading("京A12345", sure=0.99)), settings)
    assert not passage.missed(0.2, settings), "known by now"


def test_two_plates_seen_at_the_same_time_never_become_one_passage() -> None:
    settings = PlatesSettings()
    tracked = tracker()
    for step in range(3):
        for passage, seen in tracked.follow(
            [sighting(step * 0.1, 300, 100 + 9 * step), sighting(step * 0.1, 900, 100 + 9 * step)], SIZE
        ):
            passage.take(evidence(seen, reading("京A12345")), settings)
    first, second = tracked.open
    assert tracked.rejoin(second) is second
    assert tracked.open == [first, second]


def test_a_vehicle_that_was_lost_long_ago_is_not_followed_only_known_by_its_plate() -> None:
    settings = PlatesSettings()
    tracked = tracker()
    for step in range(3):
        [(lost, seen)] = tracked.follow([sighting(step * 0.1, 500, 100, 60)], SIZE)
        lost.take(evidence(seen, reading("京A12345")), settings)
    [(other, seen)] = tracked.follow([sighting(3.5, 500, 100, 60)], SIZE)
    assert other is not lost
    other.take(evidence(seen, reading("京A99999")), settings)
    assert tracked.rejoin(other) is other
    assert lost.vote.verdict().agreeing == 3


@pytest.mark.parametrize(("speed", "seconds"), [(40, 2.2), (4, 5.0), (-4, 2.2)])
def test_only_what_was_coming_and_is_still_in_view_is_waited_for_longer(speed: float, seconds: float) -> None:
    settings = PlatesSettings()
    tracked = tracker()
    for step in range(6):
        at = sighting(step * 0.1, 640, 400 + speed * step, 100 + 0.6 * speed * step)
        [(passage, seen)] = tracked.follow([at], SIZE)
        passage.take(evidence(seen, reading("京A12345")), settings)
    assert tracked.close_left(0.5 + seconds - 0.05) == []
    assert tracked.close_left(0.5 + seconds + 0.05) == [passage]


@pytest.mark.parametrize(("widths", "said"), [((73, 67), "unknown"), ((73, 50), "leaving"), ((60, 67), "approaching")])
def test_a_plate_that_sinks_and_seems_a_little_smaller_is_not_said_to_leave(
    widths: tuple[float, float], said: str
) -> None:
    tracked = tracker()
    for step, width in enumerate(widths):
        [(passage, _)] = tracked.follow([sighting(step * 0.1, 600, 77 + 27 * step, width)], SIZE)
    assert passage.direction == said


def test_a_plate_found_by_a_second_look_is_not_given_to_one_that_the_first_has_seen() -> None:
    tracked = tracker()
    [(first, _)] = tracked.follow([sighting(0.0, 400, 300)], SIZE)
    tracked.follow([sighting(0.1, 400, 300)], SIZE)
    [(second, _)] = tracked.follow([sighting(0.1, 480, 300)], SIZE)
    assert second is not first
    assert first.last.centre == pytest.approx((400, 300))


def test_a_vehicle_that_drives_away_is_leaving() -> None:
    tracked = tracker()
    for step in range(10):
        [(passage, _)] = tracked.follow([sighting(step * 0.1, 500, 600 - 30 * step, 120 - 5 * step)], SIZE)
    assert passage.direction == "leaving"


def test_a_standing_vehicle_is_read_ever_more_rarely_and_kept_longer() -> None:
    settings = PlatesSettings(leave_after_s=1.0, stand_leave_after_s=30)
    tracked = PassageTracker(settings, CHINA, lambda: "p")
    times = []
    for step in range(1201):
        at = sighting(step * 0.5, 500, 300)
        [(passage, seen)] = tracked.follow([at], SIZE)
        if passage.wants_read(seen, settings):
            passage.take(evidence(seen, reading("京A12345")), settings)
            times.append(at.time_s)
    assert 4 < len(times) < 20
    gaps = np.diff(times)
    assert gaps[-1] > 60
    assert passage.stands
    assert passage.direction == "unknown"
    assert tracked.close_left(620) == []
    assert len(tracked.close_left(632)) == 1


def test_a_moving_vehicle_is_read_a_bounded_number_of_times() -> None:
    settings = PlatesSettings(reads_per_passage=6)
    tracked = PassageTracker(settings, CHINA, lambda: "p")
    reads = 0
    for step in range(200):
        [(passage, seen)] = tracked.follow([sighting(step * 0.04, 200 + 4 * step, 300)], SIZE)
        if passage.wants_read(seen, settings):
            passage.take(evidence(seen, reading("京A1234" + "56789"[step % 5])), settings)
            reads += 1
    assert reads == 6


def test_a_small_plate_is_not_read() -> None:
    [(passage, seen)] = tracker().follow([sighting(0, 300, 300, 40)], SIZE)
    assert not passage.wants_read(seen, PlatesSettings(min_plate_width_px=48))


def test_votes_weigh_by_probability() -> None:
    vote = PlateVote(CHINA)
    for _ in range(3):
        vote.add(reading("京A12385", sure=0.1, doubts={5: ("3", 0.45)}))
    vote.add(reading("京A12335", sure=0.95, doubts={5: ("8", 0.02)}))
    verdict = vote.verdict()
    assert verdict.text == "京A12335"
    assert verdict.agreeing == 1
    assert verdict.characters[5].character == "3"
    assert verdict.characters[5].ranked[1][0] == "8"
    assert verdict.alternatives[0][0] == "京A12385"


def test_the_vote_joins_the_sure_halves_of_two_readings() -> None:
    vote = PlateVote(CHINA)
    vote.add(reading("京A18345", doubts={2: ("1", 0.0), 3: ("2", 0.49)}))
    vote.add(reading("京A12346", doubts={6: ("5", 0.49)}))
    assert vote.verdict().text == "京A12345"


def test_agreeing_readings_make_it_surer() -> None:
    vote = PlateVote(CHINA)
    vote.add(reading("京A12345", sure=0.6))
    once = vote.verdict().confidence
    vote.add(reading("京A12345", sure=0.6))
    assert vote.verdict().confidence > once
    assert vote.verdict().agreeing == 2


def test_unreadable_readings_leave_their_alternatives() -> None:
    vote = PlateVote(CHINA)
    vote.add(Reading("", None, 0.4, (), (("京A1234", 0.4),)))
    verdict = vote.verdict()
    assert verdict.text == ""
    assert verdict.kind is None
    assert verdict.alternatives == (("京A1234", 0.4),)


def test_another_plate_at_the_expected_place_is_noticed() -> None:
    settings = PlatesSettings()
    [(passage, seen)] = tracker().follow([sighting(0, 300, 300)], SIZE)
    passage.take(evidence(seen, reading("京A12345")), settings)
    passage.take(evidence(seen, reading("京A12345")), settings)
    assert passage.contradicts(reading("沪B98760"))
    assert not passage.contradicts(reading("京A12335"))
    assert not passage.contradicts(reading("沪B98760", sure=0.2))
    assert not passage.contradicts(reading("12345")), "the same plate without its left end is no other vehicle"


@pytest.mark.parametrize("other", ["京A12378", "京A12346"])
def test_after_a_while_out_of_sight_a_plate_that_has_much_in_common_is_another_when_it_is_read_twice(
    other: str,
) -> None:
    settings = PlatesSettings()
    tracked = tracker()
    for step in range(2):
        [(passage, seen)] = tracked.follow([sighting(step * 0.1, 300, 300)], SIZE)
        passage.take(evidence(seen, reading("京A12345", 0.99)), settings)
    assert not passage.doubts(evidence(seen, reading(other, 0.99))), "seen all the time, it is misread"
    [(again, seen)] = tracked.follow([sighting(2.0, 300, 300)], SIZE)
    assert again is passage
    assert passage.wants_read(seen, settings), "whatever was read before"
    assert not passage.contradicts(reading(other, 0.99))
    assert passage.doubts(evidence(seen, reading(other, 0.99))), "the next one decides"
    assert passage.contradicts(reading(other, 0.99))
    assert not passage.contradicts(reading("京A12399", 0.99)), "two texts that also contradict each other"
    [waited] = passage.read_before(evidence(seen, reading(other, 0.99)))
    assert waited.reading.text == other
    assert passage.read_before(evidence(seen, reading("沪B98760", 0.99))) == [], (
        "a third plate has none of its readings"
    )
    passage.give_up_last()
    assert passage.last.time_s == pytest.approx(0.1), "the other vehicle's time is none of its own"


def test_after_a_while_out_of_sight_the_same_plate_read_again_is_the_same_vehicle() -> None:
    settings = PlatesSettings()
    tracked = tracker()
    for time_s in (0.0, 0.1, 2.0):
        [(passage, seen)] = tracked.follow([sighting(time_s, 300, 300)], SIZE)
        if time_s < 1:
            passage.take(evidence(seen, reading("京A12345", 0.99)), settings)
    assert not passage.doubts(evidence(seen, reading("京A1234S", 0.99))), "a look-alike is a poor reading"
    assert not passage.doubts(evidence(seen, reading("京A12378", 0.6))), "neither is what is not sure"
    assert not passage.doubts(evidence(seen, reading("京A12345", 0.99)))
    assert not passage.doubts(evidence(seen, reading("京A12378", 0.99))), "it has shown itself"
    [(passage, seen)] = tracked.follow([sighting(4.0, 300, 300)], SIZE)
    for _ in range(8):
        passage.refuse(seen, settings)
    assert not passage.wants_read(seen, settings), "not for ever"


def test_of_a_vehicle_that_is_read_for_weeks_the_surest_readings_are_kept() -> None:
    vote = PlateVote(CHINA)
    for step in range(500):
        vote.add(reading("京A12345", 0.99) if step < 60 else reading("京A12335", 0.3))
        vote.add(Reading("", None, 0.0, (), ((f"京A{step:05}", 0.1),)))
    assert vote.verdict().text == "京A12345"
    assert vote.count == 1000
    assert len(vote._readings) == len(vote._refused) == 60


def test_evidence_is_a_frame_on_which_the_final_text_was_read() -> None:
    settings = PlatesSettings()
    [(passage, seen)] = tracker().follow([sighting(0, 300, 300)], SIZE)
    passage.take(evidence(seen, reading("京A12335", sure=0.97), shade=1), settings)
    passage.take(evidence(seen, reading("京A12345", sure=0.9), shade=2), settings)
    verdict = passage.take(evidence(seen, reading("京A12345", sure=0.8), shade=3), settings)
    assert verdict.text == "京A12345"
    proof = passage.evidence(verdict.text)
    assert proof is not None
    assert proof.frame[0, 0, 0] == 2
    assert len(passage.proofs) == 2


def test_a_standing_vehicle_keeps_one_picture() -> None:
    settings = PlatesSettings()
    tracked = tracker()
    for step in range(20):
        [(passage, seen)] = tracked.follow([sighting(step * 0.2, 500, 300)], SIZE)
        if step in {0, 1, 2, 19}:
            text = "京A12335" if step == 1 else "京A12345"
            passage.take(evidence(seen, reading(text, sure=0.8), shade=step), settings)
        assert len(passage.proofs) == (1 if step in {0, 19} else 2)
    proof = passage.evidence("京A12345")
    assert proof is not None
    assert proof.frame[0, 0, 0] == 0, "of equally good ones the first"


def _finding_of(passage: Passage, *, readable: bool) -> Finding:
    span = (passage.first.time_s, passage.last.time_s)
    told = Telling("final", "CN", readable=readable, clip=True, span=span)
    return make_finding("gate", passage, passage.vote.verdict(), START, told)


def test_a_finding_says_what_was_read_and_where() -> None:
    settings = PlatesSettings(lanes=(Lane(name="in", polygon=((0, 0), (0.5, 0), (0.5, 1), (0, 1))),))
    tracked = PassageTracker(settings, CHINA, lambda: "p7")
    for step in range(5):
        [(passage, seen)] = tracked.follow([sighting(step * 0.1, 320, 200 + 10 * step, 90 + 5 * step)], SIZE)
        passage.take(evidence(seen, reading("京A12345")), settings)
    found = _finding_of(passage, readable=True)
    data = found.data.model_dump(mode="json")
    assert data["passage_id"] == "p7"
    assert data["lane"] == "in"
    assert data["direction"] == "approaching"
    assert data["plate"]["text"] == "京A12345"
    assert data["plate"]["kind"] == "small_blue"
    assert data["plate"]["colour"] == "blue"
    assert len(data["plate"]["characters"]) == 7
    assert data["frames_read"] == 5
    assert data["corners"][0] == pytest.approx([(320 - 55) / 1280, (240 - 110 * 0.16) / 720], abs=1e-3)
    assert [picture.role for picture in found.pictures] == ["snapshot", "plate"]
    assert found.wants_clip
    assert found.ended_s == pytest.approx(0.4)


def test_an_unreadable_passage_invents_nothing() -> None:
    [(passage, seen)] = tracker().follow([sighting(0, 300, 300)], SIZE)
    passage.take(evidence(seen, Reading("", None, 0.3, (), (("京A1234", 0.3),))), PlatesSettings())
    plate = _finding_of(passage, readable=False).data.model_dump()["plate"]
    assert plate["text"] == ""
    assert plate["alternatives"] == (("京A1234", 0.3),)
    assert plate["characters"] == ()


def test_nothing_read_is_nothing_to_tell() -> None:
    [(passage, _)] = tracker().follow([sighting(0, 300, 300)], SIZE)
    with pytest.raises(ValueError, match="nothing was read"):
        _finding_of(passage, readable=False)


@pytest.mark.parametrize(("point", "within"), [((0.5, 0.5), True), ((0.9, 0.1), False), ((0.05, 0.95), False)])
def test_inside(point: tuple[float, float], within: bool) -> None:
    assert inside(((0.1, 0.2), (0.8, 0.2), (0.8, 0.9), (0.1, 0.9)), point) is within


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"region": "XX"}, "there are: CN"),
        ({"zone": [[0, 0], [1, 1]]}, "at least 3"),
        ({"zone": [[0, 0], [1, 1], [2, 0]]}, "less than or equal to 1"),
        ({"lanes": [{"name": "a", "polygon": [[0, 0], [1, 0], [1, 1]]}] * 2}, "lane name used twice: a"),
        ({"lane": []}, "Extra inputs"),
        ({"reads_per_passage": 1}, "greater than or equal to 2"),
    ],
)
def test_settings_say_what_is_wrong(bad: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        PlatesSettings.model_validate(bad)


def test_a_region_may_be_written_in_any_case() -> None:
    assert PlatesSettings(region="EU").region == "eu"
    assert PlatesSettings(region="cn").region == "CN"


def test_every_setting_is_described_and_has_a_default() -> None:
    PlatesSettings()
    assert all(field.description for field in PlatesSettings.model_fields.values())
