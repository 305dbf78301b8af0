"""The table of MQTT and Home Assistant."""

import re
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from gateway.config.about import About
from gateway.limits import MAX_MQTT_BROKERS

_BROKER = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^\s:/@\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_TOPIC = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
_LONGEST_TOPIC = 64  # characters
_LONGEST_NAME = 64  # characters


class TlsUse(StrEnum):
    """Which brokers are spoken to over TLS."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Verb(StrEnum):
    """What can be asked for over MQTT."""

    BRIDGE = "bridge"
    RESTART = "restart"
    RESCAN = "rescan"
    SEND = "send"


class PeerNames(StrEnum):
    """What peers are called on MQTT."""

    OFF = "off"
    PSEUDONYMS = "pseudonyms"
    IDS = "ids"


class Scope(StrEnum):
    """Whose public messages are meant."""

    MESH = "mesh"
    BRIDGE = "bridge"


class Broker(NamedTuple):
    """Where a broker is; port None stands for the usual one."""

    host: str
    port: int | None

    @property
    def is_here(self) -> bool:
        """Whether it is this machine, so that nobody can listen on the way."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_broker(text: str) -> Broker:
    """Return where a broker is.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if "://" in text:
        raise ValueError(f"{text!r} has a scheme in it; write HOST or HOST:PORT, and mqtt.tls says whether TLS is used")
    if "@" in text:
        raise ValueError("a user name or password does not belong into an address; set mqtt.username and mqtt.password_file")
    found = _BROKER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no address of a broker")
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 1 <= port <= 65_535:
        raise ValueError(f"there is no port {port}")
    return Broker(found["six"] or found["host"], port)


def check_topic(text: str) -> None:
    """Accept the start of a topic.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if not _TOPIC.fullmatch(text) or len(text) > _LONGEST_TOPIC:
        raise ValueError(f"{text!r} cannot be the start of a topic")


def check_name(text: str) -> None:
    """Accept a name for people.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST_NAME:
        raise ValueError(f"{text!r} cannot be shown as a name")


def check_username(text: str) -> None:
    """Accept a user name for the broker, or nothing.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if not (text.isprintable() and len(text.encode(errors="replace")) <= 0xFFFF):
        raise ValueError("the user name has a character that cannot be printed, or is too long")


class MqttConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """State, events and commands over an MQTT broker, and with it Home Assistant; needs the extra `telemetry`."""

    enabled: Annotated[bool, About("Whether to use MQTT at all.")] = False
    brokers: Annotated[
        tuple[str, ...],
        About(
            "The brokers, or the members of a cluster; they are tried in this order until one answers.",
            allowed="HOST, HOST:PORT or [ADDRESS]:PORT; without a port it is 8883 with TLS and 1883 without",
            check=parse_broker,
            most=MAX_MQTT_BROKERS,
        ),
    ] = ("localhost",)
    tls: Annotated[
        TlsUse,
        About(
            'With "auto", TLS is used with every broker but those on this machine; with "on", with those too. With "off" everybody on the '
            "way can read all of it, the password included."
        ),
    ] = TlsUse.AUTO
    authority_files: Annotated[
        tuple[Path, ...],
        About(
            "Files with certificate authorities (PEM), one of which must have signed the broker's certificate; "
            "with an empty list it is one of those this system trusts."
        ),
    ] = ()
    client_certificate: Annotated[bool, About("Whether to show the broker a certificate of this gateway.")] = False
    certificate_file: Annotated[
        Path,
        About(
            "The file with that certificate (PEM).",
            default=lambda _places, state: state / "mqtt.crt",
            default_words="mqtt.crt in gateway.state_dir",
        ),
    ]
    key_file: Annotated[
        Path,
        About(
            "The file with its private key (PEM).",
            default=lambda _places, state: state / "mqtt.key",
            default_words="mqtt.key in gateway.state_dir",
        ),
    ]
    username: Annotated[
        str, About("The user name at the broker; without one, no password is sent either.", allowed="text", check=check_username)
    ] = ""
    password_file: Annotated[
        Path,
        About(
            "The file with the password at the broker, on its first line; nobody but the gateway may be able to read it. "
            "A credential of systemd's will do.",
            default=lambda _places, state: state / "mqtt.password",
            default_words="mqtt.password in gateway.state_dir",
        ),
    ]
    topic_root: Annotated[
        str,
        About(
            "What every topic of this gateway starts with; eight digits that stand for the gateway follow.",
            allowed="letters, digits, _ and -, in parts with / between them",
            check=check_topic,
        ),
    ] = "meshgate"
    discovery: Annotated[
        bool,
        About("Whether to tell Home Assistant what is there; when it is switched off, the device is removed there at the next start."),
    ] = True
    discovery_prefix: Annotated[
        str,
        About(
            "The discovery prefix Home Assistant is set to.",
            allowed="letters, digits, _ and -, in parts with / between them",
            check=check_topic,
        ),
    ] = "homeassistant"
    name: Annotated[
        str,
        About("What the gateway is called in Home Assistant; it need not be its name on the mesh.", allowed="text", check=check_name),
    ] = "Meshgate"
    commands: Annotated[
        tuple[Verb, ...],
        About(
            "What may be asked for over MQTT, by whoever the broker lets publish: switching the bridge off and on again, restarting the "
            "gateway, searching anew with the radio, sending a notice to everybody near; nothing with an empty list."
        ),
    ] = (Verb.BRIDGE, Verb.RESTART, Verb.RESCAN)
    peers: Annotated[
        PeerNames,
        About(
            'Whether each phone near is published: "off" only counts them, "pseudonyms" calls them by names that change every day and at '
            'every start, "ids" by their peer IDs, by which anybody can follow them.'
        ),
    ] = PeerNames.OFF
    messages: Annotated[
        tuple[Scope, ...],
        About(
            "Whose public messages are published with their text, for everybody the broker lets read: those of phones near (mesh), "
            "and those that come from other sites (bridge); none with an empty list."
        ),
    ] = ()
