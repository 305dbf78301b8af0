"""How the radio is doing: for the page, the command line and metrics, from one source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hw.bluez.adapters import BluetoothUnavailableError, Role
from hw.bluez.ladder import Attempt, Ladder, Recovery
from hw.bluez.steps import Step, Symptom
from transports.ble.counters import add_up
from transports.ble.ground import Ground
from transports.ble.keeper import Keeper
from transports.link import TransportState, TransportStatus


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One link."""

    id: str
    dialled: bool  # by us
    mtu: int  # bytes
    rssi: int | None  # dBm, when it was last heard before the link
    age: float  # seconds
    silent_for: float  # seconds since the last frame came
    frames_in: int
    frames_out: int


@dataclass(frozen=True, slots=True)
class AdapterStatus:
    """One adapter."""

    name: str
    central: bool  # looks for phones
    peripheral: bool  # lets itself be found
    state: TransportState
    sentence: str
    remedy: str
    scanning: bool
    shown: bool  # application and advertisement are accepted
    links: tuple[LinkRow, ...]
    candidates: int
    dialling: int
    budget: int  # links the adapter is trusted with now, both roles together
    refusals: int  # times it said that it was full
    history: tuple[Attempt, ...]
    recoveries: tuple[Recovery, ...]
    steps: Mapping[Step, int] = field(default_factory=dict)  # of the recovery ladder, how often each was taken
    heard_at: float | None = None  # seconds, when it heard an advertisement last


@dataclass(frozen=True, slots=True)
class RadioStatus:
    """All adapters."""

    adapters: tuple[AdapterStatus, ...]
    missing: tuple[str, ...]  # adapters that are wished for and were never there
    history: tuple[Attempt, ...]  # what was done about the Bluetooth service as a whole
    recoveries: tuple[Recovery, ...]


@dataclass(frozen=True, slots=True)
class HeardRow:
    """One device on the air; without its address, which is nobody's business."""

    adapter: str
    is_random: bool  # the kind of its address
    rssi: int  # dBm, the last one
    tag: str  # hexadecimal, empty if none
    times: int
    linked: bool


def adapter_status(keeper: Keeper, ground: Ground) -> AdapterStatus:
    """Describe one adapter."""
    station, now, ladder = keeper.station, ground.now(), keeper.ladder
    budget = ground.budget(keeper.name)
    rows = tuple(
        LinkRow(
            link.id, link.role is Role.CENTRAL, link.mtu, link.rssi, now - link.since, now - link.last_in, link.frames_in, link.frames_out
        )
        for link in ground.table.of(keeper.name)
    )
    search = station.search if station is not None else None
    presence = station.presence if station is not None else None
    shown = presence is not None and presence.is_shown
    wrong = keeper.sentence() if ladder.symptom not in (None, Symptom.SILENT) else ""
    if wrong:
        state = TransportState.DEGRADED if station is not None and (rows or shown) else TransportState.DOWN
    elif station is None or (presence is not None and not shown):
        state = TransportState.STARTING
    else:
        state = TransportState.UP
    return AdapterStatus(
        name=keeper.name,
        central=Role.CENTRAL in keeper.role,
        peripheral=Role.PERIPHERAL in keeper.role,
        state=state,
        sentence=wrong or f"{keeper.name} {_works(state, keeper.role)}; {_count(len(rows))} linked.",
        remedy=keeper.remedy() if wrong else "",
        scanning=search is not None and search.scanning,
        shown=shown,
        links=rows,
        candidates=len(ground.candidates(keeper.name)),
        dialling=search.dialling if search is not None else 0,
        budget=budget.limit,
        refusals=budget.refusals,
        history=tuple(ladder.history),
        recoveries=tuple(ladder.recoveries),
        steps=dict(ladder.counts),
        heard_at=ground.heard_at.get(keeper.name),
    )


def transport_status(
    name: str, adapters: Sequence[AdapterStatus], machine: Ladder, trouble: BluetoothUnavailableError | None, missing: Sequence[str]
) -> TransportStatus:
    """Sum up: the gravest thing first."""
    links = sum(len(adapter.links) for adapter in adapters)
    wrong = [adapter for adapter in adapters if adapter.state in (TransportState.DEGRADED, TransportState.DOWN)]
    remedy = ""
    if trouble is not None:
        state, sentence, remedy = TransportState.DOWN, trouble.sentence, trouble.remedy
    elif machine.symptom is not None:
        state, sentence, remedy = TransportState.DOWN, machine.sentence(), machine.remedy()
    elif wrong:
        all_down = all(adapter.state is TransportState.DOWN for adapter in adapters)
        state = TransportState.DOWN if all_down else TransportState.DEGRADED
        sentence = " ".join(adapter.sentence for adapter in wrong)
        remedy = next((adapter.remedy for adapter in wrong if adapter.remedy), "")
        if not all_down:
            sentence += f" {_count(links).capitalize()} linked."
    elif missing:
        state = TransportState.DEGRADED
        sentence = f"The Bluetooth adapter {', '.join(missing)} is not there; {_count(links)} linked."
        remedy = "Plug it in, or name another one in the configuration."
    elif any(adapter.state is TransportState.UP for adapter in adapters):
        state = TransportState.UP
        sentence = f"{_count(links).capitalize()} linked over Bluetooth ({', '.join(adapter.name for adapter in adapters)})."
    else:
        state, sentence = TransportState.STARTING, "Bluetooth is being set up."
    return TransportStatus(name, state, sentence, remedy, links)


def count_all(ground: Ground, keepers: Sequence[Keeper], ladders: Sequence[Ladder]) -> dict[str, int]:
    """Everything that was counted, as plain integers."""
    links = list(ground.table)
    counts = ground.counters.flat()
    counts["frames_in"] += sum(link.frames_in for link in links)  # those of links that ended are counted already
    counts["frames_out"] += sum(link.frames_out for link in links)
    counts["refused"] += sum(link.way.refused for link in links)
    counts |= {
        "links_central": sum(link.role is Role.CENTRAL for link in links),
        "links_peripheral": sum(link.role is Role.PERIPHERAL for link in links),
        "recoveries": sum(len(ladder.recoveries) for ladder in ladders),
    }
    counts |= {f"step_{step.value}": sum(ladder.counts[step] for ladder in ladders) for step in Step}
    presences = [keeper.station.presence for keeper in keepers if keeper.station is not None and keeper.station.presence is not None]
    return counts | {f"peripheral_{name}": count for name, count in add_up(presence.count() for presence in presences).items()}


def _works(state: TransportState, role: Role) -> str:
    if state is TransportState.STARTING:
        return "is being set up"
    if role is Role.BOTH:
        return "searches for phones and lets itself be found"
    return "searches for phones" if role is Role.CENTRAL else "lets itself be found"


def _count(links: int) -> str:
    return "nobody" if not links else f"{links} device{'s' if links > 1 else ''}"
