"""JSON as it is published."""

from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode(document: Any) -> bytes:
    """Return a document as JSON, the same bytes for the same document."""
    return _ENCODER.encode(document)
