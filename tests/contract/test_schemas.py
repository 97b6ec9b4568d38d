"""The generated documents under docs/ref/contract are exactly what the models say, and real messages satisfy them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import jsonschema
import pytest

from contract.acks import Ack, to_ranges
from contract.schemas import CHANNELS, documents

FOLDER = Path(__file__).parents[2] / "docs" / "ref" / "contract"
OUTBOX = UUID("01234567-89ab-4cde-8f01-23456789abcd")


def test_committed_documents_are_those_generated() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.*")}
    assert committed == documents(), "run `python -m contract` and commit docs/ref/contract"


@pytest.mark.parametrize("name", [name for name in documents() if name.endswith(".schema.json")])
def test_each_schema_is_valid_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(documents()[name]))


def test_an_ack_as_sent_satisfies_its_schema() -> None:
    ack = Ack(ranges=to_ranges(OUTBOX, [1, 2, 3, 7]))
    jsonschema.validate(json.loads(ack.model_dump_json(by_alias=True)), json.loads(documents()["ack.schema.json"]))


def test_event_schema_refuses_an_event_without_sequence() -> None:
    event = {
        "id": str(OUTBOX),
        "source": "/west/gate-1/lane-1",
        "type": "watchpost.camera.v1",
        "time": datetime(2026, 11, 1, tzinfo=UTC).isoformat(),
        "site": "west",
        "edge": "gate-1",
        "outboxid": str(OUTBOX),
        "data": {},
    }
    schema = json.loads(documents()["envelope.schema.json"])
    with pytest.raises(jsonschema.ValidationError, match="sequence"):
        jsonschema.validate(event, schema)
    jsonschema.validate({**event, "sequence": 1}, schema)


def test_asyncapi_names_every_channel_with_its_quality_of_service() -> None:
    document = json.loads(documents()["asyncapi.json"])
    assert set(document["channels"]) == {channel.name for channel in CHANNELS}
    assert document["operations"]["sendHealth"]["bindings"]["mqtt"] == {"qos": 0, "retain": False}
    for name, channel in document["channels"].items():
        reference = channel["messages"]["message"]["payload"]["schema"]["$ref"]
        assert reference in documents(), name
