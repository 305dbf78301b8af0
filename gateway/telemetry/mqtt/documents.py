"""The documents a gateway publishes about itself.

The rule for what stands in them: figures, and words of closed lists. No text of anybody, no nickname, no peer ID, no
place, no address; so none of the status' free sentences either, which may name a site.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.bridge.engine import BridgeMode
from gateway.status import GatewayStatus, Severity
from transports.link import TransportState

_COPIES = frozenset({"duplicate", "echo", "own"})
"""Drops that are no loss: what was dropped has arrived another way."""


@dataclass(frozen=True, slots=True)
class Host:
    """The machine, as far as it is known."""

    temperature_c: float | None = None
    undervoltage: bool | None = None
    load: float | None = None
    memory_available_bytes: int | None = None
    process_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Software:
    """What runs.

    Args:
        version: of Meshgate.
        python: its version.
        features: what is switched on, in words of a closed list.
        config_hash: changes with the configuration.
        latest: the newest version there is, empty if nobody knows.

    """

    version: str
    python: str = ""
    features: tuple[str, ...] = ()
    config_hash: str = ""
    latest: str = ""


class Today:
    """Makes figures of this day out of figures since the start."""

    def __init__(self) -> None:
        self._day = ""
        self._before = (0, 0)

    def of(self, status: GatewayStatus, day: str) -> tuple[int, int]:
        """Return how much has crossed and was dropped on this day; an empty day stands for an unknown one."""
        totals = crossed(status), dropped(status)
        if day != self._day:
            self._before = totals if self._day else (0, 0)
            self._day = day
        return totals[0] - self._before[0], totals[1] - self._before[1]


def crossed(status: GatewayStatus) -> int:
    """Return how many packets and messages have crossed since the start, either way."""
    done = status.bridge.consent.counters
    return status.bridge.crossed_in + status.bridge.crossed_out + done.get("deposited", 0) + done.get("arrived", 0)


def dropped(status: GatewayStatus) -> int:
    """Return how many packets were dropped since the start, copies left out."""
    every = (status.mesh.drops, status.bridge.drops)
    return status.shed_frames + sum(count for drops in every for reason, count in drops.items() if reason not in _COPIES)


def state_of(
    status: GatewayStatus, host: Host, software: Software, today: tuple[int, int], waiting_s: float, *, sos: bool
) -> dict[str, object]:
    """Return the document every entity of Home Assistant reads from.

    Args:
        status: of the gateway.
        host: the machine.
        software: what runs.
        today: what has crossed and was dropped today.
        waiting_s: for how many seconds something has been waiting without a break; nothing waits longer than that.
        sos: whether somebody has called for help lately.

    """
    bridge, local = status.bridge, sum(peer.local for peer in status.mesh.peers)
    return {
        "mesh": {"peers": local, "links": status.mesh.links, "elsewhere": len(status.mesh.peers) - local + bridge.consent.people},
        "bridge": {
            "enabled": bridge.mode is not BridgeMode.OFF,
            "closed": bridge.is_closed,
            "sites": bridge.sites,
            "crossed_today": today[0],
            "dropped_today": today[1],
        },
        "queue": {
            "messages": bridge.consent.waiting + bridge.consent.unsent + bridge.consent.unpublished,
            "bytes": status.waiting_bytes,
            "waiting_s": round(waiting_s),
        },
        "transports": {
            name: {"up": one.state is TransportState.UP, "state": one.state.value, "links": one.links}
            for name, one in status.transports.items()
        },
        # By halves: each change is a message.
        "host": {
            "temperature_c": None if host.temperature_c is None else round(host.temperature_c * 2) / 2,
            "undervoltage": host.undervoltage,
        },
        "alerts": {"problems": sum(problem.severity is not Severity.NOTICE for problem in status.problems), "sos": sos},
        "software": {"installed_version": software.version} | ({"latest_version": software.latest} if software.latest else {}),
        "uptime_s": round(status.uptime_s),
    }


def info_of(software: Software, gateway: str, started: str | None) -> dict[str, object]:
    """Return what changes with a restart only; `started` is RFC 3339, None while the time of day is not known."""
    return {
        "id": gateway,
        "version": software.version,
        "python": software.python,
        "features": list(software.features),
        "config_hash": software.config_hash,
        "started": started,
    }


def health_of(status: GatewayStatus, host: Host, mqtt: Mapping[str, int]) -> dict[str, object]:
    """Return the figures for whoever looks after the machine."""
    return {
        "uptime_s": round(status.uptime_s),
        "ready": not any(problem.severity is Severity.ERROR for problem in status.problems),
        "conditions": [
            {"name": one.name, "subject": one.subject, "severity": one.severity.value, "lasting_s": round(one.lasting_s)}
            for one in status.problems
        ],
        "host": {"load": host.load, "memory_available_bytes": host.memory_available_bytes},
        "process": {"memory_bytes": host.process_bytes},
        "store": {"waiting": status.store.waiting, "dropped": status.store.dropped, "unrecorded": status.store.unrecorded},
        "mqtt": dict(mqtt),
        "transports": {
            name: {"state": one.state.value, "links": one.links, "counters": dict(one.counters)} for name, one in status.transports.items()
        },
    }
