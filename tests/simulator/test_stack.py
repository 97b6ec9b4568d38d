"""Programs are started, watched and ended; one that dies is named with its last words."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.stack import HOST, Stack, StackError, accepts, call, free_port


def test_a_taken_port_is_chosen_around() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        assert free_port(port) != port
    assert free_port(port) == port


def test_a_part_that_dies_is_named_with_what_it_printed(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.start("clerk", ["json.tool", str(tmp_path / "missing.json")])
        with pytest.raises(StackError, match=r"clerk ended by itself[\s\S]*missing\.json"):
            stack.wait_for("never", lambda: False, timeout_s=20)


def test_leaving_ends_every_part(tmp_path: Path) -> None:
    port = free_port(0)
    with Stack(tmp_path) as stack:
        part = stack.start("web", ["http.server", str(port), "--bind", HOST])
        stack.wait_for("web", lambda: accepts(port))
        stack.check()
    assert part.process.poll() is not None
    assert not accepts(port)


def test_a_failed_call_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="No such file"):
        call(["json.tool", str(tmp_path / "missing.json")])


def test_two_runs_that_start_together_do_not_choose_the_same_port() -> None:
    port = free_port(0)
    ask = "from simulator.stack import free_port; import sys; print(free_port(int(sys.argv[1])))"
    other = subprocess.run([sys.executable, "-c", ask, str(port)], capture_output=True, text=True, check=True)
    assert int(other.stdout) != port, "it is free, but another run is about to listen there"
    assert free_port(port) == port
