"""The real broker and the real database, on free ports in a folder of ours: to be stopped, killed and wiped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from simulator.orphans import watched

START_TIMEOUT_S = 10.0


class MissingProgram(RuntimeError):
    """A program is not installed; says how to get it."""


def find_program(program: str, package: str | None = None) -> str:
    """Path of a service's program. Raises MissingProgram."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingProgram(f"{program} is not installed (Debian: apt-get install {package or program})")
    return found


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], timeout_s: float = START_TIMEOUT_S) -> None:
    """Return when something listens there; raises when the process ended or the time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it listened on {port}")
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"{process.args!r} does not listen on port {port} after {timeout_s} s")


@dataclass
class Mosquitto:
    """A real Mosquitto in `folder`, with persistence, on 127.0.0.1:`port`. Start, stop, kill and wipe it at will."""

    folder: Path
    port: int = field(default_factory=free_port)
    users: dict[str, str] = field(default_factory=dict)
    acl: str = ""
    extra: str = ""
    """More lines of its configuration."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Without user and password: `mqtt://127.0.0.1:<port>`."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        """Start it (again, on the same port, with what it had persisted)."""
        program = find_program("mosquitto")
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "mosquitto.conf"
        config.write_text(self._configuration())
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(watched([program, "-c", str(config)]), stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def stop(self) -> None:
        """SIGTERM: it writes its persistence file."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: what it had only in memory is gone."""
        self._end(signal.SIGKILL)

    def wipe(self) -> None:
        """Forget every session and retained message (only while it is stopped)."""
        (self.folder / "mosquitto.db").unlink(missing_ok=True)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(10)
        self.process = None

    def _configuration(self) -> str:
        lines = [
            "user root",  # only looked at when started as root: do not change to another user, the folder is ours
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 1",  # every second; at every change would write its whole store for each message
            "set_tcp_nodelay true",
            "max_queued_messages 0",
            f"allow_anonymous {'false' if self.users else 'true'}",
            self.extra,
        ]
        if self.users:
            lines.append(f"password_file {self._password_file()}")
        if self.acl:
            acl_file = self.folder / "acl"
            acl_file.write_text(self.acl)
            acl_file.chmod(0o600)
            lines.append(f"acl_file {acl_file}")
        return "\n".join(lines) + "\n"

    def _password_file(self) -> Path:
        path = self.folder / "passwords"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        for user, password in self.users.items():
            subprocess.run([find_program("mosquitto_passwd"), "-b", str(path), user, password], check=True)
        return path


@dataclass
class PostgreSQL:
    """A private PostgreSQL cluster in `folder`, on 127.0.0.1:`port`. `durable=False` leaves out fsync: faster tests."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    databases: int = 0
    durable: bool = False

    @property
    def url(self) -> str:
        """Of its maintenance database; `new_database` gives an empty one."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Make the cluster at the first start, then serve."""
        cluster = self.folder / "cluster"
        if not cluster.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._give_away()
            initdb = [postgres_program("initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"]
            subprocess.run(as_postgres([*initdb, "--pgdata", str(cluster)]), check=True, capture_output=True)
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"]
        if not self.durable:
            options += ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
        serve = [postgres_program("postgres"), "-D", str(cluster), "-p", str(self.port), *options]
        with (self.folder / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(as_postgres(serve), stdout=log, stderr=log)
        wait_for_port(self.port, self.process)
        ready = [postgres_program("pg_isready"), "--host=127.0.0.1", f"--port={self.port}", "--quiet"]
        while subprocess.run(ready, check=False).returncode != 0 and self.process.poll() is None:
            time.sleep(0.05)  # it listens before it takes anybody in

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        self.databases += 1
        connection = ["--host=127.0.0.1", f"--port={self.port}", "--username=postgres"]
        name = f"test_{self.databases}"
        subprocess.run([postgres_program("createdb"), *connection, name], check=True, capture_output=True)
        return self.database(self.databases)

    def database(self, number: int) -> str:
        """URL of the database that was made as the `number`th."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/test_{number}"

    def kill(self) -> None:
        """SIGKILL to all of it: as if the machine had lost its power."""
        if self.process is not None:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            for pid in (self.process.pid, *map(int, children)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        """SIGINT: a fast shutdown."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
            self.process = None

    def _give_away(self) -> None:
        """PostgreSQL refuses to run as root; its folder then belongs to the user postgres."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            for parent in self.folder.parents:  # pytest's folders are closed to others
                if parent.stat().st_uid == 0 and parent not in {Path("/"), Path(tempfile.gettempdir())}:
                    parent.chmod(parent.stat().st_mode | 0o011)


def postgres_program(name: str) -> str:
    """Debian keeps the server's programs out of PATH, in a folder per version."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: path.parts[-3])
    return str(versions[-1]) if versions else find_program(name, "postgresql")


def as_postgres(command: list[str]) -> list[str]:
    """The command, run by the user postgres when we are root."""
    return (
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        if os.geteuid() == 0
        else command
    )
