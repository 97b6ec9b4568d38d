"""People are told outside the page: real mail and HTTP servers, a real collector, what fails is tried again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.wecombot import NotifyWeComBot
from click.testing import CliRunner
from collector_process import CollectorProcess, MqttPeer, publish, wait_until
from pydantic import SecretStr
from sample_events import SampleEdge
from services import Mosquitto, free_port

from collector import sending
from collector.__main__ import main
from collector.channels import Channel
from collector.configuration import ConfigurationError, load

ROOT = Path(__file__).parents[2]
KEY = b"between you and me"


@dataclass
class Mailbox:
    """Takes every mail."""

    mails: list[Any] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


@dataclass
class Hook:
    """An HTTP server that notes what is posted; the first answers are `refusals`, then 200."""

    refusals: list[int] = field(default_factory=list)
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def __enter__(self) -> Hook:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(hook.refusals.pop(0) if hook.refusals else 200)
                self.end_headers()
                self.wfile.write(b'{"errcode": 0}')

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    server = Controller(box, "127.0.0.1", port)
    server.start()
    yield box, port
    server.stop()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as found:
        yield found


def mail_to(port: int, name: str) -> str:
    return f"mailto://127.0.0.1:{port}?from=watchpost@example.org&to={name}@example.org&mode=insecure"


@pytest.mark.services
def test_a_fall_is_mailed_posted_and_escalated(
    mosquitto: Mosquitto, peer: MqttPeer, tmp_path: Path, mailbox: tuple[Mailbox, int], hook: Hook
) -> None:
    box, port = mailbox
    hook.refusals = [503]
    (tmp_path / "key").write_bytes(KEY + b"\n")
    channels: list[dict[str, Any]] = [
        {"name": "duty", "address": mail_to(port, "duty"), "language": "en"},
        {"name": "leader", "address": mail_to(port, "leader"), "after_s": 3, "severities": ["critical"]},
        {"name": "dispatch", "webhook": f"{hook.url}/alerts", "secret_file": str(tmp_path / "key")},
    ]
    config = {"notifications": {"page": "https://watch.example.org", "channels": channels}}
    (tmp_path / "collector.yaml").write_text(yaml.safe_dump(config))
    options = ("--config", str(tmp_path / "collector.yaml"))
    collector = CollectorProcess(tmp_path / "collector", mosquitto.url, options=options)
    collector.start()
    try:
        edge = SampleEdge()
        now = datetime.now(UTC).isoformat()
        publish(peer, edge, edge.fall(time=now), edge.sensor("manhole", time=now), edge.passage(time=now))
        wait_until(lambda: len(box.mails) == 2, 10)
        with collector.client("operator") as client:
            found = client.get("/api/v1/alerts", params={"state": "open"}).json()["items"]
            (fall,) = [alert for alert in found if alert["type"] == "falling_object"]
            wait_until(lambda: len(box.mails) == 3, 10)  # nobody acknowledges: the leader is told
            assert client.get("/api/v1/alerts", params={"state": "new"}).json()["items"]
        wait_until(lambda: len(hook.posts) == 3, 15)  # the first was answered 503, and came again
        subjects = sorted((mail["To"], mail["Subject"]) for mail in box.mails)
        assert [to.addresses[0].username for to, _ in subjects] == ["duty", "duty", "leader"]
        assert "Object fell from floor 7" in " ".join(subject for _, subject in subjects)
        assert subjects[-1][1].startswith("无人确认 · 高空抛物")
        link = f"https://watch.example.org/#/alerts/{fall['alert_id']}"
        assert any(link in mail.get_body(("plain",)).get_content() for mail in box.mails)
        contents = [json.loads(body) for _, _, body in hook.posts]
        assert contents[0]["notification_id"] in [content["notification_id"] for content in contents[1:]]
        assert {content["type"] for content in contents} == {"falling_object", "sensor"}
        for _, headers, body in hook.posts:
            seconds, signed = (part.partition("=")[2] for part in headers["watchpost-signature"].split(","))
            expected = hmac.new(KEY, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
            assert hmac.compare_digest(signed, expected)
    finally:
        collector.end()


@pytest.mark.services
def test_who_acknowledges_in_time_spares_the_leader(
    mosquitto: Mosquitto, peer: MqttPeer, tmp_path: Path, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    channels: list[dict[str, Any]] = [{"name": "leader", "address": mail_to(port, "leader"), "after_s": 3}]
    rules = {"due": {"critical": {"acknowledge_s": 60, "arrive_s": 2, "close_s": 60}}}
    reminded = {"name": "shift", "address": mail_to(port, "shift"), "after_s": 50, "overdue": True}
    config = {"alerts": rules, "notifications": {"channels": [*channels, reminded]}}
    (tmp_path / "collector.yaml").write_text(yaml.safe_dump(config))
    collector = CollectorProcess(
        tmp_path / "collector", mosquitto.url, options=("--config", str(tmp_path / "collector.yaml"))
    )
    collector.start()
    try:
        edge = SampleEdge()
        publish(peer, edge, edge.fall(time=datetime.now(UTC).isoformat()))
        wait_until(lambda: len(peer.on("/alert/")) == 1)
        key = peer.on("/alert/")[0]["alert_id"]
        with collector.client("operator") as client:
            assert client.post(f"/api/v1/alerts/{key}/steps", json={"state": "acknowledged"}).status_code == 201
            wait_until(lambda: any(state["overdue"] for state in peer.on("/alert-state/")), 10)
            kinds = [step["kind"] for step in client.get(f"/api/v1/alerts/{key}").json()["steps"]]
            assert kinds == ["raised", "state", "overdue"]
        wait_until(lambda: len(box.mails) == 1, 10)
        assert box.mails[0]["To"].addresses[0].username == "shift"
        assert box.mails[0]["Subject"].startswith("已超时")
    finally:
        collector.end()


def alert_row(**changes: Any) -> Any:
    parameters = {"camera": "tower", "certainty": "confirmed", "floor": 7, "column": 3}
    row = {"alert_id": "a1", "notification_id": 1, "occasion": "raised", "alert_type": "falling_object"}
    row |= {"alert_parameters": json.dumps(parameters), "alert_severity": "critical", "alert_site": "west"}
    return SimpleNamespace(**{**row, "alert_source": "tower", "alert_occurred_us": 0, **changes})


def test_what_a_sensor_says_is_no_markup_in_a_mail(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    words = '<img src="http://evil.example/seen.png"><a href="http://evil.example">sign in</a>'
    parameters = json.dumps({"sensor": "hall", "kind": "smoke", "text": words})
    row = alert_row(alert_type="sensor", alert_parameters=parameters)
    asyncio.run(sending.send(Channel(name="duty", address=SecretStr(mail_to(port, "duty"))), row, None, 0))
    (mail,) = box.mails
    bodies = [part.get_content() for part in mail.walk() if part.get_content_type() == "text/html"]
    assert all("<img" not in body and "<a " not in body for body in bodies)
    assert "<img src=" in mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize(
    ("service", "address", "path"),
    [
        (NotifyWeComBot, "wecombot://botkey-1234567890", "/wecom?key=botkey-1234567890"),
        (NotifyDingTalk, "dingtalk://SECsecret@abcdef0123456789", "/dingtalk?access_token=abcdef0123456789"),
    ],
)
def test_wecom_and_dingtalk_are_told_in_their_own_way(
    monkeypatch: pytest.MonkeyPatch, hook: Hook, service: Any, address: str, path: str
) -> None:
    name, key = path[1:].split("?", maxsplit=1)[0], path.split("?")[1].split("=", maxsplit=1)[0]
    places = {"key": "{key}", "access_token": "{token}"}
    monkeypatch.setattr(service, "notify_url", f"{hook.url}/{name}?{key}={places[key]}")
    channel = Channel(name="duty", address=SecretStr(address))
    asyncio.run(sending.send(channel, alert_row(), None, 0))
    ((posted, _, body),) = hook.posts
    assert posted.startswith(path)
    assert "高空抛物：7 层 第 3 列（tower）" in json.dumps(json.loads(body), ensure_ascii=False)


def test_what_will_never_work_is_not_tried_again(hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY)
    channel = Channel.model_validate({"name": "d", "webhook": hook.url, "secret_file": tmp_path / "key"})
    row = alert_row(
        alert_state="new", alert_edge="e", alert_event_count=1, alert_raised_us=0, alert_due_us=None, alert_title="x"
    )
    hook.refusals = [404, 500, 429]
    for expected in (sending.Refused, sending.Unsent, sending.Unsent):
        with pytest.raises(expected):
            asyncio.run(sending.send(channel, row, None, 0))
    unknown = Channel(name="d", address=SecretStr("nonsense://x"))
    with pytest.raises(sending.Refused):
        asyncio.run(sending.send(unknown, row, None, 0))


def test_the_shipped_configuration_is_that_of_a_collector_without_one() -> None:
    shipped = load(ROOT / "configs" / "collector.yaml")
    assert shipped == type(shipped)()
    examples = [
        line.removeprefix("  # - ")
        for line in (ROOT / "configs" / "collector.yaml").read_text().splitlines()
        if line.startswith("  # - ")
    ]
    assert len([Channel.model_validate(yaml.safe_load(line)) for line in examples]) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alerts: {du: {}}", "alerts.du"),
        ("alerts: [", "not YAML"),
        ("notifications: {channels: [{name: a}]}", "exactly one of"),
        ("notifications: {channels: [{name: a, webhook: 'http://x.example'}]}", "secret_file"),
        ("notifications: {channels: [{name: a, address: x}, {name: a, address: x}]}", "two channels are called a"),
    ],
)
def test_a_wrong_configuration_says_where_and_why(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "collector.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"collector\.yaml") as caught:
        load(path)
    assert words in str(caught.value)


def test_a_channel_can_be_tried_from_the_command_line(mailbox: tuple[Mailbox, int], tmp_path: Path) -> None:
    box, port = mailbox
    channels = [
        {"name": "duty", "address": mail_to(port, "duty"), "language": "en"},
        {"name": "nobody", "address": mail_to(free_port(), "nobody")},
    ]
    (tmp_path / "collector.yaml").write_text(yaml.safe_dump({"notifications": {"channels": channels}}))
    config = ["--config", str(tmp_path / "collector.yaml")]
    assert CliRunner().invoke(main, ["notify", "duty", *config]).output == "duty: taken\n"
    assert [mail["Subject"] for mail in box.mails] == ["Alert · Test alarm at test: collector notify"]
    failed = CliRunner().invoke(main, ["notify", "nobody", *config])
    assert (failed.exit_code, failed.output[:13]) == (1, "Error: nobody")
    assert "it has: duty, nobody" in CliRunner().invoke(main, ["notify", "leader", *config]).output
