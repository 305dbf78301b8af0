"""Which gateways a packet passes: a seeded rule that both chance and anybody who knows the seed can follow.

    seed     SHA-256(BeaconSet || PeerID of the sender || PeerID of the recipient || nonce 16)
    rank     SHA-256(seed || "hop" || PeerID of a gateway), smallest first; neither sender nor recipient takes part
    group    where groups are known, one hop is of neither the sender's group nor the recipient's: if none of the first
             is, the best of the others takes the last place
    repeat   within an hour and for one recipient, a set of hops that was among the last eight is not used again:
             another nonce is drawn, until 64 have been tried

Fewer willing gateways than hops mean no packet: nobody is sent through fewer than was asked for.

Source: BetaNet 1.1, section 7.2. The text wants a verifiable random function over an advertised list; no list has ever
been advertised, so that there is nothing to verify and the ranking is a hash.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Final

from transports import limits
from transports.betanet.errors import BetanetError, Fault

NONCE_BYTES: Final = 16
LEAST_DELAY_MS: Final = 30


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that passes packets on, or sends or receives them; `group` is empty where it is not known."""

    peer_id: bytes
    group: str = ""


def hop_seed(beacon: bytes, sender: bytes, recipient: bytes, nonce: bytes) -> bytes:
    """Return the 32-byte seed of one choice."""
    return sha256(beacon + sender + recipient + nonce).digest()


def rank(seed: bytes, willing: Iterable[Gateway]) -> list[Gateway]:
    """Return gateways in the order of a seed, whatever order they came in."""
    return sorted(set(willing), key=lambda gateway: sha256(seed + b"hop" + gateway.peer_id).digest())


def choose(seed: bytes, willing: Iterable[Gateway], count: int, *, sender: Gateway, recipient: Gateway) -> tuple[Gateway, ...]:
    """Return `count` hops in their order, 0 to 5.

    Raises:
        ValueError: more hops than a packet has.
        BetanetError: POLICY_REJECTED when there are too few willing gateways, or none of another group.
    """
    if not 0 <= count <= limits.MIX_HOPS:
        raise ValueError(f"{count} hops")
    ends = {sender.peer_id, recipient.peer_id}
    ranked = rank(seed, (gateway for gateway in willing if gateway.peer_id not in ends))
    if len(ranked) < count:
        raise BetanetError(Fault.POLICY_REJECTED, f"{len(ranked)} willing gateways for {count} hops")
    chosen = ranked[:count]
    near = {sender.group, recipient.group} - {""}
    if count and near and all(gateway.group in near for gateway in chosen):
        other = next((gateway for gateway in ranked[count:] if gateway.group not in near), None)
        if other is None:
            raise BetanetError(Fault.POLICY_REJECTED, "no willing gateway of another group")
        chosen[-1] = other
    return tuple(chosen)


def draw_delays(count: int, rng: Random) -> list[int]:
    """Return how many milliseconds each hop holds a packet: 30 to 150, and at most 600 together."""
    most = min(limits.MIX_DELAY_MS, limits.MIX_TOTAL_DELAY_MS // max(1, count))
    return [rng.randint(LEAST_DELAY_MS, most) for _ in range(count)]


class HopChooser:
    """Chooses hops for one sender and remembers the sets it has used in the present hour.

    Args:
        sender: the gateway that sends.
        randbytes: a cryptographic source of random bytes.
    """

    __slots__ = ("_epoch", "_randbytes", "_sender", "_used")

    def __init__(self, sender: Gateway, randbytes: Callable[[int], bytes]) -> None:
        self._sender = sender
        self._randbytes = randbytes
        self._epoch = -1
        self._used: dict[bytes, list[frozenset[Gateway]]] = {}

    def choose(self, willing: Iterable[Gateway], count: int, recipient: Gateway, *, beacon: bytes, epoch: int) -> tuple[Gateway, ...]:
        """Return hops for one packet to a recipient; raises as `choose` does.

        Where all sets that can be drawn were among the last eight, the eight are forgotten.
        """
        if epoch != self._epoch:
            self._epoch = epoch
            self._used = {}
        if recipient.peer_id not in self._used and len(self._used) >= limits.MAX_MEMBERS:
            del self._used[next(iter(self._used))]
        used = self._used.setdefault(recipient.peer_id, [])
        candidates = list(willing)
        hops: tuple[Gateway, ...] = ()
        for _ in range(limits.MIX_DRAWS):
            seed = hop_seed(beacon, self._sender.peer_id, recipient.peer_id, self._randbytes(NONCE_BYTES))
            hops = choose(seed, candidates, count, sender=self._sender, recipient=recipient)
            if frozenset(hops) not in used:
                break
        else:
            used.clear()
        used.append(frozenset(hops))
        del used[: -limits.MIX_SETS]
        return hops
