"""The numbers of the BitChat protocol that have names: packet types, Noise payload types, capabilities."""

from enum import IntEnum, IntFlag
from typing import Final

PEER_ID_SIZE: Final = 8
SIGNATURE_SIZE: Final = 64
BROADCAST: Final = b"\xff" * PEER_ID_SIZE
"""The recipient Android writes for everybody; iOS leaves the field out. Both mean broadcast."""


class MessageType(IntEnum):
    """Byte 1 of a packet (BitChat iOS MessageType.swift). Other values are legal and are relayed."""

    ANNOUNCE = 0x01
    MESSAGE = 0x02
    LEAVE = 0x03
    COURIER = 0x04
    NOISE_HANDSHAKE = 0x10
    NOISE_ENCRYPTED = 0x11
    FRAGMENT = 0x20
    REQUEST_SYNC = 0x21
    FILE = 0x22
    BOARD = 0x23
    PREKEYS = 0x24
    GROUP = 0x25
    PING = 0x26
    PONG = 0x27
    NOSTR_CARRIER = 0x28
    VOICE = 0x29
    ANNOUNCE_V2 = 0x2C


class NoisePayloadType(IntEnum):
    """First plaintext byte inside a NOISE_ENCRYPTED packet (BitChat iOS NoisePayloadType)."""

    PRIVATE_MESSAGE = 0x01
    READ_RECEIPT = 0x02
    DELIVERED = 0x03
    GROUP_INVITE = 0x06
    GROUP_KEY_UPDATE = 0x07
    VOICE = 0x08
    PRIVATE_FILE_ALIAS = 0x09  # decoded, never sent
    VERIFY_CHALLENGE = 0x10
    VERIFY_RESPONSE = 0x11
    VOUCH = 0x12
    PRIVATE_FILE = 0x20
    PEER_STATE = 0x21


class Capability(IntFlag):
    """What a peer says it serves, in announce TLV 5 and in the authenticated peer state."""

    PREKEYS = 1 << 0
    WIFI_BULK = 1 << 1
    GATEWAY = 1 << 2
    GROUPS = 1 << 3
    BOARD = 1 << 4
    VOUCH = 1 << 5
    MESH_DIAGNOSTICS = 1 << 6
    BRIDGE = 1 << 7
    PRIVATE_MEDIA = 1 << 8
    PRIVATE_MEDIA_RECEIPTS = 1 << 9


PADDED_TYPES: Final = frozenset({MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED})
"""The types that go on the air padded; every other type is padded only to be signed."""

_TYPE_NAMES: Final[dict[int, str]] = {
    MessageType.ANNOUNCE: "announce",
    MessageType.MESSAGE: "message",
    MessageType.LEAVE: "leave",
    MessageType.COURIER: "courierEnvelope",
    MessageType.NOISE_HANDSHAKE: "noiseHandshake",
    MessageType.NOISE_ENCRYPTED: "noiseEncrypted",
    MessageType.FRAGMENT: "fragment",
    MessageType.REQUEST_SYNC: "requestSync",
    MessageType.FILE: "fileTransfer",
    MessageType.BOARD: "boardPost",
    MessageType.PREKEYS: "prekeyBundle",
    MessageType.GROUP: "groupMessage",
    MessageType.PING: "ping",
    MessageType.PONG: "pong",
    MessageType.NOSTR_CARRIER: "nostrCarrier",
    MessageType.VOICE: "voiceFrame",
    MessageType.ANNOUNCE_V2: "announceV2",
}


def type_name(message_type: int) -> str:
    """The protocol's own name of a packet type, "unknown" for a number without one."""
    return _TYPE_NAMES.get(message_type, "unknown")
