"""The camera on an event loop of its own thread, for programs that are not asynchronous, and its control over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from simulator.camera.server import ACTIONS, Action, Mode, PortTaken, RtspCamera

_T = TypeVar("_T")
_CALL_TIMEOUT_S = 10.0


class BackgroundCamera:
    """`with BackgroundCamera(camera) as running:` listens until the block ends. Raises PortTaken."""

    def __init__(self, camera: RtspCamera) -> None:
        self.camera = camera
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rtsp-camera", daemon=True)

    def __enter__(self) -> BackgroundCamera:
        self._thread.start()
        try:
            self._call(self.camera.start())
        except PortTaken:
            self._stop_loop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self.camera.close())
        self._stop_loop()

    @property
    def url(self) -> str:
        return self.camera.url

    def control(self, action: Action) -> Mode:
        """Fail on purpose, or resume (see `RtspCamera.control`); from any thread."""
        return self._call(self.camera.control(action))

    def _call(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_CALL_TIMEOUT_S)

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_TIMEOUT_S)
        self._loop.close()


class ControlServer:
    """`POST /stall` (drop, freeze, refuse, end, resume) and `GET /` as JSON, on the loopback interface only."""

    def __init__(self, camera: BackgroundCamera, port: int) -> None:
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_for(camera))
        except OSError as error:
            raise PortTaken(
                f"control port {port} cannot be used ({error.strerror}); choose another with --control-port"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="camera-control", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ControlServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler_for(camera: BackgroundCamera) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            rtsp = camera.camera
            self._send(200, {"url": rtsp.url, "mode": rtsp.mode, "players": rtsp.players, "at_s": rtsp.timeline.now_s})

        def do_POST(self) -> None:
            wanted = next((action for action in ACTIONS if self.path.strip("/") == action), None)
            if wanted is None:
                self._send(404, {"error": f"{self.path}: the actions are {', '.join(ACTIONS)}"})
            else:
                self._send(200, {"mode": camera.control(wanted)})

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """No line per request: the camera's own output says what matters."""

    return Handler
