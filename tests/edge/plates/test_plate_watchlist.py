"""The watch list on the edge: what matches, what is told once, what is refused, and what waits for the key."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.commands import Watchlist, WatchlistEntry
from contract.events import ConfusedCharacter, PlateRead
from contract.plate_keys import PlateKey
from edge.errors import OutboxError
from edge.plates.watchlist import WatchBook, WatchedRead

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
KEY = PlateKey(bytes(range(32)))
OTHER_KEY = PlateKey(bytes(range(1, 33)))


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> float:
        return self.at.timestamp()

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def entry(plate: str, name: str | None = None, key: PlateKey = KEY, **changes: object) -> WatchlistEntry:
    hashes = {"exact": key.digest("exact", plate), "folded": key.digest("folded", plate)}
    fields = {"entry_id": name or plate[1:], "expires": NOW + timedelta(days=1), **hashes}
    return WatchlistEntry.model_validate(fields | changes)


def make_list(*entries: WatchlistEntry, revision: int = 1, key: PlateKey = KEY, list_id: str = "stolen") -> bytes:
    found = Watchlist(list_id=list_id, revision=revision, key_id=key.key_id, entries=entries)
    return found.model_dump_json().encode()


def read(text: str, passage: str = "p1") -> WatchedRead:
    plate = PlateRead(text=text, kind="small_blue", colour="blue", confidence=0.97)
    return WatchedRead("gate", passage, plate, NOW)


def put_key(folder: Path, key: PlateKey = KEY, mode: int = 0o600) -> Path:
    path = folder / "list.key"
    path.unlink(missing_ok=True)
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_text(key.secret.hex() + "\n")
    return path


MakeBook = Callable[..., WatchBook]


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def make_book(tmp_path: Path, hands: Hands) -> MakeBook:
    """A book on the same folder each time, as after a restart."""

    def make(*lists: bytes, key: PlateKey | None = KEY) -> WatchBook:
        if key is not None:
            put_key(tmp_path, key)
        book = WatchBook(tmp_path, tmp_path / "list.key", hands)
        for one in lists:
            book.take(one)
        return book

    return make


def test_a_listed_plate_is_hit_exactly_and_told_once(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("京A12345", "theft-7"), entry("沪B99999"), revision=4))
    [hit] = book.hits(read("京A12345"))
    assert (hit.list_id, hit.list_revision, hit.entry_id, hit.rule) == ("stolen", 4, "theft-7", "exact")
    assert (hit.camera, hit.passage_id, hit.plate.text, hit.seen_at) == ("gate", "p1", "京A12345", NOW)
    assert hit.confused == ()
    assert not hit.late
    assert not book.hits(read("京A12345"))
    assert len(book.hits(read("京A12345", "p2"))) == 1
    assert not book.hits(read("京A54321", "p3"))
    assert book.problems == ()


def test_a_plate_that_looks_like_a_listed_one_says_which_characters(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("京AD8Q77", "x")))
    [hit] = book.hits(read("京A0B077"))
    assert hit.rule == "confusable"
    assert [(one.place, one.read, one.listed) for one in hit.confused] == [(3, "0", "D"), (4, "B", "8"), (5, "0", "Q")]
    assert hit.confused[0] == ConfusedCharacter(place=3, read="0", listed="D")


def test_more_look_alikes_than_are_tried_are_a_hit_all_the_same(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("京AD8QSZ", "x")))
    [hit] = book.hits(read("京A0B052"))
    assert (hit.rule, hit.confused) == ("confusable", ())


def test_one_plate_may_hit_one_entry_exactly_and_another_by_likeness(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("京A00001", "zero"), entry("京AD0001", "letter")))
    assert {(hit.entry_id, hit.rule) for hit in book.hits(read("京A00001"))} == {
        ("zero", "exact"),
        ("letter", "confusable"),
    }


def test_a_plate_that_stands_in_many_entries_does_not_hold_up_the_camera(make_book: MakeBook) -> None:
    alike = [entry("京AD0001", f"alike-{number}") for number in range(1000)]
    book = make_book(make_list(*(entry("京A00001", f"same-{number}") for number in range(1000)), *alike))
    begun = time.process_time()
    found = book.hits(read("京A00001"))
    assert time.process_time() - begun < 1.0
    assert len(found) == 2000
    assert [one.listed for one in found[-1].confused] == ["D"]


def test_a_list_that_would_fill_the_memory_is_refused(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("京A12345")))
    book.take(make_list(entry("沪B99999"), revision=2).replace(b'"entries":[', b'"entries":[' + b" " * 32_000_000))
    [problem] = book.problems
    assert "32 MB, more than 32" in problem
    assert len(book.hits(read("京A12345"))) == 1


def test_what_a_refused_list_holds_does_not_fill_log_and_health(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("京A12345")))
    good = make_list(entry("沪B99999"), revision=2)
    for bad in (good.replace(KEY.key_id.encode(), b"k" * 100_000), b'{"' + b"k" * 100_000 + b'":1,' + good[1:]):
        book.take(bad)
        assert len(book.problems) == 1
        assert len(book.problems[0]) < 500


def test_an_entry_counts_from_its_start_until_it_expires_by_the_wall_clock(make_book: MakeBook, hands: Hands) -> None:
    later, end = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    book = make_book(make_list(entry("京A12345", starts=later, expires=end)))
    assert not book.hits(read("京A12345", "early"))
    hands.at = later
    assert len(book.hits(read("京A12345", "now"))) == 1
    hands.at = end
    assert not book.hits(read("京A12345", "late"))


def test_a_corrected_text_adds_a_hit_and_withdraws_the_one_it_does_not_bear_out(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("京A12345", "first"), entry("京A12346", "second")))
    assert [hit.entry_id for hit in book.hits(read("京A12345"))] == ["first"]
    assert [hit.entry_id for hit in book.hits(read("京A12346"))] == ["second"]
    assert book.close("p1", "京A12346") == ("first",)
    assert book.close("p1", "京A12346") == (), "a passage is closed once"
    book.hits(read("京A12345", "p2"))
    assert book.close("p2", "京A12345") == ()
    book.hits(read("京A12345", "p3"))
    assert book.close("p3", "") == ("first",), "unreadable in the end"


def test_the_list_survives_a_restart_and_so_does_the_removal_of_an_entry(make_book: MakeBook) -> None:
    make_book(make_list(entry("京A12345"), entry("沪B99999")))
    again = make_book()
    assert len(again.hits(read("京A12345"))) == 1
    again.take(make_list(entry("沪B99999"), revision=2))
    assert not again.hits(read("京A12345", "p2"))
    assert not make_book().hits(read("京A12345", "p3"))


def test_a_bad_list_is_refused_and_told_and_the_good_one_stays(
    make_book: MakeBook, caplog: pytest.LogCaptureFixture
) -> None:
    book = make_book(make_list(entry("京A12345")))
    bad = make_list(entry("京A12345"), revision=2).replace(b'"exact":"', b'"exact":"zz')
    with caplog.at_level(logging.WARNING):
        book.take(bad)
    [problem] = book.problems
    assert "watch list refused" in problem
    assert "entries.0.exact" in problem
    assert problem in caplog.text
    assert len(book.hits(read("京A12345"))) == 1
    book.take(make_list(entry("沪B99999"), revision=3))
    assert book.problems == ()


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "cleared at the broker"),
        (b"[]", "watch list refused"),
        (b"\xff", "watch list refused"),
        (make_list(revision=4), "revision 5 is here; publish it with a higher revision"),
        (make_list(revision=5), "higher revision"),
    ],
)
def test_what_cannot_replace_the_list_says_why(make_book: MakeBook, payload: bytes, words: str) -> None:
    good = make_list(entry("京A12345"), revision=5)
    book = make_book(good, payload)
    [problem] = book.problems
    assert words in problem
    assert len(book.hits(read("京A12345"))) == 1
    book.take(good)
    assert book.problems == (), "the broker gives the good one again"


def test_another_list_may_begin_at_one(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("京A12345"), revision=5), make_list(entry("沪B99999"), list_id="debts"))
    assert book.problems == ()
    assert [hit.list_id for hit in book.hits(read("沪B99999"))] == ["debts"]


def test_a_list_of_another_key_is_told_and_the_one_that_fits_stays_over_a_restart(
    make_book: MakeBook, tmp_path: Path
) -> None:
    strange = make_list(entry("沪B99999", key=OTHER_KEY), revision=2, key=OTHER_KEY)
    book = make_book(make_list(entry("京A12345")), strange)
    for one in (book, make_book()):
        [problem] = one.problems
        assert OTHER_KEY.key_id in problem
        assert KEY.key_id in problem
        assert "revision 1 stays" in problem
        assert len(one.hits(read("京A12345"))) == 1
    put_key(tmp_path, OTHER_KEY)
    book.look_for_key()
    assert book.problems == ()
    assert [hit.list_revision for hit in book.hits(read("沪B99999", "p2"))] == [2]


def test_reads_wait_for_the_key_and_are_matched_late(make_book: MakeBook, tmp_path: Path) -> None:
    book = make_book(make_list(entry("京A12345")), key=None)
    [problem] = book.problems
    assert "list.key yet; plates wait" in problem
    assert not book.hits(read("京A12345"))
    assert not book.hits(read("沪B99999", "p2"))
    assert book.take_late() == []
    key_file = put_key(tmp_path)
    book.look_for_key()
    [hit] = book.take_late()
    assert (hit.passage_id, hit.late, hit.seen_at) == ("p1", True, NOW)
    assert book.take_late() == []
    assert not book.hits(read("京A12345")), "told already, though late"
    key_file.unlink()
    book.look_for_key()
    assert len(book.hits(read("京A12345", "p3"))) == 1, "the key is in memory"
    assert book.problems == ()


def test_reads_wait_for_the_list_too(make_book: MakeBook) -> None:
    book = make_book()
    assert "no watch list has come yet" in book.problems[0]
    book.hits(read("京A12345"))
    book.take(make_list(entry("京A12345")))
    assert [hit.late for hit in book.take_late()] == [True]


def test_a_vehicle_in_view_is_looked_up_again_when_the_list_changes(make_book: MakeBook) -> None:
    book = make_book(make_list(entry("沪B99999")))
    book.hits(read("京A12345", "standing"))
    book.hits(read("京A12345", "gone"))
    book.close("gone", "京A12345")
    book.take(make_list(entry("京A12345"), revision=2))
    assert [(hit.passage_id, hit.late) for hit in book.take_late()] == [("standing", True)]
    book.take(make_list(entry("京A12345"), revision=3))
    assert book.take_late() == [], "told once"


def test_what_waits_is_bounded_and_what_is_lost_is_told(make_book: MakeBook) -> None:
    book = make_book(key=None)
    for number in range(2003):
        book.hits(read("京A12345", f"p{number}"))
    assert any(problem.startswith("3 reads waited too long") for problem in book.problems)


def test_without_a_key_file_a_list_is_not_ignored_silently(tmp_path: Path, hands: Hands) -> None:
    book = WatchBook(tmp_path, None, hands)
    assert book.problems == ()
    book.take(make_list(entry("京A12345")))
    assert "no watchlist.key_file: it is not matched" in book.problems[0]
    assert not book.hits(read("京A12345"))


def test_a_key_that_everybody_may_read_is_told(tmp_path: Path, hands: Hands) -> None:
    book = WatchBook(tmp_path, put_key(tmp_path, mode=0o644), hands)
    assert any("everybody on this machine" in problem for problem in book.problems)


def test_a_key_file_without_a_key_is_told_without_its_content(tmp_path: Path, hands: Hands) -> None:
    path = put_key(tmp_path)
    path.write_text("hunter2")
    book = WatchBook(tmp_path, path, hands)
    assert "holds no key" in book.problems[0]
    assert "hunter2" not in book.problems[0]


def test_a_damaged_store_is_told_and_healed_by_the_broker(make_book: MakeBook, tmp_path: Path) -> None:
    good = make_list(entry("京A12345"))
    make_book(good)
    (tmp_path / "watchlist.json").write_text("{")
    book = make_book()
    assert any("stored watch list cannot be used" in problem for problem in book.problems)
    assert len(book.hits(read("京A12345"))) == 1, "the copy that fitted the key is still there"
    book.take(good)
    assert book.problems == ()


def test_a_list_that_cannot_be_stored_stays_at_the_broker(make_book: MakeBook, tmp_path: Path) -> None:
    book = make_book()
    (tmp_path / "watchlist.part").mkdir()
    with pytest.raises(OutboxError, match="could not be stored"):
        book.take(make_list(entry("京A12345")))


def test_neither_list_file_nor_log_holds_a_plate(
    make_book: MakeBook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        book = make_book(make_list(entry("京A12345", "theft-7")))
        assert len(book.hits(read("京A12345"))) == 1
        book.close("p1", "京A12345")
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("watchlist*"))
    assert b"theft-7" in stored
    for secret in ("京A12345", "A12345", KEY.secret.hex()):
        assert secret.encode() not in stored
        assert secret not in caplog.text
