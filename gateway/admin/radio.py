"""The documents of the radio's part of the API, and how they are made of what the radio says.

They hold no address, and a peer ID only where it was asked for: who is near a gateway is nobody
else's business, and a list of it should not lie about in a terminal's history or a bug report.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec

from transports.limits import BLE_SCAN_REPORT_S
from transports.link import TransportState

if TYPE_CHECKING:  # these need the extra `ble`
    from hw.bluez.steps import Attempt, Recovery, Step
    from transports.ble.status import AdapterStatus, HeardRow, RadioStatus


class RadioControl(Protocol):
    """What the API wants of the radio (`transports.ble.transport.BleTransport`)."""

    def radio(self) -> "RadioStatus":
        """Return everything about the adapters."""

    async def scan_report(self, seconds: float) -> "Sequence[HeardRow]":
        """Listen for so long and list who is on the air."""

    async def reset(self, adapter: str | None, step: "Step" = ...) -> Sequence[str]:
        """Take a step of the recovery ladder; returns how it went."""


class LinkDocument(msgspec.Struct, frozen=True):
    """One link."""

    id: str
    dialled: bool  # by this gateway
    mtu: int  # bytes
    rssi: int | None  # dBm, when it was last heard before the link
    age_s: float
    silent_s: float  # since the last frame came
    frames_in: int
    frames_out: int


class AttemptDocument(msgspec.Struct, frozen=True):
    """One step of the recovery ladder."""

    step: str
    symptom: str | None  # None: a person asked for it
    ago_s: float
    seconds: float
    outcome: str
    why: str


class RecoveryDocument(msgspec.Struct, frozen=True):
    """Something that was wrong and is over."""

    symptom: str
    steps: tuple[str, ...]  # empty: it went away by itself
    ago_s: float
    seconds: float  # it lasted


class AdapterDocument(msgspec.Struct, frozen=True):
    """One adapter."""

    name: str
    central: bool
    peripheral: bool
    state: TransportState
    sentence: str
    remedy: str
    scanning: bool
    shown: bool  # phones can see it
    links: tuple[LinkDocument, ...]
    candidates: int
    dialling: int
    budget: int  # links it is trusted with now
    refusals: int  # times it said that it was full
    history: tuple[AttemptDocument, ...]
    recoveries: tuple[RecoveryDocument, ...]


class RadioDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/radio``."""

    adapters: tuple[AdapterDocument, ...]
    missing: tuple[str, ...]  # adapters that are wished for and are not there
    history: tuple[AttemptDocument, ...]  # what was done about the Bluetooth service as a whole
    recoveries: tuple[RecoveryDocument, ...]


class ScanRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /api/v1/radio/scan``."""

    seconds: Annotated[float, msgspec.Meta(gt=0, le=BLE_SCAN_REPORT_S)] = 8.0
    peer_ids: bool = False  # whether to tell them


class HeardDocument(msgspec.Struct, frozen=True):
    """One device that was heard."""

    adapter: str
    is_random: bool  # its address changes, as those of phones do
    rssi: int  # dBm
    times: int
    linked: bool  # with this gateway
    shows_peer_id: bool
    peer_id: str | None = None  # hexadecimal, as the device claims; None: it shows none, or nobody asked


class ScanDocument(msgspec.Struct, frozen=True):
    """The answer to ``POST /api/v1/radio/scan``; strongest first."""

    seconds: float
    heard: tuple[HeardDocument, ...]


class ResetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /api/v1/radio/reset``."""

    adapter: str | None = None  # None: all
    step: str = "power_cycle"


class ResetDocument(msgspec.Struct, frozen=True):
    """The answer to ``POST /api/v1/radio/reset``."""

    done: bool  # on every adapter
    sentences: tuple[str, ...]


def radio_document(radio: "RadioStatus", now: float) -> RadioDocument:
    """Make the document; `now` is monotonic seconds."""
    return RadioDocument(
        adapters=tuple(_adapter(adapter, now) for adapter in radio.adapters),
        missing=radio.missing,
        history=_attempts(radio.history, now),
        recoveries=_recoveries(radio.recoveries, now),
    )


def heard_document(row: "HeardRow", *, peer_ids: bool) -> HeardDocument:
    """Make one line of a scan."""
    tag = row.tag or None
    return HeardDocument(row.adapter, row.is_random, row.rssi, row.times, row.linked, tag is not None, tag if peer_ids else None)


def _adapter(adapter: "AdapterStatus", now: float) -> AdapterDocument:
    links = (
        LinkDocument(one.id, one.dialled, one.mtu, one.rssi, round(one.age, 1), round(one.silent_for, 1), one.frames_in, one.frames_out)
        for one in adapter.links
    )
    return AdapterDocument(
        name=adapter.name,
        central=adapter.central,
        peripheral=adapter.peripheral,
        state=adapter.state,
        sentence=adapter.sentence,
        remedy=adapter.remedy,
        scanning=adapter.scanning,
        shown=adapter.shown,
        links=tuple(links),
        candidates=adapter.candidates,
        dialling=adapter.dialling,
        budget=adapter.budget,
        refusals=adapter.refusals,
        history=_attempts(adapter.history, now),
        recoveries=_recoveries(adapter.recoveries, now),
    )


def _attempts(history: "Sequence[Attempt]", now: float) -> tuple[AttemptDocument, ...]:
    return tuple(
        AttemptDocument(
            step=one.step.value,
            symptom=None if one.symptom is None else one.symptom.value,
            ago_s=round(now - one.started, 1),
            seconds=round(one.seconds, 1),
            outcome=one.outcome.value,
            why=one.why,
        )
        for one in history
    )


def _recoveries(recoveries: "Sequence[Recovery]", now: float) -> tuple[RecoveryDocument, ...]:
    return tuple(
        RecoveryDocument(one.symptom.value, tuple(step.value for step in one.steps), round(now - one.ended, 1), round(one.seconds, 1))
        for one in recoveries
    )
