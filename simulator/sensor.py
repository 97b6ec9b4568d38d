"""An example of a local sensor: what it says to the agent beside it, over MQTT. Copy it for a sensor of your own.

The agent takes the message into its outbox and sends it on as an `event/sensor/<id>`; the collector makes an alert of
every alarm. A sensor needs only the broker's address and one topic.
"""

from __future__ import annotations

import json
import time

import click

from contract.topics import EdgeTopics, InvalidTopic
from simulator.subscriber import publish


def reading(kind: str, *, alarm: bool, value: float | None = None, unit: str | None = None, text: str = "") -> str:
    """The payload: JSON as contract.events.SensorData says, without `sensor`, which stands in the topic."""
    content = {"kind": kind, "alarm": alarm, "value": value, "unit": unit, "text": text or None}
    return json.dumps({key: held for key, held in content.items() if held is not None}, ensure_ascii=False)


@click.command("sensor")
@click.option("--mqtt-url", default="mqtt://127.0.0.1:1883", show_default=True, help="Broker of the edge.")
@click.option("--site", default="demo", show_default=True)
@click.option("--edge", default="edge-1", show_default=True, help="The agent that takes the sensor's messages.")
@click.option("--sensor", default="smoke-3f", show_default=True, help="Name of the sensor.")
@click.option(
    "--kind", default="smoke", show_default=True, help="smoke, manhole, charging_post, help_button, any other."
)
@click.option("--value", type=float, help="What it measures.")
@click.option("--unit", help="Of the value.")
@click.option("--text", default="", help="For people, for instance where it hangs.")
@click.option("--alarm/--no-alarm", default=True, show_default=True)
@click.option("--every", type=float, help="Say it again after so many seconds, until Ctrl-C.")
def sensor_command(  # noqa: PLR0913 -- every option is one of the command line
    *,
    mqtt_url: str,
    site: str,
    edge: str,
    sensor: str,
    kind: str,
    value: float | None,
    unit: str | None,
    text: str,
    alarm: bool,
    every: float | None,
) -> None:
    """Publish a sensor's reading, as a smoke detector or a manhole cover would."""
    try:
        topic = EdgeTopics(site, edge).sensor(sensor)
    except InvalidTopic as error:
        raise click.ClickException(str(error)) from error
    payload = reading(kind, alarm=alarm, value=value, unit=unit, text=text)
    while True:
        try:
            publish(mqtt_url, topic, payload)
        except OSError as error:
            raise click.ClickException(f"no broker answers at {mqtt_url}: {error}") from error
        click.echo(f"{topic} {payload}")
        if every is None:
            return
        time.sleep(every)
