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
    libp2p = config.transports.libp2p
    for index, address in enumerate(libp2p.peers):
        peer_id = address.rpartition("/")[2]
        if peer_id not in libp2p.members:
            yield Contradiction(
                "transports.libp2p.peers", index, f"{peer_id} is not among transports.libp2p.members, so it would not be let in"
            )
    if libp2p.enabled and not libp2p.listen and not libp2p.peers:
        yield Contradiction("transports.libp2p.enabled", None, "libp2p is enabled but neither listens nor has a peer to link to")


def _adapters(adapters: Sequence[str]) -> Iterator[Contradiction]:
    names = [text.partition("=")[0].strip().upper() for text in adapters]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Contradiction("radio.adapters", index, f"{name.lower()} is listed twice; =both gives it both roles")
