"""One notification, sent through its channel: by Apprise, or as a signed webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
from apprise import Apprise, NotifyFormat, NotifyType
from sqlalchemy import Row

from collector.channels import Channel, ChannelError
from collector.instants import SECOND_US, to_text
from collector.reading import as_json
from collector.titles import titles

TIMEOUT_S = 20.0
SIGNATURE = "Watchpost-Signature"
_HEADINGS = {
    ("raised", "en"): "Alert",
    ("unacknowledged", "en"): "Nobody has acknowledged",
    ("overdue", "en"): "Overdue",
    ("raised", "zh"): "告警",
    ("unacknowledged", "zh"): "无人确认",
    ("overdue", "zh"): "已超时",
}
_TEMPORARY = frozenset({408, 425, 429})
_STRANGE = "the address is not one that Apprise understands"
_LOGIN = re.compile(r"(?<=://)[^/\s@]+@")


class Unsent(Exception):
    """Not now; trying again may help."""


class Refused(Exception):
    """Not like this; trying again will not help."""


async def send(channel: Channel, row: Row[Any], page: str | None, now_us: int) -> None:
    """Send a notification with its alert (`alert_` columns). Raises Unsent, Refused or ChannelError."""
    link = f"{page.rstrip('/')}/#/alerts/{row.alert_id}" if page else None
    if channel.webhook is not None:
        await _post(channel, document(row, link), now_us)
    else:
        await _tell(channel, *words(channel, row, link), urgent=row.alert_severity == "critical")


def words(channel: Channel, row: Row[Any], link: str | None) -> tuple[str, str]:
    """Heading and text for people; plates are masked in titles."""
    title = _titles(row)[channel.language]
    heading = f"{_HEADINGS[row.occasion, channel.language]} · {title}"
    lines = [title, f"{row.alert_site} / {row.alert_source}", str(to_text(row.alert_occurred_us))]
    return heading, "\n".join([*lines, *([link] if link else [])])


def document(row: Row[Any], link: str | None) -> dict[str, Any]:
    """What a webhook gets. `notification_id` is the same at every attempt."""
    return {
        "notification_id": row.notification_id,
        "occasion": row.occasion,
        "alert_id": row.alert_id,
        "type": row.alert_type,
        "severity": row.alert_severity,
        "state": row.alert_state,
        "titles": _titles(row),
        "site": row.alert_site,
        "edge": row.alert_edge,
        "source": row.alert_source,
        "events": row.alert_event_count,
        "occurred_at": to_text(row.alert_occurred_us),
        "raised_at": to_text(row.alert_raised_us),
        "due_at": to_text(row.alert_due_us),
        "link": link,
    }


def signature(key: bytes, body: bytes, now_us: int) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA-256 of `SECONDS.BODY`, so that an old message cannot be sent again later."""
    seconds = now_us // SECOND_US
    digest = hmac.new(key, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def trouble(channel: Channel) -> str | None:
    """Why it cannot be used, as far as that can be told without using it."""
    try:
        if channel.webhook is not None:
            channel.key()
        elif not Apprise().add(channel.apprise_address()):
            return f"channel {channel.name}: {_STRANGE}"
    except ChannelError as error:
        return str(error)
    return None


def example(now_us: int, text: str) -> Any:
    """An alert that says it is a test, as the table of notifications would give it."""
    alert = {
        "type": "sensor",
        "parameters": json.dumps({"sensor": "test", "kind": "test", "text": text}),
        "title": "Test alarm at test",
        "severity": "warning",
        "state": "new",
        "site": "test",
        "edge": "test",
        "source": "test",
        "event_count": 1,
        "occurred_us": now_us,
        "raised_us": now_us,
        "due_us": None,
    }
    named = {f"alert_{name}": value for name, value in alert.items()}
    return SimpleNamespace(notification_id=0, alert_id=str(UUID(int=0)), occasion="raised", **named)


def without_login(error: str) -> str:
    """The words of an error, without name and password of an address that it may quote."""
    return _LOGIN.sub("", error)


def _titles(row: Row[Any]) -> dict[str, str]:
    parameters = as_json(row.alert_parameters)
    if not parameters:
        return {"en": row.alert_title, "zh": row.alert_title}
    return {str(language): text for language, text in titles(row.alert_type, parameters).items()}


async def _post(channel: Channel, content: dict[str, Any], now_us: int) -> None:
    body = json.dumps(content, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", SIGNATURE: signature(channel.key(), body, now_us)}
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.post(str(channel.webhook), content=body, headers=headers)
    except httpx.HTTPError as error:
        raise Unsent(f"no answer: {error!r}") from error
    if answer.is_success:
        return
    told = f"the webhook answered {answer.status_code}"
    raise Refused(told) if answer.is_client_error and answer.status_code not in _TEMPORARY else Unsent(told)


async def _tell(channel: Channel, heading: str, text: str, *, urgent: bool) -> None:
    service = Apprise()
    if not service.add(channel.apprise_address()):
        raise Refused(_STRANGE)
    said: list[str] = []
    kind = NotifyType.FAILURE if urgent else NotifyType.WARNING
    done = await service.async_notify(
        body=text,
        title=heading,
        body_format=NotifyFormat.TEXT,  # what a sensor says is no markup, in mail neither
        notify_type=kind,
        timeout=TIMEOUT_S,
        log_level=logging.WARNING,
        log_callback=lambda entry, _service: said.append(entry.message),
    )
    if not done:
        raise Unsent("; ".join(said) or "the service did not take it")
