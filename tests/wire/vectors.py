"""The golden vectors of one group, as the test files read them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from gateway.wire.packet import Packet

FOLDER = Path(__file__).parent.parent / "vectors" / "bitchat"


@cache
def load(group: str) -> list[dict[str, Any]]:
    """Every vector of `tests/vectors/bitchat/<group>.json`, in the order of the file."""
    vectors: list[dict[str, Any]] = json.loads((FOLDER / f"{group}.json").read_text())["vectors"]
    return vectors


def packet_of(fields: dict[str, Any]) -> Packet:
    """The packet that the `fields` of a vector describe."""
    return Packet(
        version=fields["version"],
        type=fields["type"],
        ttl=fields["ttl"],
        timestamp_ms=fields["timestamp_ms"],
        sender_id=bytes.fromhex(fields["sender_id"]),
        recipient_id=unhex(fields["recipient_id"]),
        route=None if fields["route"] is None else tuple(bytes.fromhex(hop) for hop in fields["route"]),
        is_rsr=fields["is_rsr"],
        payload=bytes.fromhex(fields["payload"]),
        signature=unhex(fields["signature"]),
    )


def unhex(value: str | None) -> bytes | None:
    """Bytes of a hex string; None of None."""
    return None if value is None else bytes.fromhex(value)
