"""How the demo looks: a live picture on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from gateway.cli.demo_islands import Demo, IslandProcess

LINE_S = 5.0  # seconds between two plain lines


class Live:
    """A picture that follows the demo; survives a narrow window."""

    def __init__(self, demo: "Demo") -> None:
        self._demo = demo
        self._live = RichLive(console=Console(stderr=True), auto_refresh=False, transient=False)
        self._shown = 0.0

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.update(picture(self._demo), refresh=True)
        self._live.__exit__(None, None, None)

    def update(self) -> None:
        """Redraw, at most ten times a second."""
        now = time.monotonic()
        if now - self._shown >= 0.1:
            self._shown = now
            self._live.update(picture(self._demo), refresh=True)


class Lines:
    """A line whenever the phase changes, and now and then."""

    def __init__(self, demo: "Demo", say: Callable[[str], None]) -> None:
        self._demo = demo
        self._say = say
        self._phase = ""
        self._said = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.update()

    def update(self) -> None:
        """Say something if there is something new."""
        now = time.monotonic()
        if self._demo.phase != self._phase or now - self._said >= LINE_S:
            self._phase, self._said = self._demo.phase, now
            self._say(f"{self._phase}: {_figures(self._demo)}")


def picture(demo: "Demo") -> Group:
    """Draw both islands, what crossed lately, and the figures."""
    islands = Columns([_island(island) for island in demo.islands], expand=True, equal=True)
    crossed = Table(box=None, show_header=False, padding=(0, 1))
    for sender, recipient, kind, latency in list(demo.recent):
        arrow = "=>" if kind == "private" else "->"
        crossed.add_row(
            sender, arrow, recipient, Text("sealed" if kind == "private" else "public", style="dim"), f"{latency * 1000:.0f} ms"
        )
    body = crossed if demo.recent else Text(f"{demo.phase} ...", style="dim")
    return Group(
        islands,
        Panel(body, title="Crossed between the islands", title_align="left", border_style="dim"),
        Text(_figures(demo), style="bold"),
    )


def _island(island: "IslandProcess") -> Panel:
    doing = island.doing
    lines = [Text("  ".join(island.phones), style="cyan")]
    lines.append(Text(doing.sentence if doing is not None else "The gateway is starting.", style="" if doing is not None else "dim"))
    if doing is not None:
        lines.append(Text(f"{doing.crossed_out} packets out, {doing.crossed_in} in", style="dim"))
    return Panel(Group(*lines), title=f"Island {island.name}", title_align="left", border_style="cyan")


def _figures(demo: "Demo") -> str:
    account = demo.ledger.account()
    waiting = account.lost
    middle, high = account.percentile(50) * 1000, account.percentile(99) * 1000
    return (
        f"{account.messages} messages, {account.delivered} delivered, {waiting} on the way, "
        f"{account.duplicates + account.strays} twice; latency {middle:.0f} ms (p50), {high:.0f} ms (p99)"
    )


def summary(result: Mapping[str, Any]) -> str:
    """Say how the demo went, in words."""
    private, latency = result["private"], result["latency_ms"]
    verdict = "Nothing was lost and nothing came twice."
    if result["lost"] or result["duplicates"]:
        verdict = f"{result['lost']} deliveries were lost and {result['duplicates']} came twice."
    killed = f"\n{result['killed_nodes']} libp2p process was killed on the way." if result["killed_nodes"] else ""
    return (
        f"{verdict}\n{result['messages']} messages made {result['delivered']} of {result['sent']} deliveries, "
        f"{private['delivered']} of {private['sent']} private ones among them (Noise XX from phone to phone).\n"
        f"Half took at most {latency['p50']:.0f} ms, 99 of 100 at most {latency['p99']:.0f} ms.{killed}"
    )
