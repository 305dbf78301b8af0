"""Names that follow from a key, and the proof that a channel's key belongs to one.

    PeerID       12 20 || SHA-256(Ed25519 key)                           34 bytes; as text "mh1-" and base32
    NodeID       the first 20 bytes of that SHA-256
    service      "betanet://" and the SHA-256 in hex
    name         "bn1:" and base32 of NodeID || SHA-256("BN-NAME" || NodeID)[:4]

Base32 is RFC 4648 in lower case without padding.

A gateway has two keys: Ed25519 for who it is, X25519 for channels. The payload of the last handshake message is

    bytes 0-31    Ed25519 key of the initiator
    bytes 32-95   its signature over "betanet-gw/1 static key" || 0x00 || X25519 key of the initiator

as in libp2p; the responder's X25519 key is known to the initiator before. No key is converted into the other kind.

Source: BetaNet 1.1, sections 6.1 and 8.1; 1.2 draft, sections 7.1, 9.1 and 11.1.
"""

from base64 import b32encode
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from transports.betanet.signatures import check_signature

NODE_ID_BYTES: Final = 20
PROOF_BYTES: Final = 96
_KEY_BYTES: Final = 32
_MULTIHASH: Final = b"\x12\x20"
_CONTEXT: Final = b"betanet-gw/1 static key\x00"


def _base32(data: bytes) -> str:
    return b32encode(data).rstrip(b"=").lower().decode()


def peer_id(public_key: bytes) -> bytes:
    """Return the 34-byte PeerID of an Ed25519 public key."""
    return _MULTIHASH + sha256(public_key).digest()


def peer_id_text(public_key: bytes) -> str:
    """Return the PeerID of an Ed25519 public key as text, "mh1-..."."""
    return "mh1-" + _base32(peer_id(public_key))


def node_id(public_key: bytes) -> bytes:
    """Return the 20-byte NodeID of an Ed25519 public key."""
    return sha256(public_key).digest()[:NODE_ID_BYTES]


def service_uri(public_key: bytes) -> str:
    """Return the address of the service with this Ed25519 public key, "betanet://..."."""
    return f"betanet://{sha256(public_key).hexdigest()}"


def self_certifying_name(public_key: bytes) -> str:
    """Return the name that follows from an Ed25519 public key, "bn1:..."."""
    node = node_id(public_key)
    return "bn1:" + _base32(node + sha256(b"BN-NAME" + node).digest()[:4])


def prove_static(identity: Ed25519PrivateKey, static_public: bytes) -> bytes:
    """Return the payload of the last handshake message, 96 bytes."""
    return identity.public_key().public_bytes_raw() + identity.sign(_CONTEXT + static_public)


def check_static(payload: bytes, static_public: bytes) -> bytes:
    """Return the Ed25519 public key that vouches for the channel's key, 32 bytes.

    Raises:
        BetanetError: AUTH_FAILED for any payload but such a proof.
    """
    key, signature = payload[:_KEY_BYTES], payload[_KEY_BYTES:]
    check_signature(key, signature, _CONTEXT + static_public)
    return key
