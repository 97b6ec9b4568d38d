"""Which role may call which endpoint, read from the running application; `make docs` writes it to docs/ref/roles.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from collector.access import Role
from collector.api.guard import look_of, principal_of

HEAD = """# Who may call what

Written by `make docs` from the running application; a test calls every endpoint with every role and compares.
*reason*: plates are answered in clear only to operator, auditor and admin who say what for, and that is recorded; else
they are masked. Whoever is limited to sites is told nothing of others, for all roles alike.

| endpoint | """
ORDER = (Role.EDGE, Role.VIEWER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN)


def routes_of(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    """(METHOD, route) of every endpoint that is described, in a stable order."""
    found = [route for route in _flat(app.routes) if isinstance(route, APIRoute) and route.include_in_schema]
    for route in sorted(found, key=lambda one: one.path):
        for method in sorted(route.methods or ()):
            yield method, route


def _flat(routes: Iterable[object]) -> Iterator[object]:
    """Routes of included routers too, which newer versions of the framework keep nested."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _flat(included.routes)


def roles_of(route: APIRoute) -> frozenset[Role] | None:
    """Who may call it; None when it asks nobody who he is."""
    calls = {one.call for one in _dependencies(route.dependant)}
    limits: list[frozenset[Role]] = [call.roles for call in calls if hasattr(call, "roles")]  # type: ignore[union-attr]
    if limits:
        return frozenset.intersection(*limits)
    return frozenset(Role) if principal_of in calls else None


def takes_reason(route: APIRoute) -> bool:
    """Whether it can answer plates."""
    return any(one.call is look_of for one in _dependencies(route.dependant))


def _dependencies(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _dependencies(one)


def table_of(app: FastAPI) -> str:
    """The table in Markdown."""
    lines = [HEAD + " | ".join(role.value for role in ORDER) + " | plates |", "| --- |" + " :-: |" * (len(ORDER) + 1)]
    for method, route in routes_of(app):
        allowed = roles_of(route)
        marks = ["anybody" if allowed is None else "yes" if role in allowed else "" for role in ORDER]
        reason = "reason" if takes_reason(route) else ""
        lines.append(f"| `{method} {route.path}` | {' | '.join(marks)} | {reason} |")
    return "\n".join(lines) + "\n"
