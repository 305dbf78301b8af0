"""The numbers of what leads outward beside the links: the federation, the line to an MQTT broker and the page."""

from collections.abc import Iterator

from gateway.admin.access.principal import Refused
from gateway.admin.page import Page
from gateway.bridge.membership_links import UNUSED
from gateway.bridge.tickets import Refusal
from gateway.runtime.federation import Federation
from gateway.telemetry.mqtt.session import Session
from gateway.wire.federation import KINDS


def of_federation(federation: Federation | None) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Read the federation; nothing where there is no way to other gateways."""
    if federation is None:
        return
    membership, unix = federation.membership, federation.unix()
    others = membership.members(unix).keys() - {membership.own}
    linked = sum(map(membership.is_linked, others))
    yield "federation_members", (), len(others)
    yield "federation_links", ("linked",), linked
    yield "federation_links", ("away",), len(others) - linked
    yield "federation_links", ("joining",), len(membership.joining)
    counts = membership.counts
    for refusal in Refusal:
        yield "federation_tickets_refused_total", (refusal.value,), counts.tickets[refusal]
    for direction, said in (("in", counts.heard), ("out", counts.said)):
        for kind in KINDS.values():
            yield "federation_messages_total", (direction, kind), said[kind]
    for reason in UNUSED:
        yield "federation_messages_refused_total", (reason,), counts.unused[reason]


def of_broker(session: Session | None) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Read the line to the broker; nothing where MQTT is not used."""
    if session is None:
        return
    outbox, admission = session.outbox, session.admission
    yield "mqtt_up", (), session.is_up
    yield "mqtt_connections_total", (), session.connections
    yield "mqtt_publishes_total", ("published",), outbox.published
    yield "mqtt_publishes_total", ("dropped",), outbox.dropped
    yield "mqtt_publishes_total", ("refused",), outbox.refused
    yield "mqtt_queue_messages", (), len(outbox)
    yield "mqtt_commands_total", ("done",), admission.done
    yield "mqtt_commands_total", ("failed",), admission.failed
    yield "mqtt_commands_total", ("refused",), admission.turned_away
    yield "mqtt_commands_total", ("ignored",), admission.ignored + session.strays


def of_page(page: Page | None) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Read the page; nothing where it is switched off."""
    if page is None:
        return
    entrance = page.entrance
    entrance.sessions.expire(entrance.now())
    yield "page_sessions", (), len(entrance.sessions)
    yield "page_connections", (), page.listener.connections
    for why in Refused:
        yield "page_refused_total", (why.value,), entrance.refusals[why]
