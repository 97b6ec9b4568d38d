"""The application in this process, with a clock of its own, for tests of the API."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from sample_events import SampleEdge, later_us

from collector import access
from collector.access import Role, Sites
from collector.api.app import create_app
from collector.database import database_url
from collector.ingest import ingest
from collector.messages import understand
from collector.service import Collector
from collector.settings import Settings

BASE = "http://collector.test"
WHY = {"reason": "case 2026-113"}


@dataclass
class Api:
    """The application in this process, and clients for every role."""

    app: FastAPI
    now_us: int = later_us(60)

    @property
    def collector(self) -> Collector:
        found: Collector = self.app.state.collector
        return found

    async def take(self, edge: SampleEdge, *events: dict[str, Any]) -> None:
        """As if the broker had brought them."""
        understood = [one for event in events for one in understand(edge.incoming(event))]
        await ingest(self.collector.database, understood, self.now_us)

    async def client(self, role: Role | None, *, sites: Sites = None, name: str | None = None) -> httpx.AsyncClient:
        """With a token of this role; for None without one, as a browser on our own page."""
        headers = {"Origin": BASE} if role is None else {}
        if role is not None:
            name = name or f"{role}-{uuid4().hex[:6]}"
            token = await access.create_token(self.collector.database, name, role, self.now_us, sites=sites)
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE, headers=headers)

    async def get(self, path: str, role: Role = Role.OPERATOR, **params: Any) -> httpx.Response:
        """One answer to this role."""
        async with await self.client(role) as client:
            return await client.get(path, params=params)


@asynccontextmanager
async def started(folder: Path, store: Path | None = None, **settings: Any) -> AsyncIterator[Api]:
    """The application over a folder; `store` is a migrated database to begin with."""
    if store is not None:
        shutil.copy(store, folder / "collector.db")
    told = Settings(folder, database_url(settings.pop("database", None), folder), None, **settings)
    api = Api(create_app(told, lambda: api.now_us))
    async with api.app.router.lifespan_context(api.app):
        yield api
