"""Which protocols two gateways speak with each other, agreed inside the channel and compared by both.

On stream 1, each message behind its u16 length:

    both       CapMsg    {l2, l3, l4, l5: arrays of names, best first; features: map of name to bool}
    decider    SelMsg    {l2, l3, l4, l5: one name each, or "" where the two have none in common}
    both       32 bytes  SHA-256(CapMsg of the initiator || CapMsg of the responder || SelMsg)

Messages are deterministic CBOR and go into the hash as they were sent. The decider is the side with the
lexicographically lower PeerID; it takes, for each layer, the first of its own names that the other has too. l2 must
be the name that is in the prologue already, and l3 must not be "". Equal PeerIDs end the channel, as does any
difference. What a man in the middle could strip before the keys exist is in the prologue (see `binding`).

Source: BetaNet 1.2 draft, sections 5.3, 5.4 and 9.3. The text says "highest" and does not order names; "the decider's
first" orders them. It binds the agreement to keys that exist before it; the hash takes the place of that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from transports import limits
from transports.betanet.detcbor import Cbor, decode_map, encode_cbor
from transports.betanet.errors import BetanetError, Fault, malformed

LAYERS: Final = ("l2", "l3", "l4", "l5")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one side speaks: names for each layer, best first, and switches."""

    l2: tuple[str, ...]
    l3: tuple[str, ...]
    l4: tuple[str, ...] = ()
    l5: tuple[str, ...] = ()
    features: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selection:
    """What two sides speak with each other; "" for a layer without anything in common."""

    l2: str
    l3: str
    l4: str
    l5: str


def encode_capabilities(offer: Capabilities) -> bytes:
    """Return a CapMsg."""
    features: dict[int | bytes | str, Cbor] = {}
    features.update(offer.features)
    return encode_cbor({**{layer: list(getattr(offer, layer)) for layer in LAYERS}, "features": features})


def decode_capabilities(message: bytes) -> Capabilities:
    """Return what a CapMsg offers.

    Raises:
        BetanetError: not a CapMsg, or with more than `HTX_OFFERS` names for a layer.
    """
    fields = decode_map(message, *LAYERS, "features")
    features = fields["features"]
    if not isinstance(features, dict) or len(features) > limits.HTX_OFFERS:
        raise malformed("features are no map, or too many")
    switches = {_name(name): _switch(value) for name, value in features.items()}
    l2, l3, l4, l5 = (_names(fields[layer]) for layer in LAYERS)
    return Capabilities(l2, l3, l4, l5, switches)


def encode_selection(selection: Selection) -> bytes:
    """Return a SelMsg."""
    return encode_cbor({layer: getattr(selection, layer) for layer in LAYERS})


def decode_selection(message: bytes) -> Selection:
    """Return what a SelMsg selects; raises `BetanetError` when it is none."""
    fields = decode_map(message, *LAYERS)
    return Selection(*(_name(fields[layer], empty=True) for layer in LAYERS))


def decides(own_peer_id: bytes, other_peer_id: bytes) -> bool:
    """True when this side selects.

    Raises:
        BetanetError: AUTH_FAILED when both have one PeerID.
    """
    if own_peer_id == other_peer_id:
        raise BetanetError(Fault.AUTH_FAILED, "both sides have one PeerID")
    return own_peer_id < other_peer_id


def select(decider: Capabilities, other: Capabilities, spoken: str) -> Selection:
    """Return what the decider must select; `spoken` is the name of l2 that is in the prologue.

    Raises:
        BetanetError: VERSION_NEGOTIATION_FAILED when one side does not offer `spoken`, or there is no l3 in common.
    """
    if spoken not in decider.l2 or spoken not in other.l2:
        raise BetanetError(Fault.VERSION_NEGOTIATION_FAILED, f"{spoken} is spoken and not offered")
    l3, l4, l5 = (next((name for name in getattr(decider, layer) if name in getattr(other, layer)), "") for layer in LAYERS[1:])
    if not l3:
        raise BetanetError(Fault.VERSION_NEGOTIATION_FAILED, "no l3 in common")
    return Selection(spoken, l3, l4, l5)


def check_selection(message: bytes, decider: Capabilities, other: Capabilities, spoken: str) -> Selection:
    """Return what a SelMsg selects, which must be what the rule selects.

    Raises:
        BetanetError: VERSION_NEGOTIATION_FAILED for any other selection.
    """
    selection = decode_selection(message)
    if selection != select(decider, other, spoken):
        raise BetanetError(Fault.VERSION_NEGOTIATION_FAILED, "another selection than the rule's")
    return selection


def agreement(initiator_message: bytes, responder_message: bytes, selection_message: bytes) -> bytes:
    """Return the 32 bytes that both sides send and compare, over the three messages as they were sent."""
    return sha256(initiator_message + responder_message + selection_message).digest()


def _names(value: Cbor) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > limits.HTX_OFFERS:
        raise malformed("offers are no array, or too many")
    names = tuple(_name(name) for name in value)
    if len(set(names)) != len(names):
        raise malformed("offered twice")
    return names


def _name(value: Cbor, *, empty: bool = False) -> str:
    if not isinstance(value, str) or len(value) > limits.HTX_ID or not (value or empty):
        raise malformed("a name is no text, empty or too long")
    return value


def _switch(value: Cbor) -> bool:
    if not isinstance(value, bool):
        raise malformed("a feature is neither true nor false")
    return value
