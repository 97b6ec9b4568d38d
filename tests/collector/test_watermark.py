"""Pictures are given out with the name of who looks and the time; the stored file and its hash stay as they are."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from collector_api import WHY, Api, started
from moving_video import moving_square, write_video
from sample_events import SampleEdge

from collector.access import Role
from collector.clip_mark import NoVideo, stamp_clip
from collector.picture_size import UnknownPicture, announced_size
from collector.watermark import stamp


def picture(width: int, height: int, ending: str = ".jpg") -> bytes:
    """Smooth and grey."""
    ramp = np.tile(np.linspace(60, 200, width, dtype=np.uint8), (height, 1))
    return bytes(cv2.imencode(ending, cv2.merge([ramp] * 3))[1])


def gigapixels() -> bytes:
    """A whole PNG of few bytes that is 60,000 pixels wide and high."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


SNAPSHOT = picture(1280, 720)
HASH = hashlib.sha256(SNAPSHOT).hexdigest()
URL = f"/api/v1/evidence/{HASH}"


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        async with await found.client(Role.EDGE) as client:
            put = await client.put(URL, content=SNAPSHOT, headers={"Content-Type": "image/jpeg"})
            assert put.status_code == 201
        yield found


@pytest.mark.parametrize(("width", "height"), [(140, 44), (640, 360), (1920, 1080)])
def test_the_text_is_in_the_picture_and_the_picture_is_still_there(width: int, height: int) -> None:
    before = picture(width, height)
    stamps = [(stamp(before, text) or (b"",))[0] for text in ("li 2026-03-01 08:01:00Z", "wu 2026-03-01 08:01:00Z")]
    decoded = [cv2.imdecode(np.frombuffer(one or b"", np.uint8), cv2.IMREAD_GRAYSCALE) for one in stamps]
    plain = cv2.imdecode(np.frombuffer(before, np.uint8), cv2.IMREAD_GRAYSCALE)
    changed = np.abs(decoded[0].astype(int) - plain)
    assert decoded[0].shape == plain.shape
    assert 0.003 < (changed > 12).mean() < 0.5
    assert changed.max() < 110, "what is under the text can still be read"
    assert (np.abs(decoded[0].astype(int) - decoded[1]) > 12).any(), "two names are two pictures"


def test_what_is_no_picture_is_told_apart_and_strange_names_do_not_matter() -> None:
    assert stamp(b"\xff\xd8\xff nothing", "li") is None
    (marked, kind) = stamp(picture(64, 32, ".png"), "李伟") or (b"", "")
    assert (marked[:4], kind) == (b"\x89PNG", "image/png")


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_the_size_is_read_before_anything_is_decoded(ending: str) -> None:
    assert announced_size(picture(640, 361, ending)) == (640, 361)
    with pytest.raises(UnknownPicture):
        announced_size(picture(640, 361, ending)[:12])


async def kept(api: Api, content: bytes, media_type: str) -> str:
    """Its address, once an edge has sent it."""
    url = f"/api/v1/evidence/{hashlib.sha256(content).hexdigest()}"
    async with await api.client(Role.EDGE) as client:
        assert (await client.put(url, content=content, headers={"Content-Type": media_type})).status_code == 201
    return url


async def test_a_picture_that_cannot_be_marked_is_not_given_out(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = await kept(api, gigapixels(), "image/png")
    broken = await kept(api, b"\xff\xd8\xff<script>alert(1)</script>", "image/jpeg")
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("its size alone is reason enough"))
    for url in (trap, broken):
        refused = await api.get(url, Role.OPERATOR, **WHY)
        assert refused.status_code == 422
        assert "original=true" in refused.json()["detail"]
    taken = await api.get(broken, Role.OPERATOR, original=True, **WHY)
    assert taken.headers["content-type"] == "image/jpeg"
    assert taken.headers["x-content-type-options"] == "nosniff"


async def test_a_marked_copy_is_what_it_says_it_is_and_its_lookers_own(api: Api) -> None:
    answer = await api.get(await kept(api, picture(640, 360, ".webp"), "image/webp"), Role.OPERATOR, **WHY)
    assert (answer.headers["content-type"], answer.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    edge = SampleEdge()
    proof = {"sha256": HASH, "role": "snapshot", "media_type": "image/jpeg", "size_bytes": len(SNAPSHOT)}
    await api.take(edge, edge.fall(evidence=(proof,)))
    assert (await api.get(URL, Role.VIEWER)).headers["vary"] == "Cookie, Authorization"


async def test_everybody_gets_a_marked_copy_and_the_file_stays(api: Api) -> None:
    edge = SampleEdge()
    proof = {"sha256": HASH, "role": "snapshot", "media_type": "image/jpeg", "size_bytes": len(SNAPSHOT)}
    await api.take(edge, edge.fall(evidence=(proof,)))
    seen = (await api.get(URL, Role.VIEWER)).content
    assert seen != SNAPSHOT
    assert cv2.imdecode(np.frombuffer(seen, np.uint8), cv2.IMREAD_COLOR).shape == (720, 1280, 3)
    assert api.collector.evidence.path(HASH).read_bytes() == SNAPSHOT
    assert (await api.get(URL, Role.VIEWER, original=True, **WHY)).status_code == 403
    assert (await api.get(URL, Role.OPERATOR, original=True)).status_code == 403
    assert (await api.get(URL, Role.OPERATOR, original=True, **WHY)).content == SNAPSHOT
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR)).json()["items"]
    assert (act["action"], act["reason"]) == ("original", WHY["reason"])


async def test_a_head_request_says_what_get_would_and_is_no_look(api: Api) -> None:
    edge = SampleEdge()
    passage = edge.passage()
    passage["data"]["evidence"][0]["sha256"] = HASH
    await api.take(edge, passage)
    for role, params, status in (
        (Role.EDGE, {}, 200),
        (Role.VIEWER, WHY, 403),
        (Role.OPERATOR, {}, 403),
        (Role.OPERATOR, WHY, 200),
    ):
        async with await api.client(role) as client:
            assert (await client.head(URL, params=params)).status_code == status, role
    assert (await api.get("/api/v1/audit", Role.AUDITOR)).json()["items"] == []
    assert (await api.get(URL, Role.OPERATOR, **WHY)).headers["cache-control"] == "no-store"
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR, **WHY)).json()["items"]
    assert (act["action"], act["shown"]) == ("evidence", ["京A12345"])


async def test_a_list_is_given_small_pictures_that_are_marked_too(api: Api) -> None:
    assert (await api.get(URL, Role.VIEWER, width=168)).status_code == 403, (
        "no event explains the file: it may show a plate"
    )
    answer = await api.get(URL, Role.OPERATOR, width=168, **WHY)
    small = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert small.shape == (94, 168)
    assert len(answer.content) < len(SNAPSHOT)
    two = [cv2.imdecode(np.frombuffer((stamp(SNAPSHOT, text, 168) or (b"",))[0], np.uint8), 0) for text in "ab"]
    assert (np.abs(two[0].astype(int) - two[1]) > 12).any()


def pictures_of(video: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(video)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_a_clip_that_is_taken_away_says_in_every_picture_whose_it_was(tmp_path: Path, encoder: str) -> None:
    clip = write_video(tmp_path / "clip.mp4", moving_square(30), encoder=encoder)
    before = pictures_of(clip.read_bytes())
    marked = stamp_clip(clip, "li 2026-03-01 08:01:00Z")
    copies = [pictures_of(one) for one in (marked, stamp_clip(clip, "wu 2026-03-01 08:01:00Z"))]
    assert len(copies[0]) == len(before) == 30
    for plain, one, other in zip(before, *copies, strict=True):
        assert (np.abs(one.astype(int) - plain) > 12).mean() > 0.01
        assert (np.abs(one.astype(int) - other) > 12).any(), "two names are two clips"
        assert np.corrcoef(one.reshape(-1), plain.reshape(-1))[0, 1] > 0.8, "what is under the text can still be seen"
    with av.open(io.BytesIO(marked)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.metadata["comment"] == "li 2026-03-01 08:01:00Z"


def test_what_is_no_clip_says_so(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"nothing")
    with pytest.raises(NoVideo, match="cannot be decoded"):
        stamp_clip(tmp_path / "clip.mp4", "li")


async def test_a_saved_clip_is_marked_and_recorded_and_a_played_one_is_the_file(api: Api, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", moving_square(10)).read_bytes()
    sha256 = hashlib.sha256(clip).hexdigest()
    edge = SampleEdge()
    proof = {"sha256": sha256, "role": "clip", "media_type": "video/mp4", "size_bytes": len(clip)}
    await api.take(edge, edge.fall(evidence=(proof,)))
    async with await api.client(Role.EDGE) as client:
        await client.put(f"/api/v1/evidence/{sha256}", content=clip, headers={"Content-Type": "video/mp4"})
    assert (await api.get(f"/api/v1/evidence/{sha256}", Role.VIEWER)).content == clip
    assert (await api.get("/api/v1/audit", Role.AUDITOR)).json()["items"] == []
    saved = await api.get(f"/api/v1/evidence/{sha256}", Role.VIEWER, download=True)
    assert saved.headers["content-disposition"] == f'attachment; filename="{sha256[:12]}.mp4"'
    assert len(pictures_of(saved.content)) == 10
    assert saved.content != clip
    (act,) = (await api.get("/api/v1/audit", Role.AUDITOR)).json()["items"]
    assert (act["action"], act["role"]) == ("export", "viewer")
