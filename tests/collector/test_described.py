"""The description tells what really comes: problem documents for all that goes wrong, and how to show who one is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import jsonschema
import pytest
from collector_api import Api, started

from collector.access import Role


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Api]:
    async with started(tmp_path, migrated_sqlite) as found:
        yield found


async def test_every_operation_names_the_problem_document(api: Api) -> None:
    described = api.app.openapi()
    operations = [(path, one) for path, methods in described["paths"].items() for one in methods.values()]
    assert len(operations) > 50
    for path, operation in operations:
        assert "application/problem+json" in operation["responses"]["default"]["content"], path
    assert described["paths"]["/healthz"]["get"]["security"] == []
    assert "security" not in described["paths"]["/api/v1/events"]["get"]
    assert "HTTPValidationError" not in str(described)
    assert "examples" in described["components"]["schemas"]["NewEntry"]["properties"]["plate"]


async def test_every_address_and_body_has_an_example_that_fits(api: Api) -> None:
    described = api.app.openapi()
    checked = 0
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            required = [one for one in operation.get("parameters", []) if one["required"]]
            bodies = list(operation.get("requestBody", {}).get("content", {}).values())
            for one in (*required, *bodies):
                assert "example" in one, (method, path, one)
            for one in (*operation.get("parameters", []), *bodies):
                if "example" in one:
                    schema = {**one["schema"], "components": described["components"]}
                    jsonschema.Draft202012Validator(schema).validate(one["example"])
                    checked += 1
    assert checked > 120


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/events?limit=0", 422),
        ("/api/v1/events?cursor=x", 400),
        ("/api/v1/events?plate=x", 403),
        ("/api/v1/alerts/00000000-0000-0000-0000-000000000000", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/users", 403),
    ],
)
async def test_what_goes_wrong_is_such_a_document(api: Api, path: str, status: int) -> None:
    async with await api.client(Role.OPERATOR) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    jsonschema.validate(answer.json(), api.app.openapi()["components"]["schemas"]["Problem"])
    assert answer.json()["status"] == status
