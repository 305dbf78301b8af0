"""What keys must agree on with each other, checked once every value by itself is right."""

import ipaddress
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from gateway.config.schema import BridgeMode, Config
from transports.nostr.address import parse_relay
from transports.websocket.address import parse_listen


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two settings that cannot both hold."""

    key: str  # dotted, the one to point at
    index: int | None  # of the element, for a list
    message: str


def contradictions(config: Config, written: Container[str]) -> Iterator[Contradiction]:
    """Everything that does not fit together.

    Args:
        config: every value, defaults included.
        written: the keys somebody wrote.

    """
    yield from _adapters(config.radio.adapters)
    if config.bridge.mode is BridgeMode.CONSENT and "bridge.mode" in written and "bridge.cell" not in written:
        yield Contradiction(
            "bridge.mode",
            None,
            'consent mode needs to know where it stands: set bridge.cell to the geohash of this place, 6 characters such as "u4pruy"',
        )
    if config.bridge.geohash_channels and not config.bridge.cell:
        yield Contradiction("bridge.geohash_channels", None, "channels are carried in consent mode only, and that needs bridge.cell")
    yield from _websocket(config)
    yield from _nostr(config)
    yield from _metrics(config)
    if config.mqtt.enabled and not config.mqtt.brokers:
        yield Contradiction("mqtt.brokers", None, "MQTT is enabled and has no broker")
    libp2p = config.transports.libp2p
    for index, address in enumerate(libp2p.peers):
        peer_id = address.rpartition("/")[2]
        if peer_id not in libp2p.members:
            yield Contradiction(
                "transports.libp2p.peers", index, f"{peer_id} is not among transports.libp2p.members, so it would not be let in"
            )
    if libp2p.enabled and not libp2p.listen and not libp2p.peers:
        yield Contradiction("transports.libp2p.enabled", None, "libp2p is enabled but neither listens nor has a peer to link to")


def _websocket(config: Config) -> Iterator[Contradiction]:
    websocket = config.transports.websocket
    table = "websocket" if websocket.members else "libp2p"
    for index, address in enumerate(websocket.peers):
        peer_id = address.rpartition("#")[2]
        if peer_id not in members_of_websocket(config):
            yield Contradiction(
                "transports.websocket.peers", index, f"{peer_id} is not among transports.{table}.members, so it would not be let in"
            )
    if websocket.enabled and not websocket.listen and not websocket.peers:
        yield Contradiction("transports.websocket.enabled", None, "WebSocket is enabled but neither listens nor has a peer to link to")


def _nostr(config: Config) -> Iterator[Contradiction]:
    nostr = config.transports.nostr
    places: dict[str, str] = {}
    for index, text in enumerate(nostr.relays):
        place = parse_relay(text).place
        if place in places:
            yield Contradiction("transports.nostr.relays", index, f"{text!r} is the relay {places[place]!r} once more")
        places[place] = text
    if not nostr.enabled:
        return
    if not nostr.relays:
        yield Contradiction("transports.nostr.enabled", None, "Nostr is enabled and no relay is named in transports.nostr.relays")
    if config.bridge.mode is not BridgeMode.CONSENT or not config.bridge.cell:
        yield Contradiction(
            "transports.nostr.enabled",
            None,
            "relays carry what authors sign for the bridge, and that needs bridge.mode consent and bridge.cell",
        )


def _metrics(config: Config) -> Iterator[Contradiction]:
    """Refuse to show everybody what goes on here: the numbers tell how many people are near, and when."""
    for index, text in enumerate(config.metrics.listen):
        if not config.metrics.token_files and not ipaddress.ip_address(parse_listen(text).host).is_loopback:
            yield Contradiction(
                "metrics.listen", index, f"{text} can be reached by other machines: set metrics.token_files, or listen on 127.0.0.1"
            )


def members_of_websocket(config: Config) -> tuple[str, ...]:
    """Who may link over WebSocket."""
    return config.transports.websocket.members or config.transports.libp2p.members


def _adapters(adapters: Sequence[str]) -> Iterator[Contradiction]:
    names = [text.partition("=")[0].strip().upper() for text in adapters]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Contradiction("radio.adapters", index, f"{name.lower()} is listed twice; =both gives it both roles")
