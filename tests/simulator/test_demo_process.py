"""`simulator demo` as a process: it ends when asked, at any moment, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
CAMERA = (
    "{{id: t, scene: tower, width: {width}, height: {height}, fps: 10, duration_s: {duration_s}, options: {options}}}"
)
OPTIONS = "{falls: 1, floors: 8}"
START_TIMEOUT_S = 60.0
END_WITHIN_S = 10.0


@dataclass
class Demo:
    """A running demo, in a process group of its own as a terminal would give it."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not true():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def runs(self) -> None:
        self.wait_for(lambda: "alerts as they come" in self.said)

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def ends_with_all(self, descendants: list[psutil.Process], status: int = 0) -> None:
        """It and all that it had started are gone in time, and it has shown no traceback."""
        asked = time.monotonic()
        assert self.process.wait(END_WITHIN_S) == status, self.said
        _, left = psutil.wait_procs(descendants, max(0.1, END_WITHIN_S - (time.monotonic() - asked)))
        assert left == []
        assert "Traceback" not in self.said


StartDemo = Callable[..., Demo]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that the scene is rendered once."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def start_demo(tmp_path: Path, work: Path) -> Iterator[StartDemo]:
    """`start_demo(width=..., ...)`; killed after the test if it still runs."""
    started: list[Demo] = []

    def start(width: int = 192, height: int = 108, duration_s: int = 12, folder: Path = work) -> Demo:
        camera = CAMERA.format(width=width, height=height, duration_s=duration_s, options=OPTIONS)
        scenario = tmp_path / f"s{width}.yaml"
        scenario.write_text(f"name: s{width}\nseed: 3\ncameras:\n  - {camera}\n")
        log = tmp_path / f"{len(started)}.log"
        line = [sys.executable, "-m", "simulator", "demo", "--scenario", str(scenario), "--work", str(folder)]
        with log.open("wb") as output:
            process = subprocess.Popen(line, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
        started.append(Demo(process, log))
        return started[-1]

    # Tests that run in the background may ignore SIGINT, and children inherit that; under a terminal they do not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield start
    signal.signal(signal.SIGINT, before)
    for demo in started:
        demo.process.kill()
        demo.process.wait()


def test_two_demos_at_once_and_their_ends(start_demo: StartDemo, tmp_path: Path) -> None:
    first = start_demo()
    first.runs()
    parts = first.descendants()
    lasting = [part for part in parts if "token" not in part.cmdline()]  # that command has ended by itself soon
    assert len(lasting) >= 4  # broker, collector, camera, agent
    same_folder, other_folder = start_demo(), start_demo(folder=tmp_path / "other")
    assert same_folder.process.wait(START_TIMEOUT_S) == 1
    assert f"process {first.process.pid} works in" in same_folder.said
    other_folder.runs()
    ports = [line for demo in (first, other_folder) for line in demo.said.splitlines() if "mosquitto_sub" in line]
    assert len(set(ports)) == 2
    assert all(part.is_running() for part in lasting)
    other_parts = other_folder.descendants()
    other_folder.ctrl_c()
    other_folder.ends_with_all(other_parts)
    first.process.kill()
    first.ends_with_all(parts, -signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_rendering_is_left_at_once(start_demo: StartDemo, how: signal.Signals) -> None:
    demo = start_demo(width=1280, height=720, duration_s=60)
    demo.wait_for(lambda: len(demo.descendants()) >= 3)  # resource tracker, manager, worker
    time.sleep(2.0)
    parts = demo.descendants()
    os.killpg(demo.process.pid, how) if how is signal.SIGINT else demo.process.kill()
    demo.ends_with_all(parts, 0 if how is signal.SIGINT else -signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_left_while_it_starts(start_demo: StartDemo, work: Path, how: signal.Signals) -> None:
    demo = start_demo()
    broker_log = work / "run" / "s192" / "broker.log"
    began = time.time()
    demo.wait_for(lambda: broker_log.exists() and broker_log.stat().st_ctime > began)
    parts = demo.descendants()
    demo.process.send_signal(how)
    demo.ends_with_all(parts)
