"""What the gateway and its child process say to each other over their socket pair.

Every message is a u32 length and a msgpack list that starts with its kind. A *stream* is a number the
child gives to each `/meshgate/link/1` stream; it is never used twice in the life of a child.

    gateway → child                              child → gateway
    CONFIG  settings (map)                       READY    peer ID, [address, …]
    DATA    stream, bytes                        FATAL    sentence, remedy      then it ends
    CLOSE   stream, why                          OPENED   stream, peer ID
    ADMIT   peer ID, [address, …]                DATA     stream, bytes
    EXPEL   peer ID                              WRITTEN  stream, bytes of DATA that were written
    STOP                                         CLOSED   stream, why
    BEAT                                         NOTICE   level, sentence
                                                 BEAT     counters (map)
"""

from enum import IntEnum
from typing import Any, TypedDict

import msgpack

from transports.libp2p.framing import framed


class Kind(IntEnum):
    """What a message on the pipe is about."""

    CONFIG = 1
    DATA = 2
    CLOSE = 3
    STOP = 4
    BEAT = 5
    READY = 6
    FATAL = 7
    OPENED = 8
    WRITTEN = 9
    CLOSED = 10
    NOTICE = 11
    ADMIT = 12
    EXPEL = 13


class Settings(TypedDict):
    """What the child is told before anything else."""

    seed: bytes  # Ed25519 seed, 32 bytes
    listen: list[str]
    members: list[str]  # peer IDs, without our own
    peers: dict[str, list[str]]  # peer ID to the addresses it may be dialled at
    room: int  # members there may be at a time
    gossip: bool
    stall_s: float


def encode(kind: Kind, *fields: Any) -> bytes:
    """One message, ready to be written."""
    return framed(msgpack.packb([int(kind), *fields]))


def decode(message: bytes) -> list[Any]:
    """The kind and the fields of one message. Both ends of the pipe are ours, so a malformed one is a bug."""
    fields: list[Any] = msgpack.unpackb(message)
    return fields
