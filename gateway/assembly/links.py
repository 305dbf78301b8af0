"""Makes the transports that a configuration asks for."""

from collections.abc import Callable
from importlib.util import find_spec
from random import Random
from typing import TYPE_CHECKING, Final

from gateway.bridge.place import Place
from gateway.config import Config
from gateway.config.rules import members_of_websocket
from gateway.errors import ConfigError
from gateway.limits import EVENT_AGE_S, MAX_EVENTS_KEPT
from gateway.wire.nostr import MESSAGE_KIND, PRESENCE_KIND
from transports.gate import Judge, Told
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.identity import IdentityError
from transports.libp2p.transport import Libp2pTransport
from transports.link import Capability
from transports.nostr.config import NostrConfig
from transports.nostr.protocol import Filter
from transports.nostr.transport import NostrTransport
from transports.websocket.config import WebSocketConfig
from transports.websocket.errors import CertificateError
from transports.websocket.transport import WebSocketTransport

if TYPE_CHECKING:
    from transports.ble.transport import BleTransport

Note = Callable[[str, str], None]
"""Told a level ("debug", "info", "warning", "error") and a sentence."""

ELSEWHERE: Final = Capability.WIDE_AREA | Capability.RELAY
"""What leads to other islands."""


def bluetooth(config: Config, tag: bytes, rng: Random, report: Callable[[str], None]) -> "BleTransport":
    """Return the Bluetooth radio.

    Args:
        config: what the operator decided.
        tag: peer ID of this gateway, for other gateways to know it by.
        rng: randomness.
        report: told one sentence per change of state.

    """
    from hw.bluez.adapters import parse_wish  # noqa: PLC0415 -- dbus-fast and bleak are an extra
    from transports.ble.config import BleConfig  # noqa: PLC0415
    from transports.ble.transport import BleTransport  # noqa: PLC0415

    chosen = config.radio
    wanted = BleConfig(
        wishes=tuple(map(parse_wish, chosen.adapters)),
        max_central=chosen.max_dialled,
        max_peripheral=chosen.max_accepted,
        tag=tag if chosen.announce_peer_id else b"",
        helper_socket=chosen.recovery_socket,
    )
    return BleTransport(wanted, rng, report)


def libp2p(config: Config, rng: Random, note: Note, judge: Judge, told: Told) -> Libp2pTransport | None:
    """Return the libp2p transport, None if it is switched off; raises `ConfigError`."""
    chosen = config.transports.libp2p
    if not chosen.enabled:
        return None
    if find_spec("libp2p") is None:
        raise ConfigError("Meshgate was installed without libp2p. Install it with: pip install 'meshgate[libp2p]'")
    wanted = Libp2pConfig(identity_path=chosen.identity_file, listen=chosen.listen, members=chosen.members, peers=chosen.peers)
    try:
        return Libp2pTransport(wanted, rng, note, judge=judge, told=told)
    except IdentityError as error:
        raise ConfigError(str(error)) from error


def websocket(config: Config, rng: Random, note: Note, judge: Judge, told: Told) -> WebSocketTransport | None:
    """Return the WebSocket transport, None if it is switched off; raises `ConfigError`."""
    chosen = config.transports.websocket
    if not chosen.enabled:
        return None
    wanted = WebSocketConfig(
        identity_path=config.transports.libp2p.identity_file,  # one identity, so that two links are known to lead to one site
        certificate_path=chosen.certificate_file,
        key_path=chosen.key_file,
        listen=chosen.listen,
        members=members_of_websocket(config),
        peers=chosen.peers,
        authorities=chosen.authority_files,
    )
    try:
        return WebSocketTransport(wanted, rng, note, judge=judge, told=told)
    except (IdentityError, CertificateError) as error:
        raise ConfigError(str(error)) from error


def nostr(config: Config, place: Place, rng: Random, unix: Callable[[], int | None], note: Note) -> NostrTransport | None:
    """Return the transport to relays, None if it is switched off; `unix` is Unix seconds, None while nobody knows them."""
    chosen = config.transports.nostr
    if not chosen.enabled:
        return None
    return NostrTransport(NostrConfig(chosen.relays, asked_of_relays(place)), rng, unix, note)


def asked_of_relays(place: Place) -> tuple[Filter, ...]:
    """Return what relays are asked for, as phones with a bridge ask: the cell and its neighbours, and the channels served."""
    window, limit = int(EVENT_AGE_S), MAX_EVENTS_KEPT
    cells = Filter((MESSAGE_KIND, PRESENCE_KIND), "r", tuple(sorted(place.near)), window, limit)
    channels = Filter((MESSAGE_KIND,), "g", tuple(sorted(place.channels)), window, limit)
    return (cells, channels) if place.channels else (cells,)
