"""What is published about an alert, as rows of the messages table: its news, and its retained state."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from collector.alerts import CLOSED, NEWS_FOR, Draft
from collector.instants import to_instant, to_us
from collector.titles import Language, titles
from contract.alerts import AlertMessage, AlertStateMessage
from contract.events import EvidenceRef
from contract.topics import SiteTopics

MessageRow = dict[str, object]
MOST_EVIDENCE = 20
"""Files that an alert names; more stay with the event. A message larger than the broker takes would stop all alerts."""


def news(
    alert: Mapping[str, Any],
    draft: Draft,
    evidence: tuple[EvidenceRef, ...],
    now_us: int,
    event_count: int = 1,
    told: Mapping[Language, str] | None = None,
) -> MessageRow:
    """An alert that is new, or that one more event has joined (`draft` is that event's, `told` its titles)."""
    told = told or titles(draft.type, draft.parameters)
    expires = to_instant(now_us) + NEWS_FOR
    message = AlertMessage.model_validate(
        {
            "alert_id": alert["alert_id"],
            "type": alert["type"],
            "severity": alert["severity"],
            "certainty": draft.certainty,
            "title": told["en"],
            "titles": told,
            "site": draft.site,
            "edge": draft.edge,
            "source": draft.source,
            "occurred_at": draft.occurred_at,
            "raised_at": to_instant(alert["raised_us"]),
            "event_id": draft.event_id,
            "events": event_count,
            "late": draft.late,
            "evidence": evidence[:MOST_EVIDENCE],
            "due": _instant(alert["due_us"]),
            "expires": expires,
        }
    )
    topic = _topic(draft.site, alert["severity"], draft.type)
    return _row(topic, message.model_dump_json(), False, now_us, to_us(expires))


@functools.lru_cache(maxsize=1024)
def _topic(site: str, severity: str, alert_type: str) -> str:
    return SiteTopics(site).alert(severity, alert_type)


def state(alert: Mapping[str, Any], by: str | None, now_us: int) -> list[MessageRow]:
    """Its state as it is now, retained; a closed one is told once more, then the retained message is cleared."""
    content = AlertStateMessage(
        alert_id=UUID(alert["alert_id"]),
        state=alert["state"],
        at=to_instant(now_us),
        by=by,
        unit=alert["unit"],
        due=_instant(alert["due_us"]),
        overdue=alert["overdue_us"] is not None,
    )
    topic = SiteTopics(alert["site"]).alert_state(alert["alert_id"])
    told = [_row(topic, content.model_dump_json(), True, now_us, None)]
    return [*told, _row(topic, "", True, now_us, None)] if alert["state"] in CLOSED else told


def _row(topic: str, payload: str, retain: bool, now_us: int, expires_us: int | None) -> MessageRow:
    return {"topic": topic, "payload": payload, "retain": retain, "created_us": now_us, "expires_us": expires_us}


def _instant(us: int | None) -> Any:
    return None if us is None else to_instant(us)
