"""The example sensor says what the contract wants, on the topic that the agent hears."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from collector_process import MqttPeer, wait_until
from services import Mosquitto, free_port

from contract.events import SensorData
from simulator.__main__ import main


@pytest.mark.services
def test_an_alarm_reaches_the_agents_topic(mosquitto: Mosquitto) -> None:
    peer = MqttPeer(mosquitto.port)
    options = ["--mqtt-url", mosquitto.url, "--site", "west", "--edge", "gate-1", "--sensor", "smoke-3"]
    done = CliRunner().invoke(main, ["sensor", *options, "--text", "3 号楼", "--value", "0.2", "--unit", "dB/m"])
    assert done.exit_code == 0, done.output
    wait_until(lambda: peer.heard)
    topic, payload, retained, _ = peer.heard[0]
    peer.stop()
    assert (topic, retained) == ("watchpost/v1/west/gate-1/sensor/smoke-3", False)
    said = SensorData.model_validate(json.loads(payload) | {"sensor": "smoke-3"})
    assert (said.kind, said.alarm, said.value, said.unit, said.text) == ("smoke", True, 0.2, "dB/m", "3 号楼")
    assert said.model_extra == {}


def test_without_a_broker_it_says_so() -> None:
    nobody = f"mqtt://127.0.0.1:{free_port()}"
    done = CliRunner().invoke(main, ["sensor", "--mqtt-url", nobody])
    assert done.exit_code == 1
    assert f"no broker answers at {nobody}" in done.output


def test_a_wrong_name_is_refused() -> None:
    done = CliRunner().invoke(main, ["sensor", "--sensor", "Smoke 3"])
    assert done.exit_code == 1
    assert "sensor 'Smoke 3'" in done.output
