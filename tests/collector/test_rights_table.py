"""Every endpoint with every role: as docs/ref/roles.md says; and nobody gets a plate without the right and a reason.

Both walk what the running application offers, so that a new endpoint cannot be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from collector_api import Api, started
from sample_events import SampleEdge

from collector import watch_entries
from collector.access import Role
from collector.api.roles import ORDER, roles_of, routes_of, table_of, takes_reason
from collector.watch_entries import Proposal

PAGE = Path(__file__).parents[2] / "docs" / "ref" / "roles.md"
SECRETS = ("A12345", "12346", "B99999", "9" * 40, "C55555", "D66666", "987-CD", "987CD")
"""Plates of the store and of what people have written, what they may be instead, and the hash that stands for one:
never for eyes without the right."""
WRITTEN = "look for 苏C·55555 and 浙Ｄ 66666, or AB-987-CD"


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        edge = SampleEdge()
        passage = edge.passage("京A12345", subject="京A12345")
        passage["data"]["raw_text"] = "京A12345"  # a key of a newer edge
        hashed = edge.passage("", "p3")
        hashed["data"] |= {"plate": None, "plate_digest": "9" * 64, "plate_key_id": "ab" * 8}
        hit = edge.hit("京A12345")
        hit["data"] |= {"rule": "confusable", "confused": [{"place": 3, "read": "1", "listed": "L"}]}
        said = edge.sensor()
        said["data"]["text"] = WRITTEN
        await found.take(edge, passage, edge.passage("沪B99999", "p2"), hashed, hit, edge.fall(), said)
        proposal = Proposal("京A12345", WRITTEN, found.now_us + 10**12)
        async with found.collector.database.write() as connection:
            await watch_entries.propose(connection, proposal, "li", found.now_us)
        await _write_everywhere(found)
        yield found


async def _write_everywhere(api: Api) -> None:
    """Plates in all that people may type."""
    async with await api.client(Role.OPERATOR) as client:
        alert = (await client.get("/api/v1/alerts", params={"type": "watchlist_hit"})).json()["items"][0]["alert_id"]
        where = {"latitude": 31.2, "longitude": 121.4, "title": WRITTEN, "note": WRITTEN}
        for method, path, body in (
            ("POST", f"alerts/{alert}/comments", {"text": WRITTEN}),
            ("POST", f"alerts/{alert}/steps", {"state": "acknowledged", "reason": WRITTEN}),
            ("POST", "passages/2/corrections", {"plate": "沪B99999", "reason": WRITTEN}),
            ("POST", "holds", {"kind": "alert", "subject": alert, "reason": WRITTEN}),
            ("POST", "hazards", {"site": "west", "hazard": "h-1", **where}),
            ("PUT", "places/west/x1", where),
        ):
            answer = await client.request(method, f"/api/v1/{path}", json=body)
            assert answer.is_success, answer.text


async def known_ids(api: Api) -> dict[str, str]:
    """What stands for the parts of an address in braces."""
    async with await api.client(Role.OPERATOR) as client:
        alert = (await client.get("/api/v1/alerts", params={"type": "watchlist_hit"})).json()["items"][0]
        entry = (await client.get("/api/v1/watchlist/entries")).json()["items"][0]
    return {
        "alert_id": alert["alert_id"],
        "event_id": alert["event_id"],
        "entry_id": entry["entry_id"],
        "plate": "京A12345",
        "number": "1",
        "sha256": "ab" * 32,
        "site": "west",
        "edge": "gate-1",
        "camera": "lane-1",
        "kind": "sensor",
        "name": "nobody",
        "severity": "warning",
        "hazard": "h-1",
    }


def addresses(api: Api, ids: dict[str, str]) -> Iterator[tuple[str, str, Any]]:
    """(method, path, route) of all endpoints that say who may call them."""
    for method, route in routes_of(api.app):
        if roles_of(route) is not None:
            yield method, re.sub(r"{(\w+)}", lambda part: ids.get(part[1], "x1"), route.path), route


async def test_the_page_says_what_the_application_does(api: Api) -> None:
    assert PAGE.read_text(encoding="utf-8") == table_of(api.app), "`make docs` writes it again"


@pytest.mark.parametrize("role", ORDER)
async def test_every_endpoint_lets_in_whom_the_table_names(api: Api, role: Role) -> None:
    ids = {name: str(uuid4()) if name.endswith("_id") else value for name, value in (await known_ids(api)).items()}
    called = 0
    for method, path, route in addresses(api, ids):
        if path == "/api/v1/stream":  # it never ends; test_stream has it
            continue
        async with await api.client(role) as client:
            answer = await client.request(method, path, params={"reason": "table test"} if takes_reason(route) else {})
        allowed = roles_of(route)
        assert allowed is not None
        refused = answer.status_code == 403 and "role" in answer.json()["detail"]
        assert refused == (role not in allowed), (role, method, path, answer.text)
        assert answer.status_code < 500, (method, path, answer.text)
        called += 1
    assert called > 30


async def every_answer(api: Api, client: httpx.AsyncClient, **params: str) -> AsyncIterator[tuple[str, str]]:
    """(path, text) of all that can be read."""
    for method, path, route in addresses(api, await known_ids(api)):
        if method == "GET" and path != "/api/v1/stream":
            answer = await client.get(path, params=params if takes_reason(route) else {})
            yield path, answer.text
            for following in ("plate", "who"):
                yield path, (await client.get(path, params={**params, following: "京A12345"})).text


@pytest.mark.parametrize("role", [Role.EDGE, Role.VIEWER])
async def test_no_endpoint_tells_a_plate_to_a_role_without_the_right(api: Api, role: Role) -> None:
    async with await api.client(role) as client:
        async for path, text in every_answer(api, client, reason="I would like to"):
            for secret in SECRETS:
                assert secret not in text, (path, secret)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR, Role.ADMIN])
async def test_no_endpoint_tells_a_plate_without_a_reason(api: Api, role: Role) -> None:
    """Only an open hit on the watch list and an entry that waits for one's own decision are reasons of their own."""
    own_reason = {path for name, part in (await known_ids(api)).items() for path in _speaking(name, part)}
    async with await api.client(role) as client:
        async for path, text in every_answer(api, client):
            for secret in SECRETS:
                assert path in own_reason or secret not in text, (path, secret)


def _speaking(name: str, part: str) -> list[str]:
    kinds = {"alert_id": "alerts", "event_id": "events", "entry_id": "watchlist/entries"}
    return [f"/api/v1/{kinds[name]}/{part}"] if name in kinds else []
