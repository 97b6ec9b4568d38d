"""The web application: endpoints, the page's files, and what every answer carries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.api import (
    alerts,
    audit,
    duty,
    events,
    evidence,
    heat,
    map_imports,
    metrics,
    notifications,
    passages,
    people,
    places,
    retention,
    session,
    site_map,
    site_plans,
    statistics,
    status,
    stream,
    units,
    vehicles,
    watchlist,
)
from collector.api.described import describe
from collector.api.guard import known_parameters
from collector.api.problems import add_problems
from collector.instants import Clock, system_clock
from collector.service import Collector
from collector.settings import Settings

STATIC = Path(__file__).resolve().parents[1] / "web" / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; "
        "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def create_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """The application; the collector starts and ends with it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.collector = await Collector.start(settings, clock)
        try:
            yield
        finally:
            await app.state.collector.stop()

    app = FastAPI(
        title="Watchpost collector", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    for part in (
        events,
        alerts,
        units,
        notifications,
        duty,
        statistics,
        status,
        evidence,
        metrics,
        session,
        people,
        audit,
        passages,
        vehicles,
        watchlist,
        retention,
        site_plans,
        site_map,
        places,
        map_imports,
        heat,
        stream,
    ):
        app.include_router(part.router, dependencies=[Depends(known_parameters)])
    app.add_middleware(SecureHeaders)
    add_problems(app)
    _add_health(app)
    _add_page(app)
    describe(app)
    return app


class SecureHeaders:
    """Adds what every answer carries, and leaves what an endpoint has set itself. Streams pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caching = "no-store" if scope["path"].startswith("/api/") else "no-cache"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**HEADERS, "Cache-Control": caching}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz(request: Request) -> JSONResponse:
        """Whether the process works; 503 means: restart it."""
        collector: Collector = request.app.state.collector
        ended = [task.get_name() for task in collector.tasks if task.done()]
        counted = vars(collector.intake.tally) if collector.intake else {}
        return JSONResponse({"ok": not ended, "ended": ended, "messages": counted}, 503 if ended else 200)

    @app.get("/readyz", tags=["health"])
    async def readyz(request: Request) -> JSONResponse:
        """Whether events can come in right now; 503 says why not."""
        trouble = request.app.state.collector.trouble()
        return JSONResponse({"ready": not trouble, "trouble": trouble}, 503 if trouble else 200)

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        """This API's description."""
        return JSONResponse(app.openapi())


def _add_page(app: FastAPI) -> None:
    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")

    @app.get("/", include_in_schema=False)
    @app.get("/sign-in", include_in_schema=False)
    async def live_page() -> FileResponse:
        """The live page: one file, the rest are its modules."""
        return FileResponse(STATIC / "index.html")
