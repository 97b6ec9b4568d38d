"""Who is let in: the first administrator, names and passwords, roles, sites, tokens that end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from collector_api import BASE, Api, started
from sample_events import SampleEdge

from collector import people
from collector.access import SESSION_US, Role
from collector.instants import SECOND_US, to_text

PASSWORD = "correct horse battery"


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        yield found


async def let_in(api: Api, name: str, role: str, sites: list[str] | None = None) -> httpx.Response:
    body = {"name": name, "role": role, "sites": sites, "password": PASSWORD, "full_name": "李伟"}
    async with await api.client(Role.ADMIN) as admin:
        return await admin.post("/api/v1/users", json=body)


async def sign_in(api: Api, name: str, password: str = PASSWORD) -> tuple[httpx.AsyncClient, httpx.Response]:
    client = await api.client(None)
    return client, await client.post("/api/v1/session", json={"name": name, "password": password})


async def test_the_first_administrator_is_made_once_with_the_token_of_the_console(api: Api) -> None:
    token = await people.offer_first_admin(api.collector.database)
    body = {"token": token, "name": "wang", "password": PASSWORD}
    async with await api.client(None) as client:
        wrong = await client.post("/api/v1/session/first-admin", json={**body, "token": "x" * 32})
        assert wrong.status_code == 403
        weak = await client.post("/api/v1/session/first-admin", json={**body, "password": "short"})
        assert weak.status_code == 422
        assert "short" not in weak.text
        made = await client.post("/api/v1/session/first-admin", json=body)
        assert (made.status_code, made.json()["role"]) == (201, "admin")
        assert (await client.get("/api/v1/users")).json()[0]["name"] == "wang"
        assert (await client.post("/api/v1/session/first-admin", json={**body, "name": "eve"})).status_code == 403
    assert await people.offer_first_admin(api.collector.database) is None


async def test_the_token_of_the_console_sent_twice_at_once_makes_one_administrator(api: Api) -> None:
    token = await people.offer_first_admin(api.collector.database)

    async def take(name: str) -> int:
        async with await api.client(None) as client:
            body = {"token": token, "name": name, "password": PASSWORD}
            return (await client.post("/api/v1/session/first-admin", json=body)).status_code

    assert sorted(await asyncio.gather(take("wang"), take("eve"))) == [201, 403]


async def test_name_and_password_let_in_until_an_administrator_says_no(api: Api) -> None:
    assert (await let_in(api, "li.wei", "operator")).status_code == 201
    assert (await let_in(api, "li.wei", "operator")).status_code == 422
    client, answer = await sign_in(api, "li.wei")
    until = to_text(api.now_us + SESSION_US)
    assert answer.json() == {
        "name": "li.wei", "role": "operator", "sees_plates": True, "sites": None, "until": until,
    }  # fmt: skip
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    async with aclosing(client), await api.client(Role.ADMIN) as admin:
        assert (await client.get("/api/v1/events")).status_code == 200
        changed = await admin.patch("/api/v1/users/li.wei", json={"disabled": True})
        assert changed.json()["disabled_at"]
        assert PASSWORD not in changed.text
        assert (await client.get("/api/v1/events")).status_code == 401, "his sessions end at once"
    _, again = await sign_in(api, "li.wei")
    assert again.status_code == 403


async def test_passwords_are_kept_as_argon2_and_can_be_changed(api: Api) -> None:
    await let_in(api, "li.wei", "viewer")
    async with api.collector.database.read() as connection:
        (row,) = await people.listed(connection)
    assert row.password.startswith("$argon2id$")
    client, _ = await sign_in(api, "li.wei")
    async with aclosing(client):
        wrong = await client.put("/api/v1/session/password", json={"old": "nonsense", "new": "another passphrase"})
        assert wrong.status_code == 403
        right = await client.put("/api/v1/session/password", json={"old": PASSWORD, "new": "another passphrase"})
        assert right.status_code == 204
    assert (await sign_in(api, "li.wei"))[1].status_code == 403
    assert (await sign_in(api, "li.wei", "another passphrase"))[1].status_code == 201


async def test_a_password_that_an_administrator_has_set_anew_is_changed_before_it_lets_in(api: Api) -> None:
    await let_in(api, "li.wei", "operator")
    before, _ = await sign_in(api, "li.wei")
    for _ in range(6):
        await sign_in(api, "li.wei", "what was it again?")
    assert (await sign_in(api, "li.wei"))[1].status_code == 429
    async with await api.client(Role.ADMIN) as admin:
        assert (await admin.patch("/api/v1/users/li.wei", json={"password": "temporary-2026"})).status_code == 200
        acts = [act["action"] for act in (await admin.get("/api/v1/audit")).json()["items"]]
        assert acts[0] == "reset-password"
    async with aclosing(before):
        assert (await before.get("/api/v1/events")).status_code == 401, "his sessions end"
    assert (await sign_in(api, "li.wei"))[1].status_code == 403, "the old one holds no more"
    client, refused = await sign_in(api, "li.wei", "temporary-2026")
    assert (refused.status_code, "set-cookie" in refused.headers) == (409, False)
    async with aclosing(client):
        body = {"name": "li.wei", "password": "temporary-2026"}
        for new, status in (("temporary-2026", 422), ("short", 422), ("my own passphrase", 201)):
            assert (await client.post("/api/v1/session", json={**body, "new": new})).status_code == status, new
        assert (await client.get("/api/v1/events")).status_code == 200
    assert (await sign_in(api, "li.wei", "temporary-2026"))[1].status_code == 403
    assert (await sign_in(api, "li.wei", "my own passphrase"))[1].status_code == 201


async def test_an_administrator_changes_his_own_password_with_the_old_one(api: Api) -> None:
    await let_in(api, "wang", "admin")
    client, _ = await sign_in(api, "wang")
    async with aclosing(client):
        assert (await client.patch("/api/v1/users/wang", json={"password": "temporary-2026"})).status_code == 409


async def test_guessing_is_slowed_down_and_tells_no_names(api: Api) -> None:
    await let_in(api, "li.wei", "operator")
    said = set()
    for name in ("li.wei", "nobody"):
        for _ in range(5):
            answer = (await sign_in(api, name, "a wrong password"))[1]
            said.add((answer.status_code, answer.json()["detail"]))
    assert said == {(403, "name or password is wrong")}
    stopped = (await sign_in(api, "li.wei"))[1]
    assert stopped.status_code == 429, "even the right one must wait now"
    assert 0 < int(stopped.headers["retry-after"]) <= 900
    api.now_us += 901 * SECOND_US
    assert (await sign_in(api, "li.wei"))[1].status_code == 201


async def test_guesses_sent_at_once_are_counted_too(api: Api) -> None:
    await let_in(api, "li.wei", "operator")
    tries = [sign_in(api, "li.wei", f"a wrong password {number}") for number in range(20)]
    answers = [answer.status_code for _, answer in await asyncio.gather(*tries)]
    assert (answers.count(403), answers.count(429)) == (5, 15)
    assert (await sign_in(api, "li.wei"))[1].status_code == 429


async def test_who_knows_his_password_uses_up_no_tries(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(people.MOST_FAILURES, "address", 1)
    await let_in(api, "li.wei", "operator")
    for _ in range(3):
        assert (await sign_in(api, "li.wei"))[1].status_code == 201
    assert (await sign_in(api, "nobody", "a wrong password"))[1].status_code == 403
    assert (await sign_in(api, "li.wei"))[1].status_code == 429


async def test_a_page_of_another_origin_can_neither_sign_in_nor_act(api: Api) -> None:
    await let_in(api, "li.wei", "admin")
    client, _ = await sign_in(api, "li.wei")
    async with aclosing(client):
        for origin in ("https://evil.example", "null"):
            refused = await client.post("/api/v1/tokens", json={}, headers={"Origin": origin})
            assert refused.status_code == 403
            body = {"name": "li.wei", "password": PASSWORD}
            assert (await client.post("/api/v1/session", json=body, headers={"Origin": origin})).status_code == 403


async def test_who_may_see_one_site_sees_nothing_of_another(api: Api) -> None:
    west, east = SampleEdge(), SampleEdge(site="east", edge="gate-9")
    fall, hit = east.fall(), east.hit()
    await api.take(west, west.fall(), west.passage())
    await api.take(east, fall, hit, east.passage())
    async with await api.client(Role.OPERATOR) as client:
        everything = (await client.get("/api/v1/alerts")).json()["items"]
    foreign = next(item["alert_id"] for item in everything if item["site"] == "east")
    async with await api.client(Role.OPERATOR, sites=("west",)) as client:
        for path in ("events", "alerts", "edges", "cameras", "sequences", "passages", "overview", "checkpoints"):
            text = (await client.get(f"/api/v1/{path}")).text
            assert "east" not in text, path
            assert "gate-9" not in text, path
        for path in (f"alerts/{foreign}", f"events/{fall['id']}", f"events/{hit['id']}"):
            assert (await client.get(f"/api/v1/{path}", params={"reason": "curious"})).status_code == 404, path
        step = await client.post(f"/api/v1/alerts/{foreign}/steps", json={"state": "acknowledged"})
        assert step.status_code == 404


async def test_an_administrator_of_one_site_cannot_give_away_more(api: Api) -> None:
    async with await api.client(Role.ADMIN, sites=("west",)) as client:
        body = {"name": "helper", "role": "admin", "password": PASSWORD}
        assert (await client.post("/api/v1/users", json=body)).status_code == 403
        assert (await client.post("/api/v1/tokens", json={"name": "t", "role": "admin"})).status_code == 403


async def test_a_token_and_a_person_never_have_one_name(api: Api) -> None:
    await let_in(api, "li.wei", "operator")
    async with await api.client(Role.ADMIN) as admin:
        taken = await admin.post("/api/v1/tokens", json={"name": "li.wei", "role": "operator"})
        assert (taken.status_code, "li.wei" in taken.json()["detail"]) == (409, True)
        assert (await admin.post("/api/v1/tokens", json={"name": "gateway", "role": "viewer"})).status_code == 201
    assert (await let_in(api, "gateway", "operator")).status_code == 422


async def test_what_concerns_all_sites_is_not_for_who_is_limited_to_one(api: Api) -> None:
    due = {"acknowledge_s": 60, "arrive_s": 600, "close_s": 3600}
    async with await api.client(Role.ADMIN, sites=("west",)) as admin:
        for path, body in (("retention/sensor", {"days": 40}), ("duty/due/critical", due)):
            assert (await admin.put(f"/api/v1/{path}", json=body)).status_code == 403, path
        for path in ("users", "tokens"):
            assert (await admin.get(f"/api/v1/{path}")).status_code == 403, path
    async with await api.client(Role.AUDITOR, sites=("west",)) as auditor:
        for path in ("audit", "audit/check"):
            refused = await auditor.get(f"/api/v1/{path}")
            assert refused.status_code == 403, path
            assert "all sites" in refused.json()["detail"]


async def test_tokens_end_by_themselves_and_at_once(api: Api) -> None:
    body = {"name": "gateway", "role": "viewer", "sites": ["west"], "expires": "2026-03-01T09:00:00Z"}
    async with await api.client(Role.ADMIN) as admin:
        token = (await admin.post("/api/v1/tokens", json=body)).json()["token"]
        assert (await admin.post("/api/v1/tokens", json=body)).status_code == 409
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url=BASE, headers=headers) as client:
            assert (await client.get("/api/v1/session")).json()["sites"] == ["west"]
            api.now_us += 3600 * SECOND_US
            assert (await client.get("/api/v1/session")).status_code == 401
        shown = (await admin.get("/api/v1/tokens")).text
        assert token not in shown
        assert (await admin.delete("/api/v1/tokens/gateway")).status_code == 204
        assert (await admin.delete("/api/v1/tokens/gateway")).status_code == 404


async def test_an_administrator_cannot_lock_himself_out(api: Api) -> None:
    await let_in(api, "wang", "admin")
    client, _ = await sign_in(api, "wang")
    async with aclosing(client):
        assert (await client.patch("/api/v1/users/wang", json={"role": "viewer"})).status_code == 409
        assert (await client.patch("/api/v1/users/wang", json={})).status_code == 422
        assert (await client.patch("/api/v1/users/none", json={"role": "viewer"})).status_code == 404
