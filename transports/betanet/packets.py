"""Whole Sphinx packets, and what one hop does with them.

    bytes 0-475     header, see `sphinx`
    bytes 476-507   32 zero bytes       } the payload, encrypted once for every hop (see `lioness`); the zeros show at
    u32             length of message   } the last hop that nobody has changed it
    rest            message, then zeros }

2,556 bytes with the 2,048 that gateways use for length and message; packets of one network have one length.

A hop checks, in this order: length, group element, MAC, replay, commands, and only then touches the payload. It drops
what fails and tells nobody. It remembers SHA-256("betanet-gw sphinx replay" || MAC key)[:16] of every packet for as
long as its key lives, because a packet says nothing about its age; once it can remember no more it drops everything,
until it is given a new key. A delay over 150 ms is refused.

Source: own profile around Katzenpost's header; Danezis and Goldberg, "Sphinx", 2009.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from transports import limits
from transports.betanet.errors import BetanetError, Fault, malformed
from transports.betanet.lioness import Lioness
from transports.betanet.sphinx import HEADER_BYTES, Hop, build_header, open_header

TAG_BYTES: Final = 32
LENGTH_BYTES: Final = 4
PAYLOAD_BYTES: Final = 2_048
_REPLAY: Final = b"betanet-gw sphinx replay"
_REPLAY_TAG: Final = 16
_TAG: Final = bytes(TAG_BYTES)


@dataclass(frozen=True, slots=True)
class Forward:
    """The packet goes on to another hop, after a while."""

    next_hop: bytes
    packet: bytes
    delay_s: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """The packet has come to its end, with a message for somebody here."""

    recipient: bytes
    message: bytes


@dataclass(frozen=True, slots=True)
class Returned:
    """A reply block of somebody here has come home; `replies.ReplyBook` can read the payload."""

    recipient: bytes
    reply_id: bytes
    payload: bytes


Outcome = Forward | Delivered | Returned


def packet_bytes(payload: int = PAYLOAD_BYTES) -> int:
    """Return the length of packets whose payload holds so many bytes of length and message."""
    return HEADER_BYTES + TAG_BYTES + payload


def pack_message(message: bytes, payload: int = PAYLOAD_BYTES) -> bytes:
    """Return a message as the payload of a packet before it is encrypted.

    Raises:
        ValueError: more than `payload` - 4 bytes.
    """
    if len(message) > payload - LENGTH_BYTES:
        raise ValueError(f"{len(message)} bytes do not fit a packet")
    return _TAG + (len(message).to_bytes(LENGTH_BYTES) + message).ljust(payload, b"\0")


def unpack_message(payload: bytes) -> bytes:
    """Return the message in a decrypted payload.

    Raises:
        BetanetError: AUTH_FAILED when its first 32 bytes are not zero: it was changed on the way, or is not for here;
            MALFORMED_FRAME when its length cannot be, or what follows the message is not zero.
    """
    if payload[:TAG_BYTES] != _TAG:
        raise BetanetError(Fault.AUTH_FAILED, "the payload was changed")
    begin = TAG_BYTES + LENGTH_BYTES
    end = begin + int.from_bytes(payload[TAG_BYTES:begin])
    if end > len(payload) or any(payload[end:]):
        raise malformed("a message longer than its packet, or followed by something")
    return payload[begin:end]


def build_packet(path: Sequence[Hop], message: bytes, *, ephemeral: bytes, fill: bytes, payload: int = PAYLOAD_BYTES) -> bytes:
    """Return the packet for the first hop of a path; `ephemeral` and `fill` as for `sphinx.build_header`.

    Raises:
        ValueError: the message does not fit, or a field has another size.
        BetanetError: a hop's public key is unusable.
    """
    header, keys = build_header(path, ephemeral=ephemeral, fill=fill)
    sealed = pack_message(message, payload)
    for hop in reversed(keys):
        sealed = Lioness(hop.payload).seal(sealed)
    return header + sealed


class MixHop:
    """One hop with one key.

    Args:
        private: 32-byte X25519 key, used for this alone.
        payload: bytes of length and message in the packets of this network.
    """

    __slots__ = ("_private", "_seen", "_size", "dropped", "taken")

    def __init__(self, private: bytes, *, payload: int = PAYLOAD_BYTES) -> None:
        self._private = private
        self._size = packet_bytes(payload)
        self._seen: set[bytes] = set()
        self.taken = 0
        self.dropped = 0

    @property
    def full(self) -> bool:
        """True when nothing more can be remembered and nothing more is taken: the key must be changed."""
        return len(self._seen) >= limits.MIX_TAGS

    def take(self, packet: bytes) -> Outcome:
        """Return what has to be done with a packet.

        Raises:
            BetanetError: it is dropped: MALFORMED_FRAME, AUTH_FAILED, REPLAY, or POLICY_REJECTED for one that would
                be held too long or comes when nothing more can be remembered.
        """
        try:
            outcome = self._take(packet)
        except BetanetError:
            self.dropped += 1
            raise
        self.taken += 1
        return outcome

    def _take(self, packet: bytes) -> Outcome:
        if len(packet) != self._size:
            raise malformed(f"packet of {len(packet)} bytes")
        step = open_header(packet[:HEADER_BYTES], self._private)
        self._remember(sha256(_REPLAY + step.keys.mac).digest()[:_REPLAY_TAG])
        commands = step.commands
        delay_ms = commands.delay_ms or 0
        if delay_ms > limits.MIX_DELAY_MS:
            raise BetanetError(Fault.POLICY_REJECTED, f"to be held for {delay_ms} ms")
        if step.next_hop is None and commands.recipient is None:
            raise malformed("last hop without a recipient")
        payload = Lioness(step.keys.payload).open(packet[HEADER_BYTES:])
        if step.next_hop is not None and step.following is not None:
            return Forward(step.next_hop, step.following + payload, delay_ms / 1000)
        recipient = commands.recipient or b""
        if commands.reply_id is not None:
            return Returned(recipient, commands.reply_id, payload)
        return Delivered(recipient, unpack_message(payload))

    def _remember(self, tag: bytes) -> None:
        if tag in self._seen:
            raise BetanetError(Fault.REPLAY)
        if self.full:
            raise BetanetError(Fault.POLICY_REJECTED, "nothing more can be remembered")
        self._seen.add(tag)
