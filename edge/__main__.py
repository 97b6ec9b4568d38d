"""The agent's command line."""

from __future__ import annotations

import json
import random
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

import click
from pydantic import ValidationError

from edge import checks, config
from edge.addresses import redact
from edge.agent import HEARTBEAT, Agent, agent_version
from edge.bench.command import bench
from edge.calibrate import calibrate
from edge.clock import SystemClock
from edge.errors import WatchpostError
from edge.logs import RecentLines, set_up
from edge.memory import return_freed_pictures
from edge.outbox import ACKED, PENDING, REFUSED, NewEvent, Outbox, StoredEvent, events_of
from edge.outbox import check as check_outbox
from edge.wanted import Wanted

ANALYZERS = click.Choice(["falling", "plates"])
FILE = click.Path(path_type=Path)
_STATES = {PENDING: "pending", ACKED: "acked", REFUSED: "refused"}


@click.group()
@click.version_option(agent_version(), prog_name="watchpost-edge")
def main() -> None:
    """Watchpost's agent: looks at cameras, reports what it finds, and loses nothing on the way."""


@main.command()
@click.argument("config_file", metavar="[CONFIG]", type=FILE, required=False)
@click.option("--once", is_flag=True, help="End when all files have ended and everything is delivered.")
@click.option("--source", help="Without CONFIG: a video file or camera address.")
@click.option("--analyzer", "analyzers", type=ANALYZERS, multiple=True, help="Without CONFIG: what to look for.")
@click.option("--data", type=FILE, help="Without CONFIG: keep outbox and evidence here, not in a temporary folder.")
@click.option("--drain-timeout", default=30.0, show_default=True, help="Seconds that --once waits for the collector.")
def run(
    config_file: Path | None,
    once: bool,
    source: str | None,
    analyzers: tuple[str, ...],
    data: Path | None,
    drain_timeout: float,
) -> None:
    """Run the agent with a configuration; or look at one source and print its events as JSON."""
    try:
        if config_file is not None:
            if source is not None:
                raise click.UsageError("give either CONFIG or --source, not both")
            status = _run_configured(config_file, once, drain_timeout)
        elif source is not None and analyzers:
            status = _look_at(source, analyzers, once, data)
        else:
            raise click.UsageError("give a CONFIG file, or --source with --analyzer")
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)


@main.command()
@click.argument("config_file", metavar="CONFIG", type=FILE)
@click.option("--timeout", default=10.0, show_default=True, help="Seconds to wait for each camera's first frame.")
@click.option("--show", is_flag=True, help="Print the configuration as understood, passwords redacted.")
def check(config_file: Path, timeout: float, show: bool) -> None:
    """Open every camera, model, broker and collector of a configuration; say what is wrong (exit status 1)."""
    try:
        settings = config.load(config_file)
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error
    if show:
        click.echo(json.dumps(settings.redacted(), indent=2, ensure_ascii=False))
    bad = 0
    for result in checks.check_all(settings, SystemClock(), timeout):
        bad += not result.ok
        good = click.style("!! ", fg="yellow") if result.warning else click.style("ok ", fg="green")
        mark = good if result.ok else click.style("BAD", fg="red")
        click.echo(f"{mark}  {result.what}: {redact(result.text)}")
    click.echo(f"{config_file}: {f'{bad} problems' if bad else 'all well'}")
    sys.exit(1 if bad else 0)


@main.command()
@click.argument("config_file", metavar="CONFIG", type=FILE)
@click.option("--within", default=30.0, show_default=True, help="Seconds that the last sign of life may be old.")
def alive(config_file: Path, within: float) -> None:
    """Exit status 0 when the agent of this configuration runs (for a service manager or a container's health check)."""
    try:
        heartbeat = config.load(config_file).data_dir / HEARTBEAT
        age_s = SystemClock().now() - heartbeat.stat().st_mtime
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"the agent has never run here: {error.filename}: {error.strerror}") from error
    if age_s > within:
        raise click.ClickException(f"no sign of life for {age_s:.0f} s; look at the agent's log")
    click.echo(f"alive {max(age_s, 0.0):.0f} s ago")


main.add_command(bench)
main.add_command(calibrate)


@main.group("outbox")
def outbox_group() -> None:
    """Look into an outbox file (while its agent is stopped)."""


@outbox_group.command("list")
@click.argument("path", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON array of all events, on one line.")
def outbox_list(path: Path, as_json: bool) -> None:
    """Print the events that are here: number, state, type, source, time, id."""
    try:
        rows = [_row(event) for event in events_of(path)]
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(
            f"{row['sequence']:>9}  {row['state']:<8} {row['type']:<15} {row['source']:<20} {row['time']}  {row['id']}"
        )


@outbox_group.command("check")
@click.argument("path", type=FILE)
def outbox_check(path: Path) -> None:
    """Verify the invariants of an outbox file. Exit status 1 when one is broken."""
    try:
        problems = check_outbox(path)
    except WatchpostError as error:
        raise click.ClickException(str(error)) from error
    for problem in problems:
        click.echo(problem)
    click.echo(f"{path}: {f'{len(problems)} problems' if problems else 'all invariants hold'}")
    sys.exit(1 if problems else 0)


def _row(event: StoredEvent) -> dict[str, object]:
    """Also of an event that is damaged: `outbox check` says how."""
    try:
        body = dict(json.loads(event.body))
    except (ValueError, TypeError, RecursionError):
        body = {}
    return {
        "sequence": event.sequence,
        "state": _STATES.get(event.state, "damaged"),
        "type": event.event_type,
        "source": event.source,
        "time": body.get("time", "damaged"),
        "id": body.get("id", "damaged"),
    }


def _run_configured(config_file: Path, once: bool, drain_timeout: float) -> int:
    """One run after the other, as the centre asks for other configurations."""
    own = config.load(config_file)
    recent = set_up(own.logging.level, own.logging.json_lines)
    wanted = Wanted(own, config_file.resolve().parent)
    return_freed_pictures()
    while True:
        try:
            agent = Agent(wanted.choose(), SystemClock(), random.Random(), recent.text, wanted)
            _stop_on_signals(agent)
            status = agent.run(once, drain_timeout)
        except WatchpostError as error:
            if not wanted.refuse_trial(str(error)):
                raise
            continue
        if not agent.reconfigured:
            return status


def _look_at(source: str, analyzers: tuple[str, ...], once: bool, data: Path | None) -> int:
    """No broker, no collector: events are printed."""
    recent = set_up("warning", json_lines=False)
    with tempfile.TemporaryDirectory(prefix="watchpost-") as temporary:
        camera = {"id": "camera", "source": source, "analyzers": analyzers}
        raw = {"site": "local", "edge": "local", "data_dir": str(data or temporary), "cameras": [camera]}
        try:
            settings = config.AgentConfig.model_validate(raw)
        except ValidationError as error:
            told = "; ".join(item["msg"] for item in error.errors(include_url=False) if "source" in item["loc"])
            raise click.UsageError(f"--source {redact(source)}: {told or error}") from error
        return _run_and_print(settings, recent, once or not settings.cameras[0].live)


def _run_and_print(settings: config.AgentConfig, recent: RecentLines, once: bool) -> int:
    return_freed_pictures()
    agent = Agent(settings, SystemClock(), random.Random(), recent.text)
    printer = _Printer(agent.outbox)
    agent.reporter.on_stored = printer.show
    _stop_on_signals(agent)
    return agent.run(once, 0)


class _Printer:
    """Prints each stored event as it would travel, on standard output."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._lock = threading.Lock()

    def show(self, _event: NewEvent, sequence: int) -> None:
        stored = self._outbox.events(after=sequence - 1, limit=1)[0]
        payload = json.loads(stored.payload(self._outbox.outbox_id, replayed=False))
        with self._lock:
            click.echo(json.dumps(payload, indent=2, ensure_ascii=False))


def _stop_on_signals(agent: Agent) -> None:
    """The first SIGTERM or SIGINT ends orderly; the second at once."""

    def handle(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        agent.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


if __name__ == "__main__":
    main()
