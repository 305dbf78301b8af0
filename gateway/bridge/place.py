"""Where a gateway stands, by which the consent bridge knows what is for its island."""

from dataclasses import dataclass, field

from gateway.bridge.cells import surroundings
from gateway.wire.types import Capability


@dataclass(frozen=True, slots=True)
class Place:
    """Where this gateway stands, as its operator says.

    Args:
        cell: the geohash cell of the island, six characters; empty where it was not said.
        channels: the geohash channels served besides.

    Raises:
        ValueError: the cell is none.

    """

    cell: str = ""
    channels: frozenset[str] = frozenset()
    near: frozenset[str] = field(init=False)  # cells phones of this island can be in

    def __post_init__(self) -> None:
        object.__setattr__(self, "near", surroundings(self.cell) if self.cell else frozenset())

    @property
    def capabilities(self) -> Capability:
        """What a gateway that stands here announces: phones deposit with whoever does."""
        if not self.cell:
            return Capability(0)
        return Capability.BRIDGE | (Capability.GATEWAY if self.channels else Capability(0))
