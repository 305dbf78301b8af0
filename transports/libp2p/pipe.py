"""What the gateway and its child process say to each other over their socket pair.

Every message is a u32 length and a msgpack list that starts with its kind. A *stream* is a number the
child gives to each `/meshgate/link/1` stream; it is never used twice in the life of a child.

    gateway → child                              child → gateway
    CONFIG  settings (map)                       READY    peer ID, [address, …]
    DATA    stream, bytes                        FATAL    sentence, remedy      then it ends
    CLOSE   stream, why                          OPENED   stream, peer ID
    STOP                                         DATA     stream, bytes
    BEAT                                         WRITTEN  stream, bytes of DATA that were written
    MEMBERS members (map)                        CLOSED   stream, why
    ANSWER  guest, word                          NOTICE   level, sentence
                                                 BEAT     counters (map)
                                                 GUEST    guest, peer ID, what it shows
                                                 TOLD     peer ID, word

A *guest* is a number as well: a gateway that is no member and has a ticket to show. A word is why a ticket is not taken, and
empty if it is; with TOLD it is what another gateway said to ours.
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
    MEMBERS = 12
    ANSWER = 13
    GUEST = 14
    TOLD = 15


class Members(TypedDict):
    """Who may link, whom to call, and what to show; without our own peer ID."""

    addresses: dict[str, list[str]]  # of every member: where it may be dialled, which may be nowhere
    shown: dict[str, bytes]  # tickets, by the peer ID of whom they are to be shown to
    guests: bool  # whether somebody who is no member may show a ticket


class Settings(TypedDict):
    """What the child is told before anything else."""

    seed: bytes  # Ed25519 seed, 32 bytes
    listen: list[str]
    members: Members
    gossip: bool
    stall_s: float


def encode(kind: Kind, *fields: Any) -> bytes:
    """One message, ready to be written."""
    return framed(msgpack.packb([int(kind), *fields]))


def decode(message: bytes) -> list[Any]:
    """The kind and the fields of one message. Both ends of the pipe are ours, so a malformed one is a bug."""
    fields: list[Any] = msgpack.unpackb(message)
    return fields
