"""What a BitChat phone shows of itself on the air, written down a second time and independently of the gateway's own code."""

from random import Random
from typing import NamedTuple

from bumble import crypto
from bumble.core import UUID, AdvertisingData
from bumble.hci import Address

SERVICE = UUID("F47B5E2D-4A9E-4C5A-9B3F-8E1D2C3A4B5C")
CHARACTERISTIC = UUID("A1B2C3D4-E5F6-4A5B-8C9D-0E1F2A3B4C5D")
CCCD = UUID.from_16_bits(0x2902)
ATT_HEADER = 3  # bytes of a write or a notification that are no value
MAX_VALUE = 512  # bytes of an attribute's value

_FLAGS = bytes((0x06,))  # general discoverable, no BR/EDR
_SERVICE_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)


class Heard(NamedTuple):
    """What one advertisement says."""

    is_bitchat: bool
    tag: bytes  # the peer ID in the scan response, empty without one
    names: bool  # whether it tells a name, which a BitChat node never does


def advertisement(service: UUID = SERVICE) -> bytes:
    """The advertisement proper: flags and the one service."""
    return _structures((AdvertisingData.FLAGS, _FLAGS), (_SERVICE_LISTS[0], service.to_bytes()))


def scan_response(tag: bytes, service: UUID = SERVICE) -> bytes:
    """Android's scan response: the peer ID as the service's data; nothing without a tag."""
    return _structures((AdvertisingData.SERVICE_DATA_128_BIT_UUID, service.to_bytes() + tag)) if tag else b""


def hear(data: AdvertisingData) -> Heard:
    """Read an advertisement and its scan response."""
    own = SERVICE.to_bytes()
    is_bitchat, tag, names = False, b"", False
    for kind, value in data.ad_structures:
        if kind in _SERVICE_LISTS:
            is_bitchat = is_bitchat or any(value[at : at + 16] == own for at in range(0, len(value), 16))
        elif kind == AdvertisingData.SERVICE_DATA_128_BIT_UUID and value[:16] == own:
            tag = bytes(value[16:])
        elif kind in (AdvertisingData.COMPLETE_LOCAL_NAME, AdvertisingData.SHORTENED_LOCAL_NAME):
            names = True
    return Heard(is_bitchat, tag, names)


def static_address(rng: Random) -> Address:
    """A random static address, kept until the phone is switched off."""
    return _random_address(rng.randbytes(6), 0xC0)


def resolvable_address(irk: bytes, rng: Random) -> Address:
    """A resolvable private address, as phones show and change every quarter of an hour."""
    prand = bytearray(rng.randbytes(3))
    prand[2] = prand[2] & 0x3F | 0x40
    return Address(crypto.ah(irk, bytes(prand)) + bytes(prand), Address.RANDOM_DEVICE_ADDRESS)


def _random_address(raw: bytes, kind: int) -> Address:
    return Address(raw[:5] + bytes((raw[5] & 0x3F | kind,)), Address.RANDOM_DEVICE_ADDRESS)


def _structures(*structures: tuple[int, bytes]) -> bytes:
    return b"".join(bytes((len(value) + 1, kind)) + value for kind, value in structures)
