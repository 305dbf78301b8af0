"""The accounts of air time: what every site has saved up and spent."""

from collections.abc import Mapping

from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import Column, table
from gateway.admin.views.places import site
from gateway.admin.views.visit import Visit
from gateway.status import GatewayStatus


def air_time(status: GatewayStatus, visit: Visit, names: Mapping[str, str]) -> Markup:
    """Return the accounts as a table; `names` says what sites are called."""
    words = visit.words
    columns = (
        Column(words("policy.site")),
        Column(words("policy.saved"), number=True),
        Column(words("policy.spent"), number=True),
        Column(words("policy.admitted"), number=True),
        Column(words("policy.refused"), number=True),
    )
    rows = [
        (
            site(one.site, names) if one.site else words("policy.own_island"),
            words("unit.precise", seconds=f"{one.level_ms / 1000:.1f}"),
            words("unit.precise", seconds=f"{one.spent_ms / 1000:.1f}"),
            str(one.admitted),
            str(one.refused),
        )
        for one in status.bridge.air
    ]
    return together(h("h2", words("policy.air")), table(words("policy.air"), columns, rows, words("policy.no_air"), key="air"))
