"""JSON Schema (2020-12) of every message and an AsyncAPI 3.0 document of the topics, generated from the models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from contract.acks import Ack
from contract.alerts import AlertMessage, AlertStateMessage
from contract.base import CONTRACT_VERSION
from contract.commands import Command, ConfigDesired, ConfigReported, Reply, Watchlist
from contract.envelope import Backlog, Envelope
from contract.events import DATA_MODELS, SensorData
from contract.status import Birth, CameraStatus, CollectorStatus, Health, Status
from contract.topics import ROOT
from contract.units import UnitPosition

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Channel:
    """One row of the topic table (DESIGN §8): who says what, where and how."""

    name: str
    address: str
    model: type[BaseModel]
    sender: Literal["edge", "collector", "sensor", "integration", "unit"]
    qos: Literal[0, 1]
    retained: bool
    text: str


_EDGE = f"{ROOT}/{{site}}/{{edge}}"
_SITE = f"{ROOT}/{{site}}"

CHANNELS = (
    Channel("status", f"{_EDGE}/status", Status, "edge", 1, True, "Connection state; also the will."),
    Channel("birth", f"{_EDGE}/birth", Birth, "edge", 1, True, "What this edge is, at each connection."),
    Channel("health", f"{_EDGE}/health", Health, "edge", 0, False, "Figures of the last interval."),
    Channel("cameraStatus", f"{_EDGE}/camera/{{camera}}/status", CameraStatus, "edge", 1, True, "State of one camera."),
    Channel("event", f"{_EDGE}/event/{{type}}/{{source}}", Envelope, "edge", 1, False, "An event, CloudEvents 1.0."),
    Channel("backlog", f"{_EDGE}/backlog", Backlog, "edge", 1, False, "Old events, a CloudEvents JSON batch."),
    Channel("sensor", f"{_EDGE}/sensor/{{sensor}}", SensorData, "sensor", 1, False, "A local sensor's reading."),
    Channel("ack", f"{_EDGE}/ack", Ack, "collector", 1, False, "What the collector has committed."),
    Channel("configDesired", f"{_EDGE}/config/desired", ConfigDesired, "collector", 1, True, "Wanted configuration."),
    Channel("configReported", f"{_EDGE}/config/reported", ConfigReported, "edge", 1, True, "What runs, or why not."),
    Channel("watchlist", f"{_EDGE}/watchlist", Watchlist, "collector", 1, True, "Watched plates as keyed hashes."),
    Channel("command", f"{_EDGE}/command/{{name}}", Command, "collector", 1, False, "Do something now."),
    Channel("reply", f"{_EDGE}/reply/{{id}}", Reply, "edge", 1, False, "Answer to a command."),
    Channel(
        "alert", f"{_SITE}/alert/{{severity}}/{{type}}", AlertMessage, "collector", 1, False, "A person must act on it."
    ),
    Channel(
        "alertState", f"{_SITE}/alert-state/{{alert}}", AlertStateMessage, "collector", 1, True, "Until it is closed."
    ),
    Channel("unitPosition", f"{_SITE}/unit/{{unit}}/position", UnitPosition, "unit", 0, False, "Where a unit is."),
    Channel(
        "collectorStatus", f"{_SITE}/collector/status", CollectorStatus, "collector", 1, True, "State; also the will."
    ),
)


def documents() -> dict[str, str]:
    """File name → text of every generated document, the same at every run."""
    schemas = {f"{_kebab(model.__name__)}.schema.json": _schema(model) for model in _models()}
    texts = {name: _dump(body) for name, body in sorted({**schemas, "asyncapi.json": asyncapi()}.items())}
    return {**texts, "topics.md": topics_page()}


def topics_page() -> str:
    """The topic table for people, in Markdown."""
    lines = [
        "# Topics",
        "",
        "Generated from `contract/schemas.py` by `make docs`. All payloads are JSON. Event payloads are structured",
        "CloudEvents 1.0 whose `data` follows the schema of its type. Nothing correct depends on MQTT 5 properties.",
        "",
        "| topic | QoS | retained | sent by | payload | what |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for channel in CHANNELS:
        schema = f"[{channel.model.__name__}]({_kebab(channel.model.__name__)}.schema.json)"
        retained = "yes" if channel.retained else "no"
        cells = (f"`{channel.address}`", str(channel.qos), retained, channel.sender, schema, channel.text)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Event types and their data:", ""]
    for name, model in DATA_MODELS.items():
        lines.append(f"* `{name}`: [{model.__name__}]({_kebab(model.__name__)}.schema.json)")
    return "\n".join(lines) + "\n"


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: one channel and one operation (seen from its sender) per row of the topic table."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Watchpost", "version": f"{CONTRACT_VERSION}.0.0", "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {f"send{_pascal(channel.name)}": _operation(channel) for channel in CHANNELS},
    }


def _models() -> list[type[BaseModel]]:
    return list(dict.fromkeys([*(channel.model for channel in CHANNELS), *DATA_MODELS.values()]))


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": SCHEMA_DIALECT, **model.model_json_schema(by_alias=True)}


def _channel(channel: Channel) -> dict[str, Any]:
    names = [part[1:-1] for part in channel.address.split("/") if part.startswith("{")]
    payload = {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": _reference(channel.model)}
    return {
        "address": channel.address,
        "description": channel.text,
        "parameters": {name: {"description": f"The {name}'s name."} for name in names},
        "messages": {"message": {"payload": payload}},
        "bindings": {"mqtt": {}},
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": f"Sent by: {channel.sender}.",
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retained}},
    }


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"{_kebab(model.__name__)}.schema.json"}


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]


def _dump(body: dict[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
