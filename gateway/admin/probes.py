"""What machines ask of every gateway, and the description of the API itself: routes outside the resources."""

from typing import Final

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.route import Route
from gateway.status import Problem


class ReadyDocument(msgspec.Struct, frozen=True):
    """``GET /readyz``: what is wrong, the gravest first; of people and sites only pseudonyms."""

    ready: bool
    problems: tuple[Problem, ...]


class VersionDocument(msgspec.Struct, frozen=True):
    """``GET /version``."""

    version: str


PROBES: Final = (
    Route(
        name="healthz",
        method="GET",
        path="/healthz",
        role=None,
        media="text/plain",
        also=(503,),
        summary="Whether the process lives: 503 once a part of it is stuck.",
    ),
    Route(
        name="readyz",
        method="GET",
        path="/readyz",
        role=Role.VIEWER,
        answer=ReadyDocument,
        also=(503,),
        summary="Whether every part is up: 503 while something does not do its work.",
    ),
    Route(
        name="metrics",
        method="GET",
        path="/metrics",
        role=Role.VIEWER,
        media="text/plain",
        summary="Every number, for Prometheus.",
    ),
    Route(name="version", method="GET", path="/version", role=Role.VIEWER, answer=VersionDocument, summary="The version of the gateway."),
)

DESCRIPTION: Final = Route(
    name="get_description",
    method="GET",
    path="/api/v1/openapi.json",
    role=Role.VIEWER,
    media="application/json",
    summary="This description, as OpenAPI 3.1.",
)
