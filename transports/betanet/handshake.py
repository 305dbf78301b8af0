"""The handshakes of the inner channel: Noise XK, and XK with ML-KEM-768 beside X25519.

    XK       -> e, es           <- e, ee            -> s, se        48, 48, 64 bytes with empty payloads
    XKhfs    -> e, es, e1       <- e, ee, ekem1     -> s, se        1248, 1152, 64

    e1       initiator: EncryptAndHash(ML-KEM public key, 1184 bytes)
    ekem1    responder: EncryptAndHash(ML-KEM ciphertext, 1088 bytes), then MixKey(ML-KEM secret)

The state of Noise (chaining key, hash, cipher) is `noiseprotocol`'s; the tokens are walked here, because it knows no
KEM. XKhfs keeps what is said from a quantum computer; who says it is proved by X25519 alone. The first message of a
handshake carries no payload, so that its length tells which one it is; the last one's is in `identity`. A handshake
that was sent anything wrong is over, and every reason looks the same.

Source: noiseprotocol.org revision 34; the HFS extension of it; FIPS 203. BetaNet 1.1 names Kyber768 and no pattern.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from noise.backends.default.backend import DefaultNoiseBackend
from noise.noise_protocol import NoiseProtocol
from noise.state import SymmetricState

from transports.betanet.binding import Pattern
from transports.betanet.errors import BetanetError, Fault

KEY_BYTES: Final = 32
KEM_SEED_BYTES: Final = 64
_TAG: Final = 16
_KEM_PUBLIC: Final = 1_184
_KEM_CIPHERTEXT: Final = 1_088
_TOKENS: Final = {
    Pattern.XK: (("e", "es"), ("e", "ee"), ("s", "se")),
    Pattern.XKHFS: (("e", "es", "e1"), ("e", "ee", "ekem1"), ("s", "se")),
}
_SIZES: Final = {"e": KEY_BYTES, "s": KEY_BYTES + _TAG, "e1": _KEM_PUBLIC + _TAG, "ekem1": _KEM_CIPHERTEXT + _TAG}
FIRST_MESSAGE: Final = {KEY_BYTES + _TAG: Pattern.XK, KEY_BYTES + _TAG + _KEM_PUBLIC + _TAG: Pattern.XKHFS}
"""The pattern of a handshake by the length of its first message."""

Encapsulate = Callable[[bytes], tuple[bytes, bytes]]
"""From an ML-KEM-768 public key to (secret of 32 bytes, ciphertext of 1088), with randomness of its own."""


def encapsulate(public_key: bytes) -> tuple[bytes, bytes]:
    """Encapsulate with `cryptography`, which draws from the operating system and leaves no choice; see `Encapsulate`.

    Raises:
        ValueError: not a public key of ML-KEM-768.
    """
    return MLKEM768PublicKey.from_public_bytes(public_key).encapsulate()


@dataclass(frozen=True, slots=True)
class Split:
    """What a finished handshake leaves behind; 32 bytes each."""

    initiator_key: bytes = field(repr=False)  # for what the initiator sends
    responder_key: bytes = field(repr=False)
    handshake_hash: bytes  # the same on both sides; everybody on the way can know it
    remote_static: bytes  # X25519 key the other side has proved to own


@dataclass(frozen=True, slots=True)
class Secrets:
    """What one side brings to one handshake; the ephemeral values are random and used once.

    `kem_seed` is 64 bytes, for an initiator of XKhfs alone; `encapsulate` is for a responder of it.
    """

    static: bytes = field(repr=False)
    ephemeral: bytes = field(repr=False)
    kem_seed: bytes = field(default=b"", repr=False)
    encapsulate: Encapsulate = encapsulate


class Handshake:
    """One side of one handshake.

    Args:
        pattern: which of the two.
        secrets: own keys.
        prologue: 32 bytes, see `binding`.
        remote_static: the responder's X25519 key on the initiator's side, None on the responder's.
    """

    __slots__ = ("_kem", "_kem_remote", "_keys", "_left", "_noise", "_over", "_remote", "_secrets", "_state", "initiator")

    def __init__(self, pattern: Pattern, secrets: Secrets, *, prologue: bytes, remote_static: bytes | None) -> None:
        self.initiator = remote_static is not None
        self._secrets = secrets
        self._keys = {
            "s": X25519PrivateKey.from_private_bytes(secrets.static),
            "e": X25519PrivateKey.from_private_bytes(secrets.ephemeral),
        }
        self._remote: dict[str, bytes] = {}
        self._kem = MLKEM768PrivateKey.from_seed_bytes(secrets.kem_seed) if self.initiator and pattern is Pattern.XKHFS else None
        self._kem_remote = b""
        self._noise: Any = NoiseProtocol(Pattern.XK.encode(), DefaultNoiseBackend())
        self._noise.name = pattern.encode()
        self._state: Any = SymmetricState.initialize_symmetric(self._noise)
        self._state.mix_hash(prologue)
        if remote_static is not None:
            self._remote["s"] = remote_static
        self._state.mix_hash(remote_static or self._public("s"))
        self._left = [*_TOKENS[pattern]]
        self._over = False

    @property
    def finished(self) -> bool:
        """True when all messages have passed and `split` may be called."""
        return not self._left and not self._over

    def write(self, payload: bytes = b"") -> bytes:
        """Return this side's next message.

        Raises:
            BetanetError: AUTH_FAILED when the other side's keys are unusable; the handshake is over.
        """
        message = b""
        for token in self._turn(writing=True):
            message += self._write(token)
        return message + bytes(self._state.encrypt_and_hash(payload))

    def read(self, message: bytes) -> bytes:
        """Take the other side's next message and return its payload.

        Raises:
            BetanetError: AUTH_FAILED for anything but an authentic message; the handshake is over.
        """
        try:
            for token in self._turn(writing=False):
                size = _SIZES.get(token, 0)
                if size > len(message):
                    raise _refused()
                self._read(token, message[:size])
                message = message[size:]
            return bytes(self._state.decrypt_and_hash(message))
        except (InvalidTag, ValueError, BetanetError):
            self._over = True
            raise _refused() from None

    def split(self) -> Split:
        """Return the keys of a finished handshake."""
        if not self.finished:
            raise ValueError("the handshake is not finished")
        first, second = self._noise.hkdf(self._state.ck, b"", 2)
        return Split(bytes(first), bytes(second), bytes(self._state.h), self._remote["s"])

    def _turn(self, *, writing: bool) -> tuple[str, ...]:
        """The tokens of the next message, if it is this side's turn to write or to read it."""
        initiators = len(self._left) % 2 == 1
        if self._over or not self._left or (initiators == self.initiator) != writing:
            raise _refused()
        return self._left.pop(0)

    def _public(self, name: str) -> bytes:
        return self._keys[name].public_key().public_bytes_raw()

    def _write(self, token: str) -> bytes:
        match token:
            case "e":
                self._state.mix_hash(self._public("e"))
                return self._public("e")
            case "s":
                return bytes(self._state.encrypt_and_hash(self._public("s")))
            case "e1" if self._kem is not None:
                return bytes(self._state.encrypt_and_hash(self._kem.public_key().public_bytes_raw()))
            case "ekem1":
                try:
                    secret, ciphertext = self._secrets.encapsulate(self._kem_remote)
                except ValueError:
                    raise _refused() from None
                sealed = bytes(self._state.encrypt_and_hash(ciphertext))
                self._state.mix_key(secret)
                return sealed
        self._agree(token)
        return b""

    def _read(self, token: str, data: bytes) -> None:
        match token:
            case "e":
                self._remote["e"] = data
                self._state.mix_hash(data)
            case "s":
                self._remote["s"] = bytes(self._state.decrypt_and_hash(data))
            case "e1":
                self._kem_remote = bytes(self._state.decrypt_and_hash(data))
            case "ekem1" if self._kem is not None:
                self._state.mix_key(self._kem.decapsulate(bytes(self._state.decrypt_and_hash(data))))
            case _:
                self._agree(token)

    def _agree(self, token: str) -> None:
        """MixKey of the X25519 secret that a token names: the initiator's key first, the responder's second."""
        own, other = (token[0], token[1]) if self.initiator else (token[1], token[0])
        try:
            secret = self._keys[own].exchange(X25519PublicKey.from_public_bytes(self._remote[other]))
        except ValueError:
            # A key of small order: anybody knows the secret.
            raise _refused() from None
        self._state.mix_key(secret)


def _refused() -> BetanetError:
    return BetanetError(Fault.AUTH_FAILED, "handshake message is not authentic")
