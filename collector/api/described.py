"""What the framework leaves out of the description: problem documents, how one shows who one is, and examples."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from collector.api.examples import BODIES, OF_ONE, PARAMETERS
from collector.api.guard import COOKIE
from collector.api.problems import MEDIA_TYPE
from collector.api.roles import roles_of, routes_of

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457: what is wrong, and in `detail` what to do.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "example": {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "say what for, to search by plate: header Watchpost-Reason, or ?reason=",
    },
}
_ANSWER = {
    "description": "Anything else: a problem document.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe(app: FastAPI) -> None:
    """Complete the application's description, when it is first asked for."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        found = plain()
        if fresh:
            _add(app, found)
        return found

    app.openapi = complete  # type: ignore[method-assign]  # as the framework's guide does it


def _add(app: FastAPI, description: dict[str, Any]) -> None:
    parts = description.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
    }
    description["security"] = [{"token": []}, {"session": []}]
    for method, route in routes_of(app):
        operation = description["paths"][route.path][method.lower()]
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = _ANSWER
        _exemplify(route.path, operation)
        if roles_of(route) is None:
            operation["security"] = []


def _exemplify(path: str, operation: dict[str, Any]) -> None:
    """Give an operation's parameters and body an example, where one is known."""
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        if (path, name) in OF_ONE or name in PARAMETERS:
            parameter["example"] = OF_ONE.get((path, name), PARAMETERS.get(name))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else schema.get("title")
        if name in BODIES:
            content["example"] = BODIES[name]
