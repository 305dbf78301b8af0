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


@dataclass(frozen=True, slots=True)
class Login:
    """What one MQTT broker said."""

    place: int  # in the configured list, from 1; 0: none was asked
    sentence: str = ""  # why it did not let us in, empty if it did
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """How it is with the page."""

    is_set_up: bool | None = True  # None: this user cannot see it
    people_trouble: str = ""  # why the file of those who may come in cannot be used
    reaches_others: bool = False  # it listens for other machines
    serves_plain: bool = False  # also without encryption
    days_left: float | None = None  # of its certificate; None: there is none yet, or this user cannot see it
    certificate_trouble: str = ""  # why it cannot be used
    unreachable: str = ""  # why the running gateway does not listen where it should


@dataclass(frozen=True, slots=True)
class Rules:
    """How it is with the operator's rules."""

    count: int | None = None  # None: nobody has written any
    trouble: str = ""  # why they cannot be used
    file: str = ""


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
    brokers: tuple[Login, ...] = ()  # none: MQTT is switched off
    rules: Rules = Rules()
    page: PageFacts | None = None  # None: it is switched off
    metrics_trouble: str = ""  # why a token for metrics cannot be used
    libp2p_wanted: bool = False
    libp2p: Uplink | None = None  # None: the gateway does not run
