"""The hello: how two gateways prove to each other who they are, inside TLS. Pure but for Ed25519.

    caller                                             listener
    HELLO   01 | nonce | caller's key | listener's key ──▶
                                ◀── ANSWER  02 | nonce | signature
    PROOF   03 | signature | ticket                    ──▶
                                ◀── ADMIT   04

Nonces and keys are 32 bytes, signatures 64, a ticket up to WS_TICKET (empty for a member). Instead of
its next message either end may send REFUSE, ``05 | code | reason``, and hang up. Each signs

    "meshgate websocket hello 1" 00 | role | channel | caller's nonce | listener's nonce
    | caller's key | listener's key [| SHA-256 of the ticket, the caller only]

with its Ed25519 key. *role* is ``L`` or ``C``, so that nobody's words can be played back to them.
*channel* is the SHA-256 of the listener's TLS certificate, as the caller was shown it and as the listener
knows it: whoever stands in between shows another one (the idea of tls-server-end-point, RFC 5929, with
the hash fixed). The listener says nothing to who does not know its key, and learns who
is a member only after the proof; the ticket is shown only to who has proved to be the right listener.
"""

from collections.abc import Callable
from enum import IntEnum
from hashlib import sha256
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from transports.libp2p.identity import peer_id_from, public_key_of
from transports.limits import WS_REASON, WS_TICKET
from transports.websocket.errors import Refusal, RefusedError

CONTEXT = b"meshgate websocket hello 1\x00"
NONCE = KEY = CHANNEL = 32  # bytes
SIGNATURE = 64  # bytes
MAX_HELLO = 1 + SIGNATURE + WS_TICKET  # bytes of the longest message of the hello
CALLER, LISTENER = b"C", b"L"

Admit = Callable[[str, bytes], bool]
"""Says whether the gateway with this peer ID, which it has proved, may link; the ticket is empty unless it showed one."""


class Kind(IntEnum):
    """The first byte of every message."""

    HELLO = 1
    ANSWER = 2
    PROOF = 3
    ADMIT = 4
    REFUSE = 5


def encode_refusal(refusal: Refusal, said: str = "") -> bytes:
    """A REFUSE message; `said` in place of the reason's own sentence."""
    return bytes((Kind.REFUSE, refusal)) + (said or refusal.sentence).encode()[:WS_REASON]


class Caller:
    """The calling side; each step takes the message it waited for and returns the one to send."""

    def __init__(self, seed: bytes, listener: str, channel: bytes, nonce: bytes, ticket: bytes = b"") -> None:
        if len(ticket) > WS_TICKET:
            raise ValueError(f"A ticket of {len(ticket)} bytes is longer than {WS_TICKET}.")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._own = self._key.public_key().public_bytes_raw()
        self._listener = public_key_of(listener)
        self._channel = channel
        self._nonce = nonce
        self._ticket = ticket

    def hello(self) -> bytes:
        """The first message."""
        return bytes((Kind.HELLO,)) + self._nonce + self._own + self._listener

    def answered(self, message: bytes) -> bytes:
        """Take the ANSWER; returns the PROOF.

        Raises:
            RefusedError: the listener refuses, or is not who it should be.
        """
        nonce, signature = _parts(message, Kind.ANSWER, NONCE, SIGNATURE)
        transcript = _Transcript(self._channel, self._nonce, nonce, self._own, self._listener)
        transcript.check(LISTENER, self._listener, signature)
        return bytes((Kind.PROOF,)) + self._key.sign(transcript.signed(CALLER, self._ticket)) + self._ticket

    def admitted(self, message: bytes) -> None:
        """Take the ADMIT.

        Raises:
            RefusedError: the listener refuses.
        """
        _parts(message, Kind.ADMIT)


class Listener:
    """The side that was called."""

    def __init__(self, seed: bytes, channel: bytes, nonce: bytes, admit: Admit) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._own = self._key.public_key().public_bytes_raw()
        self._channel = channel
        self._nonce = nonce
        self._admit = admit
        self._caller = b""
        self.ticket = b""  # that the caller has shown, once it has proved its key
        self._transcript: _Transcript | None = None

    def called(self, message: bytes) -> bytes:
        """Take the HELLO; returns the ANSWER.

        Raises:
            RefusedError: it is no HELLO, or not for us, or from ourselves.
        """
        nonce, self._caller, wanted = _parts(message, Kind.HELLO, NONCE, KEY, KEY)
        if not compare_digest(wanted, self._own):
            raise RefusedError(Refusal.OTHER_GATEWAY)
        if self._caller == self._own:
            raise RefusedError(Refusal.ITSELF)
        self._transcript = _Transcript(self._channel, nonce, self._nonce, self._caller, self._own)
        return bytes((Kind.ANSWER,)) + self._nonce + self._key.sign(self._transcript.signed(LISTENER))

    def proved(self, message: bytes) -> str:
        """Take the PROOF; returns the caller's peer ID. What is left to send is an ADMIT.

        Raises:
            RefusedError: the caller has not proved its key, or is not let in.
        """
        if self._transcript is None or len(message) > MAX_HELLO:
            raise RefusedError(Refusal.MALFORMED)
        (signature,) = _parts(message[: 1 + SIGNATURE], Kind.PROOF, SIGNATURE)
        ticket = message[1 + SIGNATURE :]
        self._transcript.check(CALLER, self._caller, signature, ticket)
        self.ticket = ticket
        peer_id = peer_id_from(self._caller)
        if not self._admit(peer_id, ticket):
            raise RefusedError(Refusal.NOT_MEMBER)
        return peer_id


ADMITTED = bytes((Kind.ADMIT,))


class _Transcript:
    """What both sides have agreed on, in the form each of them signs."""

    def __init__(self, channel: bytes, caller_nonce: bytes, listener_nonce: bytes, caller: bytes, listener: bytes) -> None:
        if not len(channel) == len(caller_nonce) == len(listener_nonce) == NONCE:
            raise ValueError("A channel and a nonce have 32 bytes.")
        self._joined = channel + caller_nonce + listener_nonce + caller + listener

    def signed(self, role: bytes, ticket: bytes = b"") -> bytes:
        return CONTEXT + role + self._joined + (sha256(ticket).digest() if role == CALLER else b"")

    def check(self, role: bytes, public_key: bytes, signature: bytes, ticket: bytes = b"") -> None:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, self.signed(role, ticket))
        except (InvalidSignature, ValueError):
            raise RefusedError(Refusal.SIGNATURE) from None


def _parts(message: bytes, kind: Kind, *sizes: int) -> list[bytes]:
    """Cut a message of one kind into its fields, or raise what it says in place of that."""
    if message[:1] == bytes((Kind.REFUSE,)) and len(message) <= 2 + WS_REASON:
        code, said = message[1] if len(message) > 1 else 0, message[2:].decode(errors="replace")
        raise RefusedError(Refusal(code) if code in set(Refusal) else Refusal.MALFORMED, by_them=True, said=said)
    if message[:1] != bytes((kind,)) or len(message) != 1 + sum(sizes):
        raise RefusedError(Refusal.MALFORMED)
    fields, at = [], 1
    for size in sizes:
        fields.append(message[at : at + size])
        at += size
    return fields
