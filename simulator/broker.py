"""The demo's embedded MQTT broker: amqtt, MQTT 3.1.1, open on loopback, nothing kept over a restart.

Only for trying things on one machine. A real site runs Mosquitto (configs/mosquitto.conf) or a broker that clusters.
"""

from __future__ import annotations

import asyncio
import logging
import signal

import click
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig

ANONYMOUS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


async def serve(host: str, port: int) -> None:
    """Run the broker until SIGINT or SIGTERM."""
    config = BrokerConfig(listeners={"default": ListenerConfig(bind=f"{host}:{port}")}, plugins=ANONYMOUS)
    broker = Broker(config, loop=asyncio.get_running_loop())
    await broker.start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    click.echo(f"mqtt://{host}:{port} (open, MQTT 3.1.1, in memory)")
    await stop.wait()
    await broker.shutdown()


@click.command("broker")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=1883, show_default=True, help="Port to listen on.")
def broker_command(host: str, port: int) -> None:
    """Run the embedded demo broker (open, in memory; not for a real site)."""
    logging.basicConfig(level=logging.ERROR)
    try:
        asyncio.run(serve(host, port))
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
        ) from error
