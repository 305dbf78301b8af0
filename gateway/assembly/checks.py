"""What is looked at every second beside the transports: the conditions of the parts of a gateway."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from gateway.admin.page import Page
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.runtime.clock import NOT_SET
from gateway.runtime.federation import Federation
from gateway.runtime.reload import Reloads
from gateway.runtime.rulebook import Rulebook
from gateway.telemetry.health import Name
from gateway.telemetry.rounds import Check

if TYPE_CHECKING:
    from gateway.telemetry.mqtt.service import Mqtt

NO_CELL: Final = (
    "The bridge is closed, because nobody has told it where it stands.",
    'Set bridge.cell to the geohash of this place, 6 characters such as "u4pruy"; or set bridge.mode to "off".',
)


def checks(
    radio: tuple[str, str] | None,
    clock_known: Callable[[], bool],
    engine: GatewayEngine,
    rulebook: Rulebook,
    store: Callable[[], Iterable[tuple[str, str]]],
    federation: Federation | None,
    page: Callable[[], Page | None],
    broker: "Mqtt | None",
    reloads: Reloads,
    *,
    started: Callable[[], float],
    reaches_sites: bool,
) -> tuple[Check, ...]:
    """Return the checks of one gateway; each says what is wrong and what to do, or None.

    Args:
        radio: why there is no radio, None if nothing is amiss.
        clock_known: whether the time of day is known, or nobody has looked yet.
        engine: the bridge.
        rulebook: of the operator.
        store: what is wrong with it, the gravest first.
        federation: None if there is no way to other gateways.
        page: None if it is switched off.
        broker: None if there is none.
        reloads: who takes new settings.
        started: monotonic seconds.
        reaches_sites: whether any transport leads to other sites.

    """

    def no_cell() -> tuple[str, str] | None:
        return NO_CELL if engine.mode is BridgeMode.CONSENT and engine.is_closed and reaches_sites else None

    def no_broker() -> tuple[str, str] | None:
        if broker is None:
            return None
        now = asyncio.get_running_loop().time()
        return next(iter(broker.troubles(now, now - started())), None)

    def no_page() -> tuple[str, str] | None:
        made = page()
        return made.listener.trouble if made is not None else None

    def old_certificate() -> tuple[str, str] | None:
        made = page()
        return made.certificate_trouble() if made is not None else None

    return (
        Check(Name.RADIO_UNAVAILABLE, lambda: radio),
        Check(Name.CLOCK_NOT_SET, lambda: None if clock_known() else NOT_SET),
        Check(Name.BRIDGE_WITHOUT_CELL, no_cell),
        Check(Name.POLICY_REFUSED, lambda: rulebook.trouble),
        Check(Name.STORE_UNUSABLE, lambda: next(iter(store()), None)),
        Check(Name.FEDERATION_NOT_KEPT, lambda: federation.found if federation is not None else None),
        Check(Name.PAGE_UNREACHABLE, no_page),
        Check(Name.CERTIFICATE_OVER, old_certificate),
        Check(Name.MQTT_UNREACHABLE, no_broker),
        Check(Name.RELOAD_REFUSED, lambda: reloads.trouble),
    )
