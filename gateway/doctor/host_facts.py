"""What the examination of the box and its connections starts from; gathered by `gateway.doctor.reach`, made up by tests."""

from dataclasses import dataclass
from enum import StrEnum

from hw.vitals import Vitals


class PortState(StrEnum):
    """How it is with a port this gateway is to wait on."""

    FREE = "free"
    TAKEN = "taken"  # somebody waits there; while our gateway runs, that is it
    FORBIDDEN = "forbidden"  # this user may not wait there
    ELSEWHERE = "elsewhere"  # the address is none of this machine


@dataclass(frozen=True, slots=True)
class Port:
    """One port a transport waits on."""

    transport: str
    number: int
    state: PortState


@dataclass(frozen=True, slots=True)
class Called:
    """One site that is called by a transport."""

    transport: str
    place: int  # in the configured list, from 1; an address would not belong into a report
    seconds: float | None  # until its port answered
    why: str = ""  # why it did not


class Login(StrEnum):
    """What an MQTT broker said."""

    WELCOME = "welcome"
    REFUSED = "refused"  # user or password
    NO_BROKER = "no_broker"  # something answers, and it is not MQTT
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Uplink:
    """How libp2p of the running gateway is doing."""

    up: bool
    links: int
    is_public: bool  # one of its addresses is not of a private network
    sentence: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Everything that is not the radio."""

    vitals: Vitals
    gateway_runs: bool = False
    exposed: tuple[str, ...] = ()  # names of files in the state directory that others can read
    can_write: bool = True  # this user may write to the state directory, or make it
    ports: tuple[Port, ...] = ()
    called: tuple[Called, ...] = ()
    broker: Login | None = None  # None: no broker is configured
    libp2p_wanted: bool = False
    libp2p: Uplink | None = None  # None: the gateway does not run
