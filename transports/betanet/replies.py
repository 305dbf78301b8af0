"""Single-use reply blocks: an answer finds its way back to somebody whose place its author does not know.

    bytes 0-475     header of the way back, see `sphinx`; its last hop has commands 02 and 03
    bytes 476-507   first hop of the way back
    bytes 508-555   key: the answer's payload is encrypted with it once (see `lioness`)

The author of an answer sends header and payload to the first hop. Every hop on the way decrypts the payload, as always;
whoever made the block encrypts it again with the keys of all hops, the last first, and decrypts it with the block's key.

A block is used once: its maker forgets it with the first packet that comes home, and the hops know a header again.

Source: Danezis and Goldberg, "Sphinx", 2009; the layout is our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from transports import limits
from transports.betanet.errors import BetanetError, Fault, malformed
from transports.betanet.lioness import PAYLOAD_KEY_BYTES, Lioness
from transports.betanet.packets import PAYLOAD_BYTES, pack_message, unpack_message
from transports.betanet.sphinx import HEADER_BYTES, ID_BYTES, Hop, build_header

_FIRST_HOP_END: Final = HEADER_BYTES + ID_BYTES
BLOCK_BYTES: Final = _FIRST_HOP_END + PAYLOAD_KEY_BYTES


@dataclass(frozen=True, slots=True)
class ReplyBlock:
    """What is given to somebody so that they can answer once."""

    header: bytes
    first_hop: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReplyKeys:
    """What the maker of a block keeps: the block's key and the payload keys of the hops, first hop first."""

    key: bytes = field(repr=False)
    hops: tuple[bytes, ...] = field(repr=False)


def make_reply_block(path: Sequence[Hop], reply_id: bytes, *, ephemeral: bytes, fill: bytes, key: bytes) -> tuple[ReplyBlock, ReplyKeys]:
    """Return a block to give away and the keys to keep.

    Args:
        path: the way back; the last hop is the maker itself, told its recipient.
        reply_id: 16 random bytes that name the block.
        ephemeral: as for `sphinx.build_header`.
        fill: as for `sphinx.build_header`.
        key: 48 fresh random bytes.

    Raises:
        ValueError: a field of another size.
        BetanetError: a hop's public key is unusable.
    """
    if len(key) != PAYLOAD_KEY_BYTES:
        raise ValueError("a reply block's key has 48 bytes")
    home = replace(path[-1], commands=replace(path[-1].commands, reply_id=reply_id))
    header, keys = build_header([*path[:-1], home], ephemeral=ephemeral, fill=fill)
    return ReplyBlock(header, path[0].node, key), ReplyKeys(key, tuple(hop.payload for hop in keys))


def encode_reply_block(block: ReplyBlock) -> bytes:
    """Return the 556 bytes of a block."""
    return block.header + block.first_hop + block.key


def decode_reply_block(data: bytes) -> ReplyBlock:
    """Return the block in exactly 556 bytes; raises `BetanetError` for another length."""
    if len(data) != BLOCK_BYTES:
        raise malformed(f"reply block of {len(data)} bytes")
    return ReplyBlock(data[:HEADER_BYTES], data[HEADER_BYTES:_FIRST_HOP_END], data[_FIRST_HOP_END:])


def answer(block: ReplyBlock, message: bytes, payload: int = PAYLOAD_BYTES) -> bytes:
    """Return the packet that answers, to be sent to the block's first hop; raises `ValueError` when it does not fit."""
    return block.header + Lioness(block.key).seal(pack_message(message, payload))


class ReplyBook:
    """The blocks given away and not used yet; the oldest gives way to a new one beyond `MIX_REPLIES`."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[bytes, tuple[float, ReplyKeys]] = {}

    def __len__(self) -> int:
        """Blocks that may still come home, or are not known yet to be too old."""
        return len(self._waiting)

    def remember(self, reply_id: bytes, keys: ReplyKeys, now: float) -> None:
        """Keep what is needed to read one answer, for `MIX_REPLY_S`; `now` in monotonic seconds."""
        if len(self._waiting) >= limits.MIX_REPLIES:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[reply_id] = (now + limits.MIX_REPLY_S, keys)

    def read(self, reply_id: bytes, payload: bytes, now: float) -> bytes:
        """Return the message of an answer that has come home; its block is used up, whatever is in it.

        Raises:
            BetanetError: REPLAY for a block that is unknown, used or too old; AUTH_FAILED for a changed payload.
        """
        until, keys = self._waiting.pop(reply_id, (now, None))
        if keys is None or now >= until:
            raise BetanetError(Fault.REPLAY, "no such reply block")
        for hop in reversed(keys.hops):
            payload = Lioness(hop).seal(payload)
        return unpack_message(Lioness(keys.key).open(payload))
