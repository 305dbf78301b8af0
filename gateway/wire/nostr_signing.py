"""Signed Nostr events: whether one is what its author signed, and how a device makes one.

The signature is over the ID, and the ID over everything else, so both are checked. Sources:
NIP-01; BitChat iOS NostrProtocol.swift.
"""

from dataclasses import replace
from hashlib import sha256

from gateway.wire.nostr import NostrEvent, has_true_id, preimage
from gateway.wire.schnorr import is_signed, public_key_of, sign

Tags = tuple[tuple[str, ...], ...]


def is_authentic(event: NostrEvent) -> bool:
    """Tell whether the owner of `event.pubkey` signed exactly this event."""
    return has_true_id(event) and is_signed(bytes.fromhex(event.event_id), bytes.fromhex(event.sig), bytes.fromhex(event.pubkey))


def sign_event(kind: int, tags: Tags, content: str, created_at: int, secret_key: bytes, fresh: bytes) -> NostrEvent:
    """Return the signed event.

    Args:
        kind: see `gateway.wire.nostr`.
        tags: each a name and its values.
        content: the text.
        created_at: Unix seconds.
        secret_key: the author's, 32 bytes.
        fresh: 32 random bytes.

    Raises:
        ValueError: a key or `fresh` of the wrong size, or no valid secret key.

    """
    draft = NostrEvent("", public_key_of(secret_key).hex(), created_at, kind, tags, content, "")
    identifier = sha256(preimage(draft)).digest()
    return replace(draft, event_id=identifier.hex(), sig=sign(identifier, secret_key, fresh).hex())
