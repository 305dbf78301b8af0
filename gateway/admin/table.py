"""Every route of the gateway, in the order in which people read about them.

What aiohttp is told, what the description says, what metrics count and what the reference page lists all come from here, so
that they cannot differ (ADR 34).
"""

from typing import Final

from gateway.admin import (
    backups,
    charts,
    frames,
    logbook,
    messages,
    operations,
    peers,
    restart,
    routes,
    rules_file,
    sending,
    settings,
    stream,
    transports,
    update,
    versions,
)
from gateway.admin.access import routes as access
from gateway.admin.probes import DESCRIPTION, PROBES
from gateway.admin.route import Route

TABLE: Final[tuple[Route, ...]] = (
    *routes.ROUTES,
    *rules_file.ROUTES,
    *peers.ROUTES,
    *messages.ROUTES,
    *sending.ROUTES,
    *transports.ROUTES,
    *charts.ROUTES,
    *settings.ROUTES,
    *restart.ROUTES,
    *operations.ROUTES,
    *frames.ROUTES,
    *backups.ROUTES,
    *logbook.ROUTES,
    *update.ROUTES,
    *versions.ROUTES,
    *stream.ROUTES,
    *access.ROUTES,
    DESCRIPTION,
    *PROBES,
)
"""Everything."""

PATHS: Final = tuple(dict.fromkeys(route.path for route in TABLE))
"""Every path as a template, each once."""

METHODS: Final = tuple(sorted({route.method for route in TABLE}))
"""Every method of HTTP that is understood anywhere."""
