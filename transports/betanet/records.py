"""Records of the higher layers, which gateways carry or check and do not act on.

    alias          {alias, node 20, seq, sig 64, ts}, signed SHA-256("BN-L5" || alias || node || u64 seq || u64 ts)
    front origin   {expiry, profile, template_id 32, host_pattern}, signed SHA-256("BN-FOR1" || CBOR of it)
    voucher        keyset ID 32 || secret 32 || signature 64; opaque here
    request        {m: method, u: target, h: headers, b: body}
    response       {s: status, h: headers, b: body}

All but the voucher are deterministic CBOR; times are unix milliseconds; a method that nobody has defined gets 400.

Source: BetaNet 1.2 draft, sections 8.5, 11.2, 12.1 and 13; 1.1, section 9.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from transports import limits
from transports.betanet.detcbor import Cbor, decode_map, encode_cbor, fixed, text, unsigned
from transports.betanet.errors import malformed
from transports.betanet.identity import NODE_ID_BYTES
from transports.betanet.signatures import SIGNATURE_BYTES, check_signature

METHODS: Final = frozenset({"GET", "PUT", "POST", "DEL"})
UNKNOWN_METHOD: Final = 400
PROFILES: Final = frozenset({"STANDARD", "EXTENDED"})
_TEMPLATE: Final = 32
_VOUCHER: Final = 128
_PART: Final = 32
_MOST_TEXT: Final = 1_024  # characters


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that somebody has given to a node; the highest `seq` counts."""

    alias: str
    node: bytes
    seq: int
    timestamp_ms: int
    signature: bytes = b""

    def signed(self) -> bytes:
        """Return the 32 bytes that are signed."""
        return sha256(b"BN-L5" + self.alias.encode() + self.node + self.seq.to_bytes(8) + self.timestamp_ms.to_bytes(8)).digest()


@dataclass(frozen=True, slots=True)
class FrontOrigin:
    """A website whose TLS is imitated."""

    template_id: bytes
    host_pattern: str
    profile: str
    expiry_ms: int

    def encode(self) -> bytes:
        """Return the record as it is signed and sent."""
        profile, host = self.profile, self.host_pattern
        return encode_cbor({"template_id": self.template_id, "host_pattern": host, "profile": profile, "expiry": self.expiry_ms})


@dataclass(frozen=True, slots=True)
class Voucher:
    """A payment that only its mint can judge."""

    keyset_id: bytes
    secret: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What one node asks of another."""

    method: str
    target: str
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What it is answered."""

    status: int
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    body: bytes = b""


def sign_alias(alias: Alias, key: Ed25519PrivateKey) -> bytes:
    """Return an alias record, signed."""
    fields: Mapping[int | bytes | str, Cbor] = {"alias": alias.alias, "node": alias.node, "seq": alias.seq, "ts": alias.timestamp_ms}
    return encode_cbor({**fields, "sig": key.sign(alias.signed())})


def decode_alias(record: bytes) -> Alias:
    """Return what an alias record says; its signature is not checked yet. Raises `BetanetError` when it is none."""
    fields = decode_map(record, "alias", "node", "seq", "sig", "ts")
    name, node = text(fields["alias"], _MOST_TEXT), fixed(fields["node"], NODE_ID_BYTES)
    return Alias(name, node, unsigned(fields["seq"]), unsigned(fields["ts"]), fixed(fields["sig"], SIGNATURE_BYTES))


def sign_front_origin(origin: FrontOrigin, key: Ed25519PrivateKey) -> bytes:
    """Return the signature of a front origin record, 64 bytes."""
    return key.sign(sha256(b"BN-FOR1" + origin.encode()).digest())


def open_front_origin(record: bytes, signature: bytes, signer: bytes) -> FrontOrigin:
    """Return a front origin that an Ed25519 key has signed.

    Raises:
        BetanetError: MALFORMED_FRAME when it is none, AUTH_FAILED when the key has not signed it.
    """
    fields = decode_map(record, "template_id", "host_pattern", "profile", "expiry")
    profile = text(fields["profile"], _MOST_TEXT)
    if profile not in PROFILES:
        raise malformed("unknown profile")
    check_signature(signer, signature, sha256(b"BN-FOR1" + record).digest())
    host = text(fields["host_pattern"], _MOST_TEXT)
    return FrontOrigin(fixed(fields["template_id"], _TEMPLATE), host, profile, unsigned(fields["expiry"]))


def encode_voucher(voucher: Voucher) -> bytes:
    """Return the 128 bytes of a voucher."""
    return voucher.keyset_id + voucher.secret + voucher.signature


def decode_voucher(data: bytes) -> Voucher:
    """Return the voucher in exactly 128 bytes; raises `BetanetError` for another length."""
    if len(data) != _VOUCHER:
        raise malformed(f"voucher of {len(data)} bytes")
    return Voucher(data[:_PART], data[_PART : 2 * _PART], data[2 * _PART :])


def encode_request(request: Request) -> bytes:
    """Return a request."""
    return encode_cbor({"m": request.method, "u": request.target, "h": _plain(request.headers), "b": request.body})


def decode_request(data: bytes) -> Request:
    """Return a request; its method may be one that nobody has defined. Raises `BetanetError` when it is none."""
    fields = decode_map(data, "m", "u", "h", "b")
    return Request(text(fields["m"], _MOST_TEXT), text(fields["u"], _MOST_TEXT), _headers(fields["h"]), _body(fields["b"]))


def encode_response(response: Response) -> bytes:
    """Return a response."""
    return encode_cbor({"s": response.status, "h": _plain(response.headers), "b": response.body})


def decode_response(data: bytes) -> Response:
    """Return a response; raises `BetanetError` when it is none."""
    fields = decode_map(data, "s", "h", "b")
    status = unsigned(fields["s"])
    if status >= 1 << 16:
        raise malformed(f"status {status}")
    return Response(status, _headers(fields["h"]), _body(fields["b"]))


def refusal(request: Request) -> Response | None:
    """Return the response to a method that nobody has defined, None for the others."""
    return None if request.method in METHODS else Response(UNKNOWN_METHOD)


def _plain(headers: Mapping[str, str | bytes]) -> Mapping[int | bytes | str, Cbor]:
    plain: dict[int | bytes | str, Cbor] = {}
    plain.update(headers)
    return plain


def _headers(value: Cbor) -> dict[str, str | bytes]:
    if not isinstance(value, dict) or len(value) > limits.HTX_OFFERS:
        raise malformed("headers are no map, or too many")
    return {text(name, _MOST_TEXT): _value(content) for name, content in value.items()}


def _value(value: Cbor) -> str | bytes:
    if not isinstance(value, str | bytes):
        raise malformed("a header is neither text nor bytes")
    return value


def _body(value: Cbor) -> bytes:
    if not isinstance(value, bytes):
        raise malformed("a body is no bytes")
    return value
