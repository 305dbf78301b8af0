"""What a handshake depends on beside its keys: the protocol, the TLS connection around it, and the date.

    prologue = SHA-256("betanet-gw/1" || name of l2 || EKM 32 || TemplateID 32)

    bind=exporter   EKM is the TLS exporter with label "EXPORTER-betanet-gw-1" and an empty context: both ends must
                    be ends of one TLS connection, and anything in between that ends TLS makes the handshake fail
    bind=none       EKM is 32 zero bytes: for a proxy or CDN that ends TLS, which then sees lengths and times only

Both sides must be set to the same mode; there is no falling from one to the other, for the prologues differ.
TemplateID is 32 zero bytes where no TLS template is imitated. The name of l2 is the one that the ticketed request
asked for; whoever changes it on the way makes the handshake fail.

Initiators use the hybrid handshake from 2027-01-01 unless an operator has said otherwise, and whenever the time of
day is not known. A responder answers both, unless it is set to the hybrid alone; the first message's length tells
them apart. Nobody falls back: a handshake that fails is dialled again as the same one.

Source: BetaNet 1.1, sections 2 and 5.3; 1.2 draft, sections 5.4 and 8.3, which derive keys where this binds them.
"""

from enum import StrEnum
from hashlib import sha256
from typing import Final

from transports.betanet.errors import BetanetError, Fault

L2_NAME: Final = "betanet/htx/1.1.0"
EXPORTER_LABEL: Final = b"EXPORTER-betanet-gw-1"
EXPORTER_BYTES: Final = 32
NO_TEMPLATE: Final = bytes(32)
HYBRID_FROM: Final = 1_798_761_600  # unix seconds: 2027-01-01 00:00 UTC
_NO_EXPORTER: Final = bytes(EXPORTER_BYTES)
_CONTEXT: Final = b"betanet-gw/1"


class Bind(StrEnum):
    """What a handshake is tied to beside its keys."""

    EXPORTER = "exporter"
    NONE = "none"


class Hybrid(StrEnum):
    """When an initiator uses the handshake that a quantum computer does not undo later."""

    BY_DATE = "by-date"  # from 2027-01-01
    ALWAYS = "always"
    NEVER = "never"


class Pattern(StrEnum):
    """The two handshakes, by their Noise names."""

    XK = "Noise_XK_25519_ChaChaPoly_SHA256"
    XKHFS = "Noise_XKhfs_25519+MLKEM768_ChaChaPoly_SHA256"


def prologue(bind: Bind, exporter: bytes | None, *, l2: str = L2_NAME, template_id: bytes = NO_TEMPLATE) -> bytes:
    """Return the 32 bytes that both sides put before the handshake.

    Args:
        bind: what the operator has set.
        exporter: 32 bytes from this TLS connection with `Bind.EXPORTER`, None with `Bind.NONE`.
        l2: name of the protocol that the ticketed request asked for.
        template_id: 32 bytes.

    Raises:
        ValueError: a template of another size.
        BetanetError: UNSUPPORTED_FEATURE when the mode asks for an exporter and there is none, or the other way round.
    """
    if len(template_id) != len(NO_TEMPLATE):
        raise ValueError("a TemplateID has 32 bytes")
    if bind is Bind.NONE:
        if exporter is not None:
            raise BetanetError(Fault.UNSUPPORTED_FEATURE, "bind=none with an exporter")
        material = _NO_EXPORTER
    else:
        if exporter is None or len(exporter) != EXPORTER_BYTES or exporter == _NO_EXPORTER:
            raise BetanetError(Fault.UNSUPPORTED_FEATURE, "bind=exporter without an exporter")
        material = exporter
    return sha256(_CONTEXT + l2.encode() + material + template_id).digest()


def pattern_to_dial(hybrid: Hybrid, unix_time: float | None) -> Pattern:
    """Return the handshake an initiator uses; `unix_time` is None while the time of day is not known."""
    if hybrid is Hybrid.NEVER:
        return Pattern.XK
    late = unix_time is None or unix_time >= HYBRID_FROM
    return Pattern.XKHFS if hybrid is Hybrid.ALWAYS or late else Pattern.XK


def answers(hybrid: Hybrid, pattern: Pattern) -> bool:
    """True when a responder with this setting takes part in such a handshake."""
    return pattern is Pattern.XKHFS if hybrid is Hybrid.ALWAYS else True
