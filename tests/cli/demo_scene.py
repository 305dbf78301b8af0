"""A demo without processes: what the islands would report is put into its books by hand."""

from pathlib import Path

from gateway.cli.demo_door import HOSTS
from gateway.cli.demo_islands import Demo, Phase
from gateway.cli.island import Doing, Got, Said
from gateway.testing.chat import PRIVATE, PUBLIC

NORTH, SOUTH = ("Ada", "Bela", "Chen"), ("Dina", "Emre", "Fay")
EVERYONE = NORTH + SOUTH


def new_demo(seconds: float | None = None, transports: tuple[str, ...] = ("libp2p",)) -> Demo:
    demo = Demo(Path("nowhere"), 3, seconds=seconds, transports=transports)
    assert tuple(island.phones for island in demo.islands) == (NORTH, SOUTH)
    return demo


def doing(demo: Demo, *, sites: int = 1, acquainted: int = 15, links: tuple[str, ...] | None = None, code: str | None = None) -> None:
    """Both islands tell how they are, and over which links they reach each other, the one in use first; with a code, their pages too."""
    for island, far in zip(demo.islands, (SOUTH, NORTH), strict=True):
        island.doing = Doing(
            sentence="3 phones near. Linked to 1 site. Nothing is waiting.",
            near=island.phones,
            far=far if sites else (),
            acquainted=acquainted,
            sites=sites,
            crossed_out=43,
            crossed_in=45,
            addresses=(),
            child_pid=None,
            counters={name: {"restarts": 0} for name in demo.transports},
            page=f"http://{HOSTS[island is demo.islands[1]]}:8480/" if code is not None else "",
            setup_code=code or "",
            links=(demo.transports if links is None else links) if sites else (),
        )
        demo.take(island, island.doing)


def island_of(demo: Demo, phone: str):
    return demo.islands[phone in SOUTH]


def public(demo: Demo, sender: str, number: int, *, missing: tuple[str, ...] = (), latency: float = 0.05) -> None:
    """Somebody says something, and everybody but those missing gets it."""
    others = tuple(phone for phone in EVERYONE if phone != sender)
    deliver(demo, f"{sender} #{number}", PUBLIC, sender, others, tuple(phone for phone in others if phone not in missing), latency)


def private(demo: Demo, sender: str, recipient: str, number: int, *, latency: float = 0.15) -> None:
    deliver(demo, f"private {number}", PRIVATE, sender, (recipient,), (recipient,), latency)


def deliver(
    demo: Demo, message_id: str, kind: str, sender: str, expected: tuple[str, ...], recipients: tuple[str, ...], latency: float
) -> None:
    demo.take(island_of(demo, sender), Said(message_id, kind, sender, expected, 1_000.0))
    for recipient in recipients:
        demo.take(island_of(demo, recipient), Got(message_id, recipient, 1_000.0 + latency))


def talking(seconds: float | None = None, transports: tuple[str, ...] = ("libp2p",)) -> Demo:
    demo = new_demo(seconds, transports)
    doing(demo)
    demo.phase = Phase.TALKING
    for number, sender in enumerate(EVERYONE * 3):
        public(demo, sender, number)
    private(demo, "Ada", "Fay", 1)
    return demo
