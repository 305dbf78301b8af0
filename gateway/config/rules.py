"""What keys must agree on with each other, checked once every value by itself is right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.config.schema import Config


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two settings that cannot both hold."""

    key: str  # dotted, the one to point at
    index: int | None  # of the element, for a list
    message: str


def contradictions(config: Config) -> Iterator[Contradiction]:
    """Everything that does not fit together."""
    yield from _adapters(config.radio.adapters)
    yield from _websocket(config)
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


def members_of_websocket(config: Config) -> tuple[str, ...]:
    """Who may link over WebSocket."""
    return config.transports.websocket.members or config.transports.libp2p.members


def _adapters(adapters: Sequence[str]) -> Iterator[Contradiction]:
    names = [text.partition("=")[0].strip().upper() for text in adapters]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Contradiction("radio.adapters", index, f"{name.lower()} is listed twice; =both gives it both roles")
