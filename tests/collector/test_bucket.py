"""Evidence in S3-compatible storage: a real S3 server, two collectors' stores with folders of their own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector import evidence as keeping
from collector.__main__ import main
from collector.bucket import Bucket, BucketAway, BucketError
from collector.database import Database, database_url
from collector.evidence import EvidenceStore, Part
from collector.schema import evidence

moto_server = pytest.importorskip("moto.server")
pytest.importorskip("obstore")

SMALL = b"\xff\xd8\xff" + os.urandom(5_000)
LARGE = b"\0\0\0\x18ftypisom" + os.urandom(20_000_000)


def name_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def body_of(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000_000):
        yield content[start : start + 1_000_000]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket on a server of our own."""
    import boto3  # noqa: PLC0415

    server = moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=address, region_name="us-east-1").create_bucket(Bucket="watchpost")
    yield Bucket("s3://watchpost/evidence")
    server.stop()


@pytest.mark.parametrize(("content", "media_type"), [(SMALL, "image/jpeg"), (LARGE, "video/mp4")])
async def test_what_one_collector_takes_the_other_shows_and_deletes(
    bucket: Bucket, tmp_path: Path, content: bytes, media_type: str
) -> None:
    one, other = (EvidenceStore(tmp_path / name, bucket=bucket, keep_free_bytes=0) for name in ("one", "other"))
    name = name_of(content)
    assert await other.size(name) is None
    assert await other.fetch(name) is None
    half = len(content) // 2
    assert not await one.receive(name, media_type, Part(0, half - 1, len(content)), body_of(content[:half]))
    assert one.offset(name) == half, "an upload goes on where it ended"
    rest = Part(half, len(content) - 1, len(content))
    assert await one.receive(name, media_type, rest, body_of(content[half:]))
    assert await other.size(name) == len(content)
    brought = await other.fetch(name)
    assert brought is not None
    assert brought.read_bytes() == content
    await one.remove(name)
    assert await other.size(name) is None


async def test_a_copy_that_failed_is_made_at_the_next_upload(bucket: Bucket, tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path, keep_free_bytes=0, bucket=Bucket("s3://no-such-bucket"))
    name = name_of(SMALL)
    with pytest.raises(BucketAway, match="no-such-bucket"):
        await store.receive(name, "image/jpeg", None, body_of(SMALL))
    store.bucket = bucket
    assert await store.size(name) is None
    assert await store.keep_what_is_here(name, "image/jpeg")
    assert await bucket.size(name) == len(SMALL)


async def test_the_folder_beside_a_bucket_stays_small(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "CACHE_BYTES", 12_000)
    store = EvidenceStore(tmp_path, keep_free_bytes=0, bucket=bucket)
    contents = [b"\xff\xd8\xff" + os.urandom(5_000) for _ in range(5)]
    for content in contents:
        await store.receive(name_of(content), "image/jpeg", None, body_of(content))
    assert sum(store.path(name_of(content)).exists() for content in contents) == 2
    assert [await store.size(name_of(content)) for content in contents] == [5_003] * 5
    assert await store.fetch(name_of(contents[0])) is not None


async def test_a_file_of_other_content_is_never_shown(bucket: Bucket, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    forged.write_bytes(SMALL)
    await bucket.keep(name_of(LARGE), forged, "video/mp4")
    store = EvidenceStore(tmp_path / "store", bucket=bucket)
    with pytest.raises(BucketAway, match="other content"):
        await store.fetch(name_of(LARGE))


def test_an_address_of_no_use_is_refused_with_what_was_expected() -> None:
    with pytest.raises(BucketError, match="expected s3://"):
        Bucket("ftp://somewhere")


def test_the_check_looks_into_the_bucket(bucket: Bucket, tmp_path: Path, migrated_sqlite: Path) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "collector.db")
    name = name_of(SMALL)

    async def take() -> None:
        store, files = Database(database_url(None, tmp_path)), EvidenceStore(tmp_path / "evidence", bucket=bucket)
        await files.receive(name, "image/jpeg", Part(0, len(SMALL) - 1, len(SMALL)), body_of(SMALL))
        files.path(name).unlink(missing_ok=True)
        row = {"sha256": name, "media_type": "image/jpeg", "size_bytes": len(SMALL), "stored_us": 1, "uploaded_by": "e"}
        async with store.write() as connection:
            await connection.execute(evidence.insert(), [row])
        await store.close()

    asyncio.run(take())
    order = ["check", "--data", str(tmp_path)]
    here, there = CliRunner().invoke(main, order), CliRunner().invoke(main, [*order, "--evidence", bucket.url])
    assert (here.exit_code, there.exit_code) == (1, 0), there.output
    assert "1 files, 1 missing" in here.output
    assert "1 files, 0 missing" in there.output
    asyncio.run(bucket.remove(name))
    gone = CliRunner().invoke(main, [*order, "--evidence", bucket.url])
    assert f"{name} is in the store, its file is not there" in gone.output
