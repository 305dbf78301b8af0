"""Noise handshakes: the pattern by `noiseprotocol`, the keys and the checks by us.

    XX      -> e (32)      <- e, ee, s, es (96)      -> s, se (64)      bytes, with empty payloads
    X       -> e, es, s, ss                                            one message, see `courier`

The library would draw ephemeral keys from the operating system and warns when one is set from
outside. Its X25519 functions are a plug, so ours are plugged in: the ephemeral key is an
argument, and the public keys X25519 maps to a constant secret are refused before they are used.

Source: BitChat iOS NoiseProtocol.swift; noiseprotocol.org revision 34.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from noise.backends.default.backend import DefaultNoiseBackend
from noise.backends.default.keypairs import KeyPair25519
from noise.connection import Keypair, NoiseConnection
from noise.exceptions import NoiseValueError

from gateway.errors import Reason, SessionError

XX: Final = b"Noise_XX_25519_ChaChaPoly_SHA256"
KEY_BYTES: Final = 32
MESSAGE_1_BYTES: Final = 32
MESSAGE_2_BYTES: Final = 96
MESSAGE_3_BYTES: Final = 64

_P = 2**255 - 19
_LOW_ORDER: Final = frozenset(
    number.to_bytes(32, "little")
    for number in (
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,  # order 8
        39382357235489614581723060781553021112529911719440698176882885853963445705823,  # order 8
        _P - 1,
        _P,  # 0 again, not reduced
        _P + 1,  # 1 again, not reduced
    )
)


def refuse_low_order(public_key: bytes) -> None:
    """Refuse an X25519 public key of small order, whose shared secret anybody knows.

    Raises:
        SessionError: Reason.SESSION for such a key, or one that is not 32 bytes long.
    """
    # X25519 ignores the topmost bit, so each of these keys has two spellings.
    if len(public_key) != KEY_BYTES or public_key[:31] + bytes((public_key[31] & 0x7F,)) in _LOW_ORDER:
        raise SessionError(Reason.SESSION, "unusable X25519 public key")


def public_key_of(private_key: bytes) -> bytes:
    """Return the 32-byte X25519 public key of a 32-byte private key."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


class _CheckedKeyPair:
    """Where the library makes key pairs from bytes."""

    @staticmethod
    def from_private_bytes(private_key: bytes) -> Any:
        return KeyPair25519.from_private_bytes(private_key)

    @staticmethod
    def from_public_bytes(public_key: bytes) -> Any:
        refuse_low_order(public_key)
        return KeyPair25519.from_public_bytes(public_key)


class _GivenEphemeral:
    """The X25519 functions of the library, except that the ephemeral key is the caller's."""

    dhlen = KEY_BYTES
    klass = _CheckedKeyPair

    def __init__(self, ephemeral: bytes) -> None:
        self._ephemeral = ephemeral

    def generate_keypair(self) -> Any:
        return KeyPair25519.from_private_bytes(self._ephemeral)

    def dh(self, private_key: X25519PrivateKey, public_key: X25519PublicKey) -> bytes:
        return private_key.exchange(public_key)


def start(
    protocol: bytes,
    *,
    initiator: bool,
    static_private: bytes,
    ephemeral: bytes = b"",
    remote_static: bytes | None = None,
    prologue: bytes = b"",
) -> NoiseConnection:
    """Return a started handshake of `protocol` (a full Noise protocol name over 25519).

    `ephemeral` is 32 fresh random bytes, used for this handshake alone; a side that only reads needs none.

    Raises:
        SessionError: Reason.SESSION when `remote_static` is unusable.
    """
    backend = DefaultNoiseBackend()
    backend.diffie_hellmans = {"25519": lambda: _GivenEphemeral(ephemeral)}
    backend.keypairs = {"25519": _CheckedKeyPair}
    connection = NoiseConnection.from_name(protocol, backend)
    if initiator:
        connection.set_as_initiator()
    else:
        connection.set_as_responder()
    connection.set_keypair_from_private_bytes(Keypair.STATIC, static_private)
    if remote_static is not None:
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, remote_static)
    connection.set_prologue(prologue)
    connection.start_handshake()
    return connection


def read(connection: NoiseConnection, message: bytes) -> bytes:
    """Read one handshake message and return its payload; a connection that failed is spent.

    Raises:
        SessionError: Reason.SESSION for anything but an authentic message.
    """
    try:
        return bytes(connection.read_message(message))
    except (InvalidTag, NoiseValueError, ValueError):
        raise SessionError(Reason.SESSION, "handshake message is not authentic") from None


@dataclass(frozen=True, slots=True)
class SplitKeys:
    """What a finished handshake leaves behind; every value is 32 bytes."""

    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)
    handshake_hash: bytes  # the same on both sides: names this session
    remote_static: bytes  # public key the other side has proved to own


class Handshake:
    """One side of a Noise XX handshake, as a function of its keys and the messages so far.

    Because of that a message that fails can be forgotten: the state is built again without it,
    and a forged or late answer does not end a handshake that the right answer may still finish.
    """

    __slots__ = ("_connection", "_ephemeral", "_prologue", "_state", "_static", "_steps", "initiator")

    def __init__(self, *, initiator: bool, static_private: bytes, ephemeral: bytes, prologue: bytes = b"") -> None:
        self.initiator = initiator
        self._static = static_private
        self._ephemeral = ephemeral
        self._prologue = prologue
        self._steps: list[tuple[bool, bytes]] = []  # (written here, payload written or message read)
        self._restart()

    def _restart(self) -> None:
        self._connection = start(
            XX, initiator=self.initiator, static_private=self._static, ephemeral=self._ephemeral, prologue=self._prologue
        )
        # The library lets go of this object when the handshake ends; the remote static key is in it.
        self._state = self._connection.noise_protocol.handshake_state

    @property
    def finished(self) -> bool:
        """True when all three messages have passed and `split` may be called."""
        return bool(self._connection.handshake_finished)

    @property
    def remote_static(self) -> bytes:
        """The 32-byte static public key the other side has proved to own; read it only after its message."""
        return bytes(self._state.rs.public_bytes)

    def write(self, payload: bytes = b"") -> bytes:
        """Return the next message; BitChat's carry no payload."""
        message = bytes(self._connection.write_message(payload))
        self._steps.append((True, payload))
        return message

    def read(self, message: bytes) -> bytes:
        """Take the other side's next message and return its payload.

        Raises:
            SessionError: Reason.SESSION for anything but an authentic message; the handshake then
                stands where it stood before.
        """
        try:
            payload = read(self._connection, message)
        except SessionError:
            self._replay()
            raise
        self._steps.append((False, message))
        return payload

    def unread(self) -> None:
        """Forget the message read last, because its author turned out to be somebody else."""
        self._steps.pop()
        self._replay()

    def _replay(self) -> None:
        self._restart()
        for written_here, data in self._steps:
            if written_here:
                self._connection.write_message(data)
            else:
                self._connection.read_message(data)

    def split(self) -> SplitKeys:
        """Return the keys of a finished handshake: one for each direction, never the same both ways."""
        protocol = self._connection.noise_protocol
        return SplitKeys(
            send=bytes(protocol.cipher_state_encrypt.k),
            receive=bytes(protocol.cipher_state_decrypt.k),
            handshake_hash=bytes(protocol.handshake_hash),
            remote_static=self.remote_static,
        )
