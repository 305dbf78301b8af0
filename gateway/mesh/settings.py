"""How one node behaves on the mesh."""

from dataclasses import dataclass

from gateway.mesh.dialect import PLAIN, Dialect


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """Choices of a node; the defaults are those of a mains-powered gateway.

    Args:
        nickname: what others see, at most 255 bytes of UTF-8.
        notice: what stands on the island's board in this node's name, at most 512 bytes of UTF-8; empty: nothing.
        capabilities: `gateway.wire.types.Capability` bits; only what is served may be stated.
        bridge_geohash: the rendezvous cell, where the node has one.
        jitter: whether relays wait their random delay.
        relay_to_all: send broadcasts to every link; phones choose a subset to save air time.
        reads_mail: whether somebody reads private messages to this node; without, its side of Noise stays
            silent, so that nobody is told "delivered" about a message nobody will see.
        carries_mail: whether courier mail is held for people who are away; somebody has to keep what `LetterKept` says.
        sync: whether to ask neighbours for what was missed.
        sync_period: seconds between requests (iOS: 15).
        dialect: where the two apps write differently, which way; see `gateway.mesh.dialect`.

    """

    nickname: str = "Meshgate"
    capabilities: int = 0
    bridge_geohash: str | None = None
    jitter: bool = True
    relay_to_all: bool = True
    reads_mail: bool = True
    carries_mail: bool = False
    sync: bool = True
    sync_period: float = 15.0
    dialect: Dialect = PLAIN
    notice: str = ""
