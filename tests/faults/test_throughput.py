"""`simulator throughput`: a backlog drains and its figures are told; what did not happen is null, which JSON knows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from services import require

from simulator.faults import arrivals, throughput
from simulator.faults.arrivals import quantile


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [
        ((), 0.5, None),
        ((7.0,), 0.99, 7.0),
        ((1.0, 2.0, 3.0, 4.0), 0.5, 2.0),
        (tuple(map(float, range(100))), 0.99, 98.0),
    ],
)
def test_a_quantile_is_one_of_the_values(values: tuple[float, ...], part: float, expected: float | None) -> None:
    assert quantile(values, part) == expected
    json.dumps(quantile(values, part), allow_nan=False)


class _Heard:
    def __init__(self, at_s: float, happened_s: float) -> None:
        self.at_s, self.payload = at_s, str(happened_s).encode()


class _Subscriber:
    """What was heard, one after the other."""

    def __init__(self, *heard: _Heard) -> None:
        self._heard = list(heard)

    def take(self, timeout_s: float) -> _Heard | None:
        return self._heard.pop(0) if self._heard and timeout_s == 0 else None


def test_delays_begin_with_the_event_and_leave_out_what_was_before() -> None:
    heard = _Subscriber(_Heard(10.5, 10.25), _Heard(9.0, 2.0), _Heard(11.125, 11.0))
    found = arrivals._delays_ms(heard, 5.0, lambda payload: datetime.fromtimestamp(float(payload), UTC))  # type: ignore[arg-type]
    assert found == (125.0, 250.0)


@pytest.mark.services
@pytest.mark.parametrize("prefilled", [False, True])
def test_a_backlog_drains_and_its_figures_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefilled: bool
) -> None:
    require("mosquitto")
    monkeypatch.setattr(throughput, "_PEACE_S", 6.0)
    monkeypatch.setattr(throughput, "_LIVE_S", 1.0)
    options = ["--events", "200", "--json", str(tmp_path / "drain.json"), *(["--prefilled"] if prefilled else [])]
    done = CliRunner().invoke(throughput.throughput_command, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "drain.json").read_text(), parse_constant=pytest.fail)
    assert told["events"] >= 200
    assert told["events_per_s"] > 0
    assert 0 < told["event_ms_p50_in_peace"] <= told["event_ms_p99_in_peace"]
    assert 0 < told["alert_ms_p50_in_peace"] <= told["alert_ms_p99_in_peace"]
