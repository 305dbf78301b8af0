"""Values that everybody can compute at a time: the beacon of an hour, places to meet on a day, and proof of work.

    BeaconSet            XOR of three public beacons of 32 bytes
    without any of them  SHA-256("bn-fallback" || secret 32 || u64 epoch), epoch = unix seconds / 3600
    place i, 0 to 63     SHA-256("bn-seed" || BeaconSet of the day || u8 i), day = unix seconds / 86400
    proof of work        SHA-256(challenge || u64 nonce) begins with so many zero bits

Source: BetaNet 1.1, sections 6.3, 6.5 and 7.2. The text leaves open how i and the proof are written.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

PLACES: Final = 64
DAY_S: Final = 86_400
EPOCH_S: Final = 3_600
LEAST_WORK: Final = 22  # bits
BEACON_BYTES: Final = 32


def beacon_set(beacons: Sequence[bytes]) -> bytes:
    """Return the XOR of one or more beacons of 32 bytes; raises `ValueError` for none, or another size."""
    if not beacons or any(len(beacon) != BEACON_BYTES for beacon in beacons):
        raise ValueError("beacons have 32 bytes, and there is one at least")
    value = 0
    for beacon in beacons:
        value ^= int.from_bytes(beacon)
    return value.to_bytes(BEACON_BYTES)


def fallback_beacon(secret: bytes, epoch: int) -> bytes:
    """Return what takes the place of the beacons for an hour; `secret` is the first key of a channel's initiator."""
    return sha256(b"bn-fallback" + secret + epoch.to_bytes(8)).digest()


def places(beacon: bytes) -> list[bytes]:
    """Return the 64 places to meet on the day of a beacon, 32 bytes each."""
    return [sha256(b"bn-seed" + beacon + bytes((number,))).digest() for number in range(PLACES)]


def worked(challenge: bytes, nonce: int, bits: int = LEAST_WORK) -> bool:
    """True when a nonce of 64 bits proves so much work on a challenge."""
    if not 0 <= nonce < 1 << 64:
        return False
    return not int.from_bytes(sha256(challenge + nonce.to_bytes(8)).digest()) >> (256 - bits)
