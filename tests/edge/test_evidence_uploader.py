"""The uploader against a real HTTP server that speaks the collector's evidence protocol."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from services import free_port

from contract.events import EventType, SensorData
from edge.clock import SystemClock
from edge.config import CollectorSettings
from edge.errors import ConfigError, DeliveryError, EvidenceError
from edge.evidence.files import EvidenceFiles, StoredFile
from edge.evidence.queue import UploadQueue
from edge.evidence.quota import EvidenceQuota
from edge.evidence.uploader import Uploader, open_client, probe
from edge.outbox import NewEvent, Outbox

CLOCK = SystemClock()


@dataclass
class Shelf:
    """The server's side: what it holds, and how it shall fail."""

    complete: dict[str, bytes] = field(default_factory=dict)
    partial: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    answer_once: list[int] = field(default_factory=list)
    """Status codes for the next PUTs instead of doing them."""
    damage_next: bool = False
    take_away: Path | None = None
    """The sender's file, which is deleted while the next PUT is under way."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def application(shelf: Shelf) -> FastAPI:
    app = FastAPI()

    def refused(request: Request) -> bool:
        return request.headers.get("authorization") != "Bearer right"

    @app.head("/api/v1/evidence/{sha256}")
    def head(sha256: str, request: Request) -> Response:
        shelf.requests.append("HEAD")
        if refused(request):
            return Response(status_code=401)
        if sha256 in shelf.complete:
            return Response(status_code=200)
        return Response(status_code=404, headers={"Upload-Offset": str(len(shelf.partial.get(sha256, b"")))})

    @app.put("/api/v1/evidence/{sha256}")
    async def put(sha256: str, request: Request) -> Response:
        body = await request.body()
        part = request.headers.get("content-range", "")
        shelf.requests.append(f"PUT {part}".strip())
        if shelf.take_away is not None:
            shelf.take_away.unlink()
            shelf.take_away = None
        if shelf.answer_once:
            return Response(status_code=shelf.answer_once.pop(0))
        start, total = (int(part.split()[1].split("-")[0]), int(part.split("/")[1])) if part else (0, len(body))
        held = shelf.partial.get(sha256, b"") if start else b""
        if part and not body:  # no range of bytes is empty
            return Response(status_code=400)
        if start != len(held):
            return Response(status_code=409, headers={"Upload-Offset": str(len(held))})
        held += body[:-1] + b"?" if shelf.damage_next else body
        shelf.damage_next = False
        if len(held) < total:
            shelf.partial[sha256] = held
            return Response(status_code=202, headers={"Upload-Offset": str(len(held))})
        shelf.partial.pop(sha256, None)
        if hashlib.sha256(held).hexdigest() != sha256:
            return Response(status_code=422)
        shelf.complete[sha256] = held
        return Response(status_code=201)

    return app


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf(port=free_port())
    config = uvicorn.Config(application(shelf), host="127.0.0.1", port=shelf.port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield shelf
    server.should_exit = True
    thread.join()


@dataclass
class Edge:
    outbox: Outbox
    files: EvidenceFiles
    uploads: UploadQueue
    uploader: Uploader
    settings: CollectorSettings

    def add(self, content: bytes, role: str = "snapshot") -> StoredFile:
        file = self.files.store(content, role, "video/mp4" if role == "clip" else "image/jpeg")  # type: ignore[arg-type]
        data = SensorData(sensor="door", kind="contact", alarm=False)
        self.outbox.put(NewEvent(uuid4(), EventType.SENSOR, "w", "e", "door", datetime.now(UTC), data, files=(file,)))
        return file

    def upload(self) -> bool:
        with open_client(self.settings) as client:
            return self.uploader.upload_next(client)


@pytest.fixture
def edge(shelf: Shelf, tmp_path: Path) -> Iterator[Edge]:
    (tmp_path / "token").write_text("right\n")
    settings = CollectorSettings(url=shelf.url, token_file=tmp_path / "token")
    outbox = Outbox.open(tmp_path / "outbox.sqlite3", CLOCK)
    uploads = UploadQueue(outbox.database)
    files = EvidenceFiles(tmp_path / "evidence", 50_000_000)
    yield Edge(outbox, files, uploads, Uploader(settings, uploads, CLOCK, random.Random(1)), settings)
    outbox.close()


def test_a_small_file_goes_whole_and_once(shelf: Shelf, edge: Edge) -> None:
    file = edge.add(b"a picture")
    assert edge.upload()
    assert shelf.complete == {file.sha256: b"a picture"}
    assert shelf.requests == ["HEAD", "PUT"]
    assert not edge.upload()
    edge.add(b"a picture")  # the same content again
    assert not edge.upload()


def test_what_the_collector_has_is_not_sent(shelf: Shelf, edge: Edge) -> None:
    file = edge.add(b"known")
    shelf.complete[file.sha256] = b"known"
    assert edge.upload()
    assert shelf.requests == ["HEAD"]
    assert edge.uploads.waiting_count() == 0


def test_a_large_file_goes_in_parts_and_goes_on_where_it_was_cut(shelf: Shelf, edge: Edge) -> None:
    content = random.Random(3).randbytes(12_000_000)
    file = edge.add(content, "clip")
    shelf.partial[file.sha256] = content[:5_000_000]
    assert edge.upload()
    assert shelf.complete[file.sha256] == content
    assert shelf.requests == ["HEAD", "PUT bytes 5000000-9999999/12000000", "PUT bytes 10000000-11999999/12000000"]


def test_the_line_is_left_to_others(shelf: Shelf, edge: Edge) -> None:
    edge.uploader._settings = edge.settings.model_copy(update={"upload_kbit_s": 800.0})
    content = random.Random(5).randbytes(50_000)
    file = edge.add(content)
    begun_s = time.monotonic()
    assert edge.upload()
    assert time.monotonic() - begun_s >= 50_000 * 8 / 800_000
    assert shelf.complete[file.sha256] == content


def test_a_clock_that_was_set_back_holds_nothing_up(shelf: Shelf, edge: Edge) -> None:
    file = edge.add(b"a picture")
    edge.uploads.postpone(file.sha256, time.time() + 3600, "put off an hour ahead of time, as the clock then was")
    assert edge.upload()
    assert file.sha256 in shelf.complete


def test_what_was_put_off_is_due_when_the_collector_is_back(shelf: Shelf, edge: Edge) -> None:
    file = edge.add(b"a picture")
    edge.uploads.postpone(file.sha256, time.time() + 60, "away")
    assert not edge.upload()
    edge.uploader.collector_is_back()
    edge.outbox.put(NewEvent(uuid4(), EventType.SENSOR, "w", "e", "door", datetime.now(UTC), SensorData(
        sensor="door", kind="contact", alarm=False)))  # fmt: skip
    assert edge.upload()


def test_a_wrong_offset_is_corrected(shelf: Shelf, edge: Edge) -> None:
    content = random.Random(4).randbytes(6_000_000)
    edge.add(content, "clip")
    file = edge.uploads.next(time.time())
    assert file is not None
    with open_client(edge.settings) as client:
        assert edge.uploader._put(client, file.file, 0) == 5_000_000
        shelf.partial[file.file.sha256] = content[:4_000_000]
        assert edge.uploader._put(client, file.file, 5_000_000) == 4_000_000
        assert edge.uploader._put(client, file.file, 4_000_000) is None
    assert shelf.complete[file.file.sha256] == content


def test_a_file_that_the_collector_had_no_time_to_look_at_is_sent_again(shelf: Shelf, edge: Edge) -> None:
    """It died with all bytes on its disk, and under no name yet."""
    file = edge.add(b"a picture")
    shelf.partial[file.sha256] = b"a picture"
    assert edge.upload()
    assert shelf.complete == {file.sha256: b"a picture"}


def test_a_lasting_gap_does_not_keep_new_evidence_waiting(shelf: Shelf, edge: Edge) -> None:
    """The collector asks for the same numbers again and again, until they have come."""
    for content in (b"one", b"two"):
        edge.add(content)
    while edge.upload():
        pass
    new = edge.add(b"new")
    for _ in range(3):
        edge.outbox.mark_replay([(1, 1)])
        assert edge.upload()
    assert new.sha256 in shelf.complete
    assert not edge.upload()


def test_each_collector_that_comes_is_offered_everything_again(shelf: Shelf, edge: Edge) -> None:
    """It may have been restored from a backup: what it confirmed before that is no proof."""
    files = [edge.add(content) for content in (b"one", b"two", b"three")]
    for low, offered in ((2, 2), (3, 0), (1, 1), (1, 0)):
        while edge.upload():
            pass
        edge.outbox.mark_replay([(3, 3), (low, 3)])
        assert edge.uploads.waiting_count() == offered, f"what came from {low} on and was not offered yet"
    for low in (1, 1, 2):
        shelf.complete.clear()
        edge.outbox.offer_anew()
        edge.outbox.mark_replay([(low, 3)])
        while edge.upload():
            pass
        assert set(shelf.complete) == {file.sha256 for file in files[low - 1 :]}


def test_files_that_no_queue_names_are_asked_about(shelf: Shelf, edge: Edge) -> None:
    """A damaged page of the outbox may have been one of the queue's."""
    named, stray = edge.add(b"named"), edge.files.store(b"stray", "snapshot", "image/jpeg")
    clip = edge.files.store(b"stray clip", "clip", "video/mp4")
    assert edge.uploads.add_strays(edge.files.folder, CLOCK.now()) == 2
    assert edge.uploads.add_strays(edge.files.folder, CLOCK.now()) == 0
    while edge.upload():
        pass
    assert set(shelf.complete) == {named.sha256, stray.sha256, clip.sha256}


def test_a_stray_file_that_its_event_names_after_all_has_the_place_of_that_event(edge: Edge) -> None:
    alarm = edge.files.store(b"alarm", "snapshot", "image/jpeg")
    other = edge.files.store(b"other", "snapshot", "image/jpeg")
    edge.uploads.add_strays(edge.files.folder, CLOCK.now())
    edge.add(b"other")
    edge.add(b"alarm")
    first = edge.uploads.next(CLOCK.now())
    assert first is not None
    edge.uploads.mark_uploaded(first.file.sha256)
    second = edge.uploads.next(CLOCK.now())
    assert second is not None
    assert [first.file.sha256, second.file.sha256] == [other.sha256, alarm.sha256]


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.jpg", b"a\nb.jpg", b"holiday.jpg", b"cd" + b"0" * 62 + b".jpg", b"ab" + b"0" * 62 + b".txt"]
)
def test_a_file_that_is_not_evidence_is_left_alone(edge: Edge, name: bytes) -> None:
    (edge.files.folder / "ab").mkdir()
    with open(os.fsencode(edge.files.folder / "ab") + b"/" + name, "wb") as file:  # noqa: PTH123 (no Path is of bytes)
        file.write(b"somebody else's")
    assert edge.uploads.add_strays(edge.files.folder, CLOCK.now()) == 0
    assert not edge.upload()


def test_a_link_or_a_folder_in_a_files_place_is_left_alone(edge: Edge, tmp_path: Path) -> None:
    (edge.files.folder / "ab").mkdir()
    (edge.files.folder / "ab" / f"ab{'0' * 62}.jpg").symlink_to("/nowhere/at/all")
    (edge.files.folder / "ab" / f"ab{'1' * 62}.jpg").mkdir()
    assert EvidenceFiles(edge.files.folder, 50_000_000).used_bytes >= 0
    assert edge.uploads.add_strays(edge.files.folder, CLOCK.now()) == 0
    edge.add(b"a picture")
    assert edge.upload()


def test_a_stray_file_is_as_old_as_it_is(edge: Edge) -> None:
    """Or the retention would begin anew with each damaged outbox."""
    stray = edge.files.store(b"stray", "snapshot", "image/jpeg")
    os.utime(stray.path, (1000.0, 1000.0))
    edge.uploads.add_strays(edge.files.folder, CLOCK.now())
    assert edge.upload()
    assert [file.sha256 for file in edge.uploads.settled_before(2000.0)] == [stray.sha256]


def test_damage_on_the_way_is_sent_again(shelf: Shelf, edge: Edge) -> None:
    file = edge.add(b"a picture")
    shelf.damage_next = True
    assert edge.upload()
    assert shelf.complete[file.sha256] == b"a picture"
    assert shelf.requests == ["HEAD", "PUT", "HEAD", "PUT"]


def test_damage_on_this_disk_is_told_and_not_tried_for_ever(shelf: Shelf, edge: Edge) -> None:
    file = edge.add(b"a picture")
    file.path.write_bytes(b"a bit rot")
    assert edge.upload()
    assert "damaged on this disk" in str(edge.uploader.problem)
    assert edge.uploads.waiting_count() == 0
    assert shelf.complete == {}


def test_a_file_that_is_gone_is_told(edge: Edge) -> None:
    edge.add(b"a picture").path.unlink()
    assert edge.upload()
    assert "gone before it was uploaded" in str(edge.uploader.problem)


def test_a_file_that_goes_while_it_is_looked_at_ends_no_thread(shelf: Shelf, edge: Edge) -> None:
    """The quota takes a file whose hash the collector finds wrong, before it is read again here."""
    shelf.take_away = edge.add(b"a picture").path
    shelf.damage_next = True
    assert edge.upload()
    assert "gone before it was uploaded" in str(edge.uploader.problem)
    assert edge.uploads.waiting_count() == 0


def test_a_file_that_cannot_be_read_for_a_moment_is_sent_later(shelf: Shelf, edge: Edge) -> None:
    file = edge.add(b"a picture")
    file.path.rename(file.path.with_suffix(".aside"))
    file.path.symlink_to("/proc/self/mem")  # its first byte cannot be read: an input/output error
    assert edge.upload()
    assert "cannot be read now ([Errno 5]" in str(edge.uploader.problem)
    assert edge.uploads.waiting_count() == 1
    assert not edge.upload(), "it waits a little"
    file.path.with_suffix(".aside").rename(file.path)
    edge.uploads.retry_now().result()
    assert edge.upload()
    assert edge.uploader.problem is None
    assert shelf.complete == {file.sha256: b"a picture"}


def test_an_outbox_that_cannot_be_read_ends_no_thread(edge: Edge) -> None:
    edge.uploader.start()
    edge.outbox.close()
    edge.uploader.wake()
    deadline_s = time.monotonic() + 30
    while edge.uploader.problem is None and time.monotonic() < deadline_s:
        time.sleep(0.01)
    threading.Event().wait(0.2)
    assert edge.uploader.alive
    edge.uploader.stop()
    assert "closed database" in str(edge.uploader.problem)


@pytest.mark.parametrize("status", [507, 500, 503])
def test_a_hiccup_is_tried_again_at_once(shelf: Shelf, edge: Edge, status: int) -> None:
    shelf.answer_once = [status]
    file = edge.add(b"a picture")
    edge.upload()
    assert file.sha256 in shelf.complete


def test_a_longer_absence_is_written_to_the_queue(shelf: Shelf, edge: Edge) -> None:
    shelf.answer_once = [507] * 3
    edge.add(b"a picture")
    edge.upload()
    assert "507" in str(edge.uploader.problem)
    assert edge.uploads.waiting_count() == 1
    due_s = edge.uploads.next_due_s()
    assert due_s is not None
    assert due_s > time.time()


@pytest.mark.parametrize(("status", "told"), [(413, "too large"), (415, "takes no such image/jpeg")])
def test_what_is_refused_for_ever_is_not_sent_for_ever(shelf: Shelf, edge: Edge, status: int, told: str) -> None:
    shelf.answer_once = [status]
    edge.add(b"a picture")
    edge.upload()
    assert told in str(edge.uploader.problem)
    assert edge.uploads.waiting_count() == 0


def test_a_wrong_token_is_told(shelf: Shelf, edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("wrong")
    edge.add(b"a picture")
    edge.upload()
    assert "check collector.token_file" in str(edge.uploader.problem)
    assert edge.uploads.waiting_count() == 1
    with pytest.raises(DeliveryError, match="401"):
        probe(edge.settings)
    (tmp_path / "token").write_text("right")
    probe(edge.settings)
    (tmp_path / "token").unlink()
    with pytest.raises(ConfigError, match="cannot read"):
        probe(edge.settings)


def test_an_absent_collector_is_told(edge: Edge) -> None:
    with pytest.raises(DeliveryError, match="ConnectError"):
        probe(CollectorSettings(url="http://127.0.0.1:9"))


def test_the_thread_empties_the_queue_and_goes_on_after_a_restart(shelf: Shelf, edge: Edge) -> None:
    wanted = [edge.add(b"before"), edge.add(b"before too")]
    edge.uploader.start()
    edge.outbox.on_put(edge.uploader.wake)
    wanted.append(edge.add(b"while it runs"))
    deadline = time.monotonic() + 60
    while len(shelf.complete) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    edge.uploader.stop()
    assert set(shelf.complete) == {file.sha256 for file in wanted}
    assert not edge.uploader.alive


def test_files_are_named_by_content_and_written_whole(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path / "evidence", 1000)
    stored = files.store(b"content", "snapshot", "image/jpeg")
    digest = hashlib.sha256(b"content").hexdigest()
    assert stored.path == tmp_path / "evidence" / digest[:2] / f"{digest}.jpg"
    assert files.store(b"content", "snapshot", "image/jpeg") == stored
    assert files.used_bytes == 7
    part = files.temporary_path(".mp4")
    part.write_bytes(b"left by a crash")
    assert EvidenceFiles(tmp_path / "evidence", 1000).used_bytes == 7
    assert not part.exists()
    with pytest.raises(EvidenceError, match="quota"):
        files.store(b"x" * 1001, "clip", "video/mp4")
    assert list((tmp_path / "evidence" / "tmp").iterdir()) == []


def test_evidence_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvidenceError, match="cannot write evidence"):
        EvidenceFiles(tmp_path / "file", 1000)


def test_the_quota_takes_uploaded_files_then_clips_then_pictures(edge: Edge, tmp_path: Path) -> None:
    lost: list[int] = []
    files = EvidenceFiles(tmp_path / "evidence", 400)
    files.make_room = EvidenceQuota(files, edge.uploads, lost.append).make_room
    edge.files = files
    uploaded, picture, clip = edge.add(b"u" * 100), edge.add(b"p" * 100), edge.add(b"c" * 100, "clip")
    edge.uploads.mark_uploaded(uploaded.sha256)
    edge.add(b"1" * 200)
    assert [file.path.exists() for file in (uploaded, picture, clip)] == [False, True, True]
    assert lost == [], "the collector has the uploaded one"
    edge.add(b"2" * 100)
    assert [file.path.exists() for file in (picture, clip)] == [True, False]
    assert lost == [1]
    assert files.used_bytes == 400


def test_a_folder_among_the_temporary_files_stops_nothing(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "evidence" / "tmp" / "half.part", tmp_path / "evidence" / "tmp" / "old"
    theirs.mkdir(parents=True)
    ours.write_bytes(b"half")
    (theirs / "kept").write_bytes(b"by hand")
    EvidenceFiles(tmp_path / "evidence", 50_000_000)
    assert not ours.exists()
    assert (theirs / "kept").exists()


def test_the_look_for_strays_ends_when_it_is_told_to(edge: Edge) -> None:
    for number in range(40):
        edge.files.store(f"stray {number}".encode(), "snapshot", "image/jpeg")
    stop = threading.Event()
    stop.set()
    first = edge.uploads.add_strays(edge.files.folder, CLOCK.now(), stop)
    assert 0 < first < 40
    assert first + edge.uploads.add_strays(edge.files.folder, CLOCK.now()) == 40
