"""A site's own authority: an edge gets in with what `collector enroll` made, as itself only, and out when revoked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from collector_process import CollectorProcess
from services import Mosquitto

from collector.__main__ import main
from collector.enrolment import Authority
from edge.config import BrokerSettings
from edge.errors import DeliveryError
from edge.link import Link, probe

pytestmark = pytest.mark.services


def command(*arguments: str) -> str:
    done = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def enroll(folder: Path, edge: str, port: int) -> BrokerSettings:
    """The edge's connection as its bundle says it."""
    out = folder / edge
    command("migrate", "--data", str(folder / "collector"))
    command(
        "enroll", edge, "--site", "west", "--mqtt-url", f"mqtts://localhost:{port}", "--collector-url", "https://c",
        "--authority", str(folder / "authority"), "--out", str(out), "--data", str(folder / "collector"),
    )  # fmt: skip
    said = yaml.safe_load((out / "connection.yaml").read_text())["broker"]
    paths = {name: out / said[name] for name in ("ca_file", "cert_file", "key_file")}
    assert stat.S_IMODE(paths["key_file"].stat().st_mode) == 0o600
    return BrokerSettings(url=said["url"], **paths)


def broker_that_asks(folder: Path) -> Mosquitto:
    """A broker that lets in whom the authority knows, and takes the name in the certificate for the user's."""
    authority, certs = folder / "authority", folder / "certs"
    command("certificate", "localhost", "127.0.0.1", "--authority", str(authority), "--out", str(certs))
    acl = (Path(__file__).parents[2] / "configs" / "mosquitto.acl").read_text(encoding="utf-8")
    lines = [
        f"cafile {authority / 'ca.pem'}", f"certfile {certs / 'broker.pem'}", f"keyfile {certs / 'broker.key'}",
        f"crlfile {authority / 'crl.pem'}", "require_certificate true", "use_identity_as_username true",
    ]  # fmt: skip
    return Mosquitto(folder / "broker", acl=acl, extra="\n".join(lines))


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(main, list(arguments))
    assert (done.exit_code, type(done.exception)) == (1, SystemExit), done.exception
    return done.output


def test_no_pattern_revokes_the_others_and_no_typing_error_makes_an_authority(tmp_path: Path) -> None:
    own = ("--authority", str(tmp_path / "authority"), "--data", str(tmp_path / "collector"))
    for edge in ("gate-1", "gate-2"):
        enroll(tmp_path, edge, 8883)
    for pattern in ("*", "gate-?", "gate-[12]", ""):
        assert "issued no certificate" in refused("revoke", pattern, *own)
    assert "is --authority right?" in refused("revoke", "gate-1", "--authority", str(tmp_path / "typo"), *own[2:])
    assert not (tmp_path / "typo").exists()
    assert "1 certificate(s) of gate-1" in command("revoke", "gate-1", *own)
    assert "1 certificate(s) of gate-2" in command("revoke", "gate-2", *own)


def test_two_sites_have_no_edge_of_one_name(tmp_path: Path) -> None:
    """The broker would take one for the other, and the second token ended the first."""
    enroll(tmp_path, "gate-1", 8883)
    enroll(tmp_path, "gate-1", 8883)  # such as a lost bundle
    urls = ("--mqtt-url", "mqtts://b", "--collector-url", "https://c")
    own = ("--authority", str(tmp_path / "authority"), "--data", str(tmp_path / "collector"))
    out = ("--out", str(tmp_path / "other"))
    assert "enrolled for site 'west'" in refused("enroll", "gate-1", "--site", "north", *urls, *own, *out)
    assert "enrolled for site 'west'" in refused("certificate", "gate-1", "--client", *own[:2], *out)
    assert not (tmp_path / "other").exists()
    command("revoke", "gate-1", *own)
    command("enroll", "gate-1", "--site", "north", *urls, *own, *out)


@pytest.mark.parametrize("name", ["../../evil", "a/b", "", "m\xfcnchen", "a" * 65, "a\nb", "-x"])
@pytest.mark.parametrize("kind", [("--client",), ()])
def test_a_certificate_is_for_a_name_and_no_path(tmp_path: Path, name: str, kind: tuple[str, ...]) -> None:
    folders = ("--authority", str(tmp_path / "authority"), "--out", str(tmp_path / "out"))
    assert "a certificate is for" in refused("certificate", *kind, *folders, "--", name)
    assert [path.name for path in tmp_path.rglob("*@*")] == []


@pytest.mark.parametrize("urls", [("foo", "https://c"), ("mqtt://b", "https://c"), ("mqtts://b", "bar")])
def test_addresses_of_no_use_are_told_before_anything_is_made(tmp_path: Path, urls: tuple[str, str]) -> None:
    authority, data, out = (tmp_path / name for name in ("authority", "data", "out"))
    said = refused(
        "enroll", "gate-1", "--site", "west", "--mqtt-url", urls[0], "--collector-url", urls[1],
        "--authority", str(authority), "--data", str(data), "--out", str(out),
    )  # fmt: skip
    assert "expected" in said or "over TLS only" in said
    assert not authority.exists()
    assert not out.exists()


@pytest.mark.parametrize("name", ["enroll", "revoke"])
def test_a_wrong_data_folder_is_told_before_anything_is_made(tmp_path: Path, name: str) -> None:
    """A token in a store that no collector uses lets nobody in, and one that is ended there still lets in."""
    enroll(tmp_path, "gate-1", 8883)
    before = sorted(tmp_path.rglob("*"))
    urls = ("--site", "west", "--mqtt-url", "mqtts://b", "--collector-url", "https://c", "--out", str(tmp_path / "o"))
    own = ("--authority", str(tmp_path / "authority"), "--data", str(tmp_path / "typo"))
    said = refused(name, "gate-1", *own, *(urls if name == "enroll" else ()))
    assert f"{tmp_path / 'typo' / 'collector.db'}: there is no such database; is --data right?" in said
    assert sorted(tmp_path.rglob("*")) == before
    assert "1 certificate(s) of gate-1" in command("revoke", "gate-1", *own[:2], "--data", str(tmp_path / "collector"))


def test_an_enrolled_edge_gets_in_until_it_is_revoked(tmp_path: Path) -> None:
    broker = broker_that_asks(tmp_path)
    broker.start()
    try:
        first, second = (enroll(tmp_path, edge, broker.port) for edge in ("gate-1", "gate-2"))
        probe(first)
        stranger = tmp_path / "stranger"
        stranger.mkdir()
        forged = Authority(stranger / "authority")
        for name, content in zip(("cert", "key"), forged.issue_client("gate-1"), strict=True):
            (stranger / name).write_bytes(content)
        with pytest.raises(DeliveryError):
            probe(first.model_copy(update={"cert_file": stranger / "cert", "key_file": stranger / "key"}))
        with pytest.raises(DeliveryError):
            probe(first.model_copy(update={"cert_file": None, "key_file": None}))
        said = command(
            "revoke", "gate-1", "--authority", str(tmp_path / "authority"), "--data", str(tmp_path / "collector")
        )
        assert "1 certificate(s) of gate-1 revoked" in said
        broker.stop()
        broker.start()
        with pytest.raises(DeliveryError):
            probe(first)
        probe(second)
    finally:
        broker.kill()


def test_an_edge_writes_under_its_own_name_only(tmp_path: Path) -> None:
    broker = broker_that_asks(tmp_path)
    broker.start()
    try:
        link = Link(enroll(tmp_path, "gate-1", broker.port), "gate-1", keep_session=False)
        link.connect()
        refused = {}
        for name in ("gate-1", "gate-2"):
            mid = link.publish(f"watchpost/v1/west/{name}/birth", b"{}", 1)
            confirmed: dict[int, str | None] = {}
            while mid not in confirmed:
                assert link.pump(5)
                confirmed |= dict(link.take_confirmed())
            refused[name] = confirmed[mid]
        assert refused["gate-1"] != "Not authorized"
        assert refused["gate-2"] == "Not authorized"
        link.disconnect()
    finally:
        broker.kill()


def test_the_collector_shows_its_certificate_too(tmp_path: Path) -> None:
    broker = broker_that_asks(tmp_path)
    broker.start()
    own, authority = tmp_path / "own", tmp_path / "authority"
    command("certificate", "collector", "--client", "--authority", str(authority), "--out", str(own))
    options = (
        "--mqtt-ca-file",
        own / "ca.pem",
        "--mqtt-cert-file",
        own / "client.pem",
        "--mqtt-key-file",
        own / "client.key",
    )
    collector = CollectorProcess(tmp_path / "data", f"mqtts://localhost:{broker.port}", options=options)
    try:
        collector.start()
    finally:
        collector.end()
        broker.kill()
