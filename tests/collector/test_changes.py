"""Which of the lists that pages show has changed: told by the stream, and followed by pages that are open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from chromium import LANGUAGES, Browser, errors, one, says, sign_in, text, word
from collector_process import CollectorProcess, heard_on, wait_until
from selenium.webdriver.common.keys import Keys
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from collector import changes, hazards, watch_entries
from collector.api.places import NewHazard, hazard_row
from collector.changes import Changed
from collector.database import Database
from collector.schema_map import hazard_steps
from collector.schema_map import hazards as hazard_table
from collector.schema_watch import watch_entries as entries
from collector.watch_entries import Proposal

SPOT = {"latitude": 31.23, "longitude": 121.47}
HAZARD = {"site": "west", "hazard": "h-1", "title": "外墙砖松动", "level": "major", **SPOT}
WANTED = {"plate": "京A12345", "reason": "stolen, case 7", "expires": "2099-01-01T00:00:00Z"}


async def test_every_change_moves_a_number_and_nothing_else_does(database: Database) -> None:
    async def after(act: Callable[[AsyncConnection], Awaitable[object]]) -> list[tuple[str, str | None]]:
        async with database.read() as connection:
            before = await changes.look(connection)
        async with database.write() as connection:
            await act(connection)
        async with database.read() as connection:
            return [(one.list, one.site) for one in changes.between(before, await changes.look(connection))]

    async def propose(to: AsyncConnection) -> None:
        await watch_entries.propose(to, Proposal("京A12345", "stolen", 99), "li", 7)

    async def entry(to: AsyncConnection) -> str:
        return str((await to.execute(select(entries.c.entry_id))).scalar_one())

    async def approve(to: AsyncConnection) -> None:
        await watch_entries.decide(to, await entry(to), approve=True, by="wu", note=None, now_us=7)

    async def withdraw(to: AsyncConnection) -> None:
        await watch_entries.withdraw(to, await entry(to), by="wu", note=None, now_us=7)

    for act in (propose, approve, withdraw):
        assert await after(act) == [("watchlist", None)]
    rows = [hazard_row(NewHazard.model_validate({**HAZARD, "site": site}), 7) for site in ("west", "east")]
    assert await after(lambda to: to.execute(hazard_table.insert(), rows)) == [], (
        "a step goes with each, in its transaction"
    )
    assert await after(lambda to: hazards.found(to, "west", "h-1", "li", 7, "")) == [("hazards", "west")]
    assert await after(lambda to: hazards.found(to, "east", "h-1", "li", 7, "")) == [("hazards", "east")]
    assert await after(lambda to: hazards.found(to, "west", "h-1", "li", 7, "", "fixing")) == [("hazards", "west")]
    gone = delete(hazard_steps).where(hazard_steps.c.site == "west")
    assert await after(lambda to: to.execute(gone)) == [("hazards", "west")]
    assert await after(lambda to: to.execute(gone)) == []


@pytest.mark.services
def test_the_stream_tells_which_list_to_ask_for_again_within_ones_sites(running: CollectorProcess) -> None:
    with running.client("operator") as operator, running.client("viewer") as viewer:
        with viewer.stream("GET", "/api/v1/stream") as answer:
            operator.post("/api/v1/hazards", json=HAZARD).raise_for_status()
            _, kind, data = next(heard_on(answer))
            assert (kind, Changed.model_validate(data)) == ("changed", Changed(list="hazards", site="west"))
        token = {"name": "east-only", "role": "viewer", "sites": ["east"]}
        with running.client("admin") as admin:
            made = admin.post("/api/v1/tokens", json=token).raise_for_status().json()["token"]
        viewer.headers["Authorization"] = f"Bearer {made}"
        with viewer.stream("GET", "/api/v1/stream") as answer:
            step = {"state": "fixing"}
            operator.post("/api/v1/hazards/west/h-1/steps", json=step).raise_for_status()
            operator.post("/api/v1/watchlist/entries", json=WANTED).raise_for_status()
            _, kind, data = next(heard_on(answer))
            assert (kind, data) == ("changed", {"list": "watchlist", "site": None})


@pytest.mark.services
@pytest.mark.parametrize("language", LANGUAGES)
def test_open_pages_follow_hazards_and_the_watch_list(
    running: CollectorProcess, browse: Callable[..., Browser], language: str
) -> None:
    with running.client("operator") as operator, running.client("admin") as admin:
        operator.post("/api/v1/hazards", json=HAZARD).raise_for_status()
        browser = browse(1280, language)
        sign_in(browser, running, "operator", "#/map/west/hazards")
        one(browser, ".hazard-detail summary").send_keys(Keys.ENTER)
        one(browser, ".hazard-detail input").send_keys("scaffold ordered")
        operator.post("/api/v1/hazards/west/h-1/steps", json={"state": "fixing"}).raise_for_status()
        says(browser, ".hazard-detail .state", word(browser, "hazard_fixing"))
        wait_until(lambda: one(browser, ".pin.hazard").get_attribute("title").endswith(word(browser, "hazard_fixing")))
        assert one(browser, ".hazard-detail input").get_attribute("value") == "scaffold ordered", "typed, not yet sent"
        another = {**HAZARD, "hazard": "h-2", "title": "井盖破损", "latitude": 31.2301}
        operator.post("/api/v1/hazards", json=another).raise_for_status()
        says(browser, ".lines", "井盖破损")
        browser.get(f"{running.url}/#/watchlist")
        says(browser, ".watchlist .nothing", word(browser, "noEntries"))
        made = operator.post("/api/v1/watchlist/entries", json=WANTED).raise_for_status().json()["entry_id"]
        says(browser, ".watchlist td .mark", word(browser, "entry_proposed"))
        path = f"/api/v1/watchlist/entries/{made}/decisions"
        admin.post(path, json={"action": "approve"}).raise_for_status()
        says(browser, ".watchlist td .mark", word(browser, "entry_approved"))
        assert "A12345" not in text(browser, ".watchlist"), "masked, as no reason was given"
        assert errors(browser) == []
