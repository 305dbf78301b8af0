"""Sealing of courier mail: one Noise X message from a sender to somebody who is away.

    Noise_X_25519_ChaChaPoly_SHA256      e (32) || sealed sender static key (48) || sealed plaintext
    to a static key (envelope version 1)     prologue "bitchat-courier-v1"
    to a one-time prekey (version 2)         prologue "bitchat-prekey-v1" || prekey ID as 4 bytes

The sender is authenticated to the recipient and hidden from everybody else. There is no forward
secrecy towards a static key, and a message can be opened again: recipients drop repeats by message ID.

The envelope around it, with the recipient tag, is `gateway.wire.courier`.

Source: BitChat iOS NoiseEncryptionService.swift.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.errors import Reason, SessionError
from gateway.limits import MAX_COURIER_CIPHERTEXT
from gateway.session.noise import read, start

X: Final = b"Noise_X_25519_ChaChaPoly_SHA256"
OVERHEAD: Final = 96  # bytes the ciphertext is longer than the plaintext


@dataclass(frozen=True, slots=True)
class Opened:
    """Courier mail that has been opened."""

    plaintext: bytes  # a Noise payload: type byte and private message
    sender_static: bytes  # 32-byte Noise public key the sender has proved to own


def prologue(prekey_id: int | None = None) -> bytes:
    """Return the prologue for mail to a static key, or to the prekey with this ID (0 to 2^32 - 1)."""
    return b"bitchat-courier-v1" if prekey_id is None else b"bitchat-prekey-v1" + prekey_id.to_bytes(4, "big")


def seal_courier(
    plaintext: bytes, *, sender_private: bytes, recipient_public: bytes, randbytes: Callable[[int], bytes], prekey_id: int | None = None
) -> bytes:
    """Return the ciphertext of mail for the owner of `recipient_public`: a static key, or a prekey with its ID.

    Raises:
        SessionError: Reason.OVERSIZED above MAX_COURIER_CIPHERTEXT, Reason.SESSION for an unusable key.
    """
    if len(plaintext) + OVERHEAD > MAX_COURIER_CIPHERTEXT:
        raise SessionError(Reason.OVERSIZED, f"{len(plaintext)} bytes of courier mail")
    handshake = start(
        X,
        initiator=True,
        static_private=sender_private,
        ephemeral=randbytes(32),
        remote_static=recipient_public,
        prologue=prologue(prekey_id),
    )
    return bytes(handshake.write_message(plaintext))


def open_courier(ciphertext: bytes, *, recipient_private: bytes, prekey_id: int | None = None) -> Opened:
    """Open mail with the private key it was sealed to: the static one, or the prekey of that ID.

    Raises:
        SessionError: Reason.SESSION for anything not sealed to this key, Reason.OVERSIZED.
    """
    if len(ciphertext) > MAX_COURIER_CIPHERTEXT:
        raise SessionError(Reason.OVERSIZED, f"{len(ciphertext)} bytes of courier ciphertext")
    handshake = start(X, initiator=False, static_private=recipient_private, prologue=prologue(prekey_id))
    state = handshake.noise_protocol.handshake_state
    plaintext = read(handshake, ciphertext)
    return Opened(plaintext, bytes(state.rs.public_bytes))
