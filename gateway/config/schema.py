"""The one schema of the configuration: values, defaults, and a sentence about each key.

It drives the checks (`load`), `meshgate config example` and the reference page
(`docs/reference/config.md`). A key is added here and nowhere else.
"""

import typing
from dataclasses import dataclass
from enum import Enum, EnumMeta, StrEnum
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from gateway.config.about import About
from gateway.config.checks import (
    MAX_SOCKET_PATH,
    WIDE_TRANSPORTS,
    check_cell,
    check_channel,
    check_member,
    check_nickname,
    check_socket,
    check_transport,
)
from gateway.config.mail import MailConfig
from gateway.config.mqtt import MqttConfig
from gateway.config.nostr import NostrConfig
from gateway.config.observing import LogConfig, MetricsConfig
from gateway.config.page import PageConfig
from gateway.config.paths import POLICY_FILE
from gateway.config.radio import RadioConfig
from gateway.limits import MAX_CHANNELS, MAX_NICKNAME
from transports.libp2p.address import parse_listen, parse_peer
from transports.limits import (
    MAX_AUTHORITIES,
    MAX_MEMBERS,
    MAX_PEER_ADDRESSES,
)
from transports.websocket.address import parse_listen as parse_place
from transports.websocket.address import parse_peer as parse_url


class BridgeMode(StrEnum):
    """What crosses to other sites."""

    OFF = "off"
    CONSENT = "consent"
    OPEN = "open"


class GatewayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """This gateway itself."""

    nickname: Annotated[
        str,
        About(
            "The name phones near this gateway show for it.",
            allowed=f"1 to {MAX_NICKNAME} bytes of UTF-8 on one line",
            check=check_nickname,
            unit="bytes",
        ),
    ] = "Meshgate"
    state_dir: Annotated[
        Path,
        About(
            "The directory for keys and everything else that outlives a restart; only the gateway should be able to read it.",
            default=lambda places, _state: places.state,
            default_words="/var/lib/meshgate, or ~/.local/state/meshgate in a user's own run",
        ),
    ]


class BridgeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may cross between this site and others."""

    mode: Annotated[
        BridgeMode,
        About(
            'With "consent", what its author signed for the bridge crosses to every allowed site, and nothing else; it needs bridge.cell. '
            'With "open", public and end-to-end encrypted packets cross as they are, whether their authors know of it or not. '
            'With "off", nothing crosses.'
        ),
    ] = BridgeMode.CONSENT
    cell: Annotated[
        str,
        About(
            "The square of the map this gateway stands in, which consent mode announces to phones that do not know where they are; "
            "without it consent mode stays closed.",
            allowed="a geohash of 6 characters, such as u4pruy, or nothing",
            check=check_cell,
        ),
    ] = ""
    geohash_channels: Annotated[
        tuple[str, ...],
        About(
            "The geohash channels that consent mode carries besides the messages of the mesh.",
            allowed="a geohash of 1 to 12 characters",
            check=check_channel,
            most=MAX_CHANNELS,
        ),
    ] = ()


class PolicyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The operator's rules about what crosses; they only narrow what bridge.mode lets through."""

    file: Annotated[
        Path,
        About(
            "The file with the rules; `meshgate policy show` prints them in words. Where nobody named a file and there is none, "
            "the mode alone decides. It is read again when it changes.",
            default=lambda _places, state: state / POLICY_FILE,
            default_words="policy.toml in gateway.state_dir",
        ),
    ]


class Libp2pConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Links to other sites over libp2p."""

    enabled: Annotated[bool, About("Whether to use libp2p at all.")] = False
    listen: Annotated[
        tuple[str, ...],
        About(
            "The addresses to wait for other sites on; an empty list only dials.",
            allowed="/ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT, where port 0 takes any free one",
            check=parse_listen,
        ),
    ] = ("/ip4/0.0.0.0/tcp/4001",)
    identity_file: Annotated[
        Path,
        About(
            "The file with the private key that makes this site's peer ID; written at the first start if it is missing.",
            default=lambda _places, state: state / "libp2p.key",
            default_words="libp2p.key in gateway.state_dir",
        ),
    ]
    members: Annotated[
        tuple[str, ...],
        About(
            "The peer IDs of the sites that may link to this one; nobody else is let in.",
            allowed="a libp2p peer ID (12D3KooW and 44 more characters)",
            check=check_member,
            most=MAX_MEMBERS,
        ),
    ] = ()
    peers: Annotated[
        tuple[str, ...],
        About(
            "The addresses of members to link to, each ending in the peer ID expected there.",
            allowed="/ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT/p2p/ID",
            check=parse_peer,
            most=MAX_PEER_ADDRESSES,
        ),
    ] = ()


class WebSocketConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Links to other sites over WebSocket and TLS, for networks that let nothing else through."""

    enabled: Annotated[bool, About("Whether to use WebSocket at all.")] = False
    listen: Annotated[
        tuple[str, ...],
        About(
            "The addresses to wait for other sites on; an empty list only dials.",
            allowed="ADDRESS:PORT or [ADDRESS]:PORT, where port 0 takes any free one",
            check=parse_place,
        ),
    ] = ("0.0.0.0:8443",)
    members: Annotated[
        tuple[str, ...],
        About(
            "The peer IDs of the sites that may link to this one over WebSocket; an empty list takes those of transports.libp2p.members.",
            allowed="a peer ID (12D3KooW and 44 more characters), the same as for libp2p",
            check=check_member,
            most=MAX_MEMBERS,
        ),
    ] = ()
    peers: Annotated[
        tuple[str, ...],
        About(
            "The addresses of members to link to, each ending in the peer ID expected there; without a port it is 443.",
            allowed="wss://HOST:PORT#ID",
            check=parse_url,
            most=MAX_PEER_ADDRESSES,
        ),
    ] = ()
    certificate_file: Annotated[
        Path,
        About(
            "The file with this site's TLS certificate (PEM); one that is signed by nobody is made at the first start if it is missing.",
            default=lambda _places, state: state / "websocket.crt",
            default_words="websocket.crt in gateway.state_dir",
        ),
    ]
    key_file: Annotated[
        Path,
        About(
            "The file with the private key of that certificate (PEM); made at the first start if both are missing.",
            default=lambda _places, state: state / "websocket.key",
            default_words="websocket.key in gateway.state_dir",
        ),
    ]
    authority_files: Annotated[
        tuple[Path, ...],
        About(
            "Files with certificate authorities (PEM), one of which must have signed the certificate of every site this one calls, for the "
            "name it calls; with an empty list any certificate will do, because a site proves its peer ID anyway.",
            most=MAX_AUTHORITIES,
        ),
    ] = ()


class TransportsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How this site reaches others."""

    order: Annotated[
        tuple[str, ...],
        About(
            "Which transport is preferred where several reach the same site, the best first; what is not listed comes last.",
            allowed=" or ".join(f'"{name}"' for name in WIDE_TRANSPORTS),
            check=check_transport,
        ),
    ] = WIDE_TRANSPORTS
    libp2p: Libp2pConfig
    websocket: WebSocketConfig
    nostr: NostrConfig


class ControlConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How commands on this machine reach the running gateway."""

    socket: Annotated[
        Path,
        About(
            "The path of the Unix socket on which the gateway answers commands.",
            allowed=f"a path of at most {MAX_SOCKET_PATH} bytes",
            check=check_socket,
            default=lambda places, _state: places.runtime / "control.sock",
            default_words="/run/meshgate/control.sock, or meshgate/control.sock in $XDG_RUNTIME_DIR in a user's own run",
        ),
    ]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration."""

    config_version: Annotated[
        Literal[1], About("The version of these settings, so that a later Meshgate knows how to read them.", range=(1, 1))
    ] = 1
    gateway: GatewayConfig
    radio: RadioConfig
    bridge: BridgeConfig
    policy: PolicyConfig
    mail: MailConfig
    transports: TransportsConfig
    mqtt: MqttConfig
    control: ControlConfig
    page: PageConfig
    metrics: MetricsConfig
    log: LogConfig


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the schema."""

    name: str  # dotted
    type: object  # of one element, for a list
    is_list: bool
    about: About
    default: object = None  # unless `about.default` works it out

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts allowed, if there is a closed list of them."""
        if not isinstance(self.type, EnumMeta):
            return ()
        return tuple(str(member.value) for member in typing.cast("type[Enum]", self.type))

    @property
    def kind(self) -> str:
        """The type of one element, for a person."""
        return _WORDS.get(self.type) or ("one of a few texts" if self.choices else "a whole number")

    @property
    def allowed(self) -> str:
        """What one element may be, for a person."""
        if self.about.allowed:
            return self.about.allowed
        if typing.get_origin(self.type) is Literal:
            return " or ".join(map(str, typing.get_args(self.type)))
        return " or ".join(f'"{choice}"' for choice in self.choices) or self.kind


_WORDS: dict[object, str] = {bool: "true or false", Path: "a path", str: "text"}


def _tables(table: type[msgspec.Struct], prefix: str = "") -> dict[str, type[msgspec.Struct]]:
    found = {prefix: table}
    for name, hint in typing.get_type_hints(table).items():
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            found |= _tables(hint, f"{prefix}.{name}".lstrip("."))
    return found


def _keys(prefix: str, table: type[msgspec.Struct]) -> dict[str, Key]:
    found = {}
    hints = typing.get_type_hints(table, include_extras=True)
    for field in msgspec.structs.fields(table):
        about = next((extra for extra in getattr(hints[field.name], "__metadata__", ()) if isinstance(extra, About)), None)
        if about is None:
            continue
        bare = typing.get_args(hints[field.name])[0]
        is_list = typing.get_origin(bare) is tuple
        name = f"{prefix}.{field.name}".lstrip(".")
        kind = typing.get_args(bare)[0] if is_list else bare
        found[name] = Key(name, kind, is_list, about, None if about.default else field.default)
    return found


TABLES: dict[str, type[msgspec.Struct]] = _tables(Config)
"""Every table by its dotted name; the document itself is the empty name."""

KEYS: dict[str, Key] = {name: key for prefix, table in TABLES.items() for name, key in _keys(prefix, table).items()}
"""Every key by its dotted name, in the order people read them."""
