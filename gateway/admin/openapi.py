"""The description of the API for programs, as OpenAPI 3.1, made from the table of routes."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

import msgspec

from gateway.admin.problems import AT_THE_DOOR, Problem, ProblemDocument
from gateway.admin.route import JSON, PROBLEM_JSON, Route

REF: Final = "#/components/schemas/{name}"
SECURITY: Final = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "__Host-meshgate"},
}

_ABOUT: Final = (
    "Times are RFC 3339 in UTC unless a name ends in `_ms` (Unix milliseconds), sizes are bytes, durations seconds, IDs opaque. "
    "An error is a document as of RFC 9457 with a `code` for programs and a `hint`. `x-role` is the role that may ask."
)


def description(table: Iterable[Route]) -> dict[str, Any]:
    """Return the document for these routes."""
    routes = tuple(table)
    named: list[type] = [kind for route in routes for kind in (route.answer, route.body, route.query) if kind is not None]
    named = list(dict.fromkeys([*named, ProblemDocument]))
    schemas, components = msgspec.json.schema_components(named, ref_template=REF)
    refs: dict[type, dict[str, Any]] = dict(zip(named, schemas, strict=True))
    queries = {route.query for route in routes if route.query is not None}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs, components)
    inlined = {_name(refs[kind]) for kind in queries}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Meshgate", "version": version("meshgate"), "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in inlined},
            "securitySchemes": SECURITY,
        },
    }


def _operation(route: Route, refs: Mapping[type, dict[str, Any]], components: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": route.name, "summary": route.summary, "responses": _responses(route, refs)}
    parameters = [_parameter(name, "path", {"type": "string", "minLength": 1}, required=True) for name in route.parameters]
    if route.query is not None:
        asked = components[_name(refs[route.query])]
        parameters += [_parameter(name, "query", schema) for name, schema in asked["properties"].items()]
    parameters += [_parameter(name, "header", {"type": "string"}) | {"description": words} for name, words in route.headers]
    if parameters:
        found["parameters"] = parameters
    if route.body is not None:
        found["requestBody"] = {"content": {JSON: {"schema": refs[route.body]}}, "required": bool(_required(route.body))}
    if route.takes:
        found["requestBody"] = {"content": {route.takes: {"schema": {"type": "string", "format": "binary"}}}, "required": True}
    if route.role is None:
        found["security"] = []
    else:
        found["security"] = [{name: []} for name in SECURITY]
        found["x-role"] = route.role.name.lower()
    return found


def _responses(route: Route, refs: Mapping[type, dict[str, Any]]) -> dict[str, Any]:
    content = {route.media: {"schema": refs[route.answer] if route.answer is not None else {}}}
    good: dict[str, Any] = {"description": route.summary, "content": content} if route.media else {"description": route.summary}
    found = {str(status): good for status in (route.status, *route.also)}
    by_status: dict[int, list[Problem]] = {}
    for problem in dict.fromkeys((*route.every_problem, *AT_THE_DOOR)):
        by_status.setdefault(problem.status, []).append(problem)
    for status, problems in by_status.items():
        words = "; ".join(f"`{one.code}`: {one.when}" for one in problems)
        found[str(status)] = {"description": words, "content": {PROBLEM_JSON: {"schema": refs[ProblemDocument]}}}
    return found


def _parameter(name: str, place: str, schema: Mapping[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": dict(schema)}


def _name(ref: Mapping[str, Any]) -> str:
    return str(ref["$ref"]).rpartition("/")[2]


def _required(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(one.name for one in msgspec.structs.fields(kind) if one.required)
