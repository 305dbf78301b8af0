"""How the radio is shown to a person: a line for each adapter, tables for links and for what was tried."""

from collections.abc import Sequence
from itertools import chain

from gateway.admin.radio import AdapterDocument, AttemptDocument, HeardDocument, RadioDocument, ScanDocument
from gateway.cli.output import print_table

LATEST = 8  # steps of the recovery that are shown


def print_radio(radio: RadioDocument) -> None:
    """Print adapters, links, and what was lately done against trouble."""
    for adapter in radio.adapters:
        print(f"{adapter.name}  {adapter.state.value}  {adapter.sentence}")
        if adapter.remedy:
            print(f"  ! {adapter.remedy}")
        print(f"  {_room(adapter)}")
    for name in radio.missing:
        print(f"{name}  is in the configuration and not there")
    if not radio.adapters and not radio.missing:
        print("No Bluetooth adapter is in use.")
    links = [(adapter.name, link) for adapter in radio.adapters for link in adapter.links]
    if links:
        print()
        print_table(
            ("LINK", "ADAPTER", "CALLED BY", "FRAME", "SIGNAL", "SINCE", "HEARD", "IN", "OUT"),
            [
                (
                    link.id,
                    name,
                    "us" if link.dialled else "them",
                    f"{link.mtu} bytes",
                    _signal(link.rssi),
                    _ago(link.age_s),
                    f"{_ago(link.silent_s)} ago",
                    str(link.frames_in),
                    str(link.frames_out),
                )
                for name, link in links
            ],
        )
    _print_attempts([("Bluetooth", radio.history), *((adapter.name, adapter.history) for adapter in radio.adapters)])


def print_heard(found: ScanDocument) -> None:
    """Print who was on the air."""
    if not found.heard:
        print(f"Nobody who offers BitChat was heard in {found.seconds:.0f} s.")
        return
    print_table(
        ("SIGNAL", "HEARD", "ADDRESS", "PEER ID", "ADAPTER", ""),
        [
            (
                _signal(one.rssi),
                f"{one.times} times" if one.times != 1 else "once",
                "changing" if one.is_random else "fixed",
                _peer_id(one),
                one.adapter,
                "linked" if one.linked else "",
            )
            for one in found.heard
        ],
    )


def _room(adapter: AdapterDocument) -> str:
    parts = [f"{len(adapter.links)} of {adapter.budget} links", f"{adapter.candidates} heard lately"]
    if adapter.dialling:
        parts.append(f"calling {adapter.dialling}")
    if adapter.central:
        parts.append("searching" if adapter.scanning else "not searching now")
    if adapter.peripheral:
        parts.append("visible" if adapter.shown else "not visible")
    if adapter.refusals:
        parts.append(f"full {adapter.refusals} times" if adapter.refusals != 1 else "full once")
    return ", ".join(parts)


def _print_attempts(histories: Sequence[tuple[str, Sequence[AttemptDocument]]]) -> None:
    attempts = sorted(chain.from_iterable([(name, one) for one in history] for name, history in histories), key=lambda pair: pair[1].ago_s)
    if not attempts:
        return
    print()
    print_table(
        ("DONE", "TO", "BECAUSE OF", "WHEN", "TOOK", "OUTCOME"),
        [
            (
                _words(one.step),
                name,
                _words(one.symptom) if one.symptom is not None else "somebody asked",
                f"{_ago(one.ago_s)} ago",
                f"{one.seconds:.1f} s",
                _words(one.outcome) + (f": {one.why}" if one.why else ""),
            )
            for name, one in attempts[:LATEST]
        ],
    )


def _peer_id(one: HeardDocument) -> str:
    if one.peer_id is not None:
        return one.peer_id
    return "shown" if one.shows_peer_id else "not shown"


def _signal(rssi: int | None) -> str:
    return "" if rssi is None else f"{rssi} dBm"


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _words(name: str) -> str:
    return name.replace("_", " ")
