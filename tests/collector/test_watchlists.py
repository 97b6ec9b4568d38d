"""`collector watchlist`: a table of plates becomes keyed hashes at the edges' topics of a real broker, and no more."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from collector_process import MqttPeer, wait_until
from services import Mosquitto, free_port

from collector.__main__ import main
from collector.watchlists import WatchlistError, make_list, read_key, read_table
from contract.commands import MOST_WATCHED, Watchlist, WatchlistEntry
from contract.plate_keys import PlateKey

KEY = PlateKey(bytes(range(32)))
HEAD = "plate,entry,from,until,reason,approver\n"
ROWS = "京A·12345,theft-7,,2099-12-31,stolen on 3 May,Li\n沪b 99999,,2026-01-01T00:00+08:00,2099-01-01T00:00+08:00,,\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["watchlist", *arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A table and a key file."""
    (tmp_path / "key").write_text(KEY.secret.hex())
    (tmp_path / "list.csv").write_text(HEAD + ROWS, encoding="utf-8")
    return str(tmp_path / "list.csv"), str(tmp_path / "key")


@pytest.fixture
def peer(mosquitto: Mosquitto) -> Iterator[MqttPeer]:
    found = MqttPeer(mosquitto.port)
    yield found
    found.stop()


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "list.key"
    made = run("new-key", str(path))
    assert made.exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path).key_id in made.output
    assert path.read_text().strip() not in made.output
    again = run("new-key", str(path))
    assert again.exit_code == 1
    assert "never overwritten" in again.output


def test_a_table_becomes_hashes_that_a_read_plate_finds(files: tuple[str, str]) -> None:
    first, second = read_table(Path(files[0]), KEY)
    assert (first.entry_id, first.exact) == ("theft-7", KEY.digest("exact", "京A12345"))
    assert second.exact == KEY.digest("exact", "沪B99999")
    assert second.folded == KEY.digest("folded", "沪899999")
    assert second.entry_id == second.exact[:12]
    assert first.starts is None
    assert second.starts == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert first.expires.astimezone().strftime("%Y-%m-%d %H:%M") == "2100-01-01 00:00", "the last day counts whole"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plate\n京A12345\n", "no column 'until'"),
        ("plate,until,colour\n", "unknown column 'colour'"),
        ("", "no column 'plate'"),
        (HEAD + "京A/1,,,2099-12-31,,\n", "list.csv:2: '京A/1' is no plate"),
        (HEAD + "京A12345,,,,,\n", "until ''"),
        (HEAD + "京A12345,,,2099-12-31T10:00,,\n", "needs its zone"),
        (HEAD + "京A12345,,2099-12-31,2098-12-31,,\n", "expires at"),
        (HEAD + "京A12345,,,2099-12-31,,\n京A 12345,,,2099-12-31,,\n", "list.csv:3: this plate stands in the list"),
        (HEAD + "京A12345,x,,2099-12-31,,\n京A12346,x,,2099-12-31,,\n", "the entry 'x' stands in the list"),
        (HEAD + "京A12345,,,2099-12-31,,,,\n", "line 2 has more cells"),
    ],
)
def test_a_bad_table_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WatchlistError) as caught:
        read_table(path, KEY)
    assert words in str(caught.value)


@pytest.mark.services
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_list_is_published_retained_to_each_edge_without_a_plate(
    mosquitto: Mosquitto, peer: MqttPeer, files: tuple[str, str], protocol: str
) -> None:
    table, key = files
    to = ["--edge", "west/gate-1", "--edge", "west/gate-2", "--mqtt-url", mosquitto.url, "--mqtt-protocol", protocol]
    said = run("publish", table, "--key-file", key, *to, "--list-id", "stolen")
    assert said.exit_code == 0, said.output
    assert "watchpost/v1/west/gate-2/watchlist: list stolen" in said.output
    assert f"2 entries, key {KEY.key_id}" in said.output
    wait_until(lambda: len(peer.on("/watchlist")) == 2)
    late = MqttPeer(mosquitto.port)
    wait_until(lambda: len(late.on("/watchlist")) == 2)
    topic, payload, retained, _ = late.heard[0]
    late.stop()
    assert retained
    assert topic in ("watchpost/v1/west/gate-1/watchlist", "watchpost/v1/west/gate-2/watchlist")
    found = Watchlist.model_validate_json(payload)
    assert [entry.entry_id for entry in found.entries] == ["theft-7", KEY.digest("exact", "沪B99999")[:12]]
    assert abs(found.revision - datetime.now(UTC).timestamp()) < timedelta(minutes=1).total_seconds()
    for secret in ("12345", "99999", "stolen on", "Li", KEY.secret.hex()):
        assert secret.encode() not in payload
        assert json.dumps(secret).strip('"').encode() not in payload


@pytest.mark.services
def test_a_broker_that_refuses_is_told(
    start_mosquitto: Callable[..., Mosquitto], files: tuple[str, str], tmp_path: Path
) -> None:
    table, key = files
    options = ["--key-file", key, "--edge", "west/gate-1", "--mqtt-url"]
    away = run("publish", table, *options, f"mqtt://127.0.0.1:{free_port()}")
    assert "no broker answers" in away.output
    broker = start_mosquitto(users={"boss": "pass"}, acl="user boss\ntopic read watchpost/#\n")
    host = broker.url.removeprefix("mqtt://")
    for user, words in (("boss:wrong", "Not authorized"), ("boss:pass", "check user name, password and ACL")):
        refused = run("publish", table, *options, f"mqtt://{user}@{host}")
        assert refused.exit_code == 1
        assert words in refused.output
    assert "expected SITE/EDGE" in run("publish", table, *options[:3], "gate", *options[4:], broker.url).output
    nokey = run("publish", table, "--key-file", str(tmp_path / "list.csv"), *options[2:], broker.url)
    assert "holds no key" in nokey.output


def test_a_list_longer_than_the_broker_lets_pass_is_refused() -> None:
    entry = WatchlistEntry(entry_id="one", exact="0" * 64, folded="0" * 64, expires=datetime(2099, 1, 1, tzinfo=UTC))
    with pytest.raises(WatchlistError, match=f"at most {MOST_WATCHED} items"):
        make_list("list", 1, PlateKey(bytes(32)), (entry,) * (MOST_WATCHED + 1))
