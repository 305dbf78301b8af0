"""What the session tests share: the golden vectors, nodes with known keys, and a link between two tables."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from gateway.session.noise import public_key_of
from gateway.session.table import HandshakeStep, SessionTable

VECTORS = Path(__file__).parent.parent / "vectors" / "bitchat"


def vectors(group: str, kind: str) -> list[dict[str, Any]]:
    found = [v for v in json.loads((VECTORS / f"{group}.json").read_text())["vectors"] if v["kind"].startswith(kind)]
    assert found
    return found


def given(*chunks: bytes) -> Callable[[int], bytes]:
    """Random bytes that are not: each chunk once, in order."""
    left = list(chunks)

    def randbytes(n: int) -> bytes:
        chunk = left.pop(0)
        assert len(chunk) == n
        return chunk

    return randbytes


def peer_id_of(private: bytes) -> bytes:
    return sha256(public_key_of(private)).digest()[:8]


@dataclass
class Node:
    private: bytes
    peer_id: bytes
    table: SessionTable

    @classmethod
    def of(cls, private: bytes, randbytes: Callable[[int], bytes] | None = None) -> "Node":
        peer_id = peer_id_of(private)
        return cls(private, peer_id, SessionTable(private, peer_id, randbytes or Random(private).randbytes))


def node(seed: int) -> Node:
    return Node.of(Random(seed).randbytes(32))


def smaller_and_larger() -> tuple[Node, Node]:
    """Return two nodes, the one with the smaller peer ID first."""
    one, two = sorted((node(1), node(2)), key=lambda each: each.peer_id)
    return one, two


def handshake(initiator: Node, responder: Node, now: float = 0.0, *, rekey: bool = False) -> HandshakeStep:
    """Carry one handshake through and return the responder's last step."""
    message_1 = initiator.table.initiate(responder.peer_id, now, rekey=rekey)
    assert message_1 is not None
    answer = responder.table.on_handshake(initiator.peer_id, message_1, now)
    assert answer.reply is not None
    assert not answer.established
    last = initiator.table.on_handshake(responder.peer_id, answer.reply, now)
    assert last.reply is not None
    assert last.established
    return responder.table.on_handshake(initiator.peer_id, last.reply, now)


def assert_talking(one: Node, two: Node, now: float = 0.0) -> None:
    for sender, receiver in ((one, two), (two, one)):
        message = sender.table.encrypt(receiver.peer_id, b"hello", now)
        assert receiver.table.decrypt(sender.peer_id, message, now) == b"hello"
