"""How the demo looks: a live picture on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.cli.demo_failover import FIRST, SECOND
from gateway.cli.demo_islands import Crossing, Demo, Phase
from gateway.cli.demo_process import IslandProcess
from gateway.testing.chat import PRIVATE

LINE_S = 5.0  # seconds between two plain lines
FRAME_S = 0.1  # seconds between two pictures
DRAWING_SHARE = 20  # a picture is drawn at most this many times its own cost apart, because the books only grow
MAX_WIDTH = 100  # columns; wider than that, the eye loses the line
WIDE = 76  # columns from which the islands stand side by side
ROWS = 8  # crossings shown where the window is high enough
ACCENT, GOOD, ATTENTION = "cyan", "green", "yellow"


class Live:
    """A picture that follows the demo; survives a narrow window."""

    def __init__(self, demo: Demo, console: Console | None = None) -> None:
        self._demo = demo
        self._console = console or Console(stderr=True)
        self._live = RichLive(console=self._console, auto_refresh=False)
        self._next = 0.0

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._draw()
        self._live.__exit__(None, None, None)

    def update(self) -> None:
        """Redraw, unless that was done a moment ago."""
        began = time.monotonic()
        if began >= self._next:
            self._draw()
            now = time.monotonic()
            self._next = now + max(FRAME_S, DRAWING_SHARE * (now - began))

    def _draw(self) -> None:
        self._live.update(picture(self._demo, self._console), refresh=True)


class Lines:
    """A line whenever the phase changes, now and then, and when there is a page to be opened."""

    def __init__(self, demo: Demo, say: Callable[[str], None]) -> None:
        self._demo = demo
        self._say = say
        self._phase = ""
        self._said = 0.0
        self._doors: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.update()

    def update(self) -> None:
        """Say something if there is something new."""
        for door in self._demo.doors():
            if door not in self._doors:
                self._doors.add(door)
                self._say(door)
        now = time.monotonic()
        if self._demo.phase != self._phase or now - self._said >= LINE_S:
            self._phase, self._said = self._demo.phase, now
            self._say(f"{self._phase}: {', '.join(_figures(self._demo))}")


def picture(demo: Demo, console: Console) -> RenderableType:
    """Draw the sentence, both islands, what crossed lately, and the figures; fewer crossings in a low window."""
    width = min(console.width, MAX_WIDTH)
    without = _stack(demo, width, 0)
    used = len(console.render_lines(without, console.options.update(width=width)))
    return _stack(demo, width, max(1, min(ROWS, console.height - used - 1)))


def _stack(demo: Demo, width: int, rows: int) -> Table:
    islands = _side_by_side(demo) if width >= WIDE else _stacked(demo)
    whole = Table.grid()
    whole.add_column(width=width)
    for part in (_headline(demo), "", islands, "", _crossings(demo, rows), "", *_footer(demo)):
        whole.add_row(part)
    return whole


def _headline(demo: Demo) -> RenderableType:
    """One true sentence, and how long the demo has been at it."""
    seconds = int(time.monotonic() - demo.phase_began)
    clock = f"{seconds} s"
    if demo.phase is Phase.TALKING and demo.seconds is not None:
        clock = f"{min(seconds, int(demo.seconds))} of {demo.seconds:.0f} s"
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    line.add_row(Text(_sentence(demo), style="bold"), Text("" if demo.phase is Phase.DONE else clock, style="dim"))
    return line


def _sentence(demo: Demo) -> str:
    match demo.phase:
        case Phase.STARTING:
            return "Two gateways are starting."
        case Phase.MEETING if not demo.is_linked:
            return "The gateways are looking for each other."
        case Phase.MEETING:
            now, everybody = demo.acquaintances()
            return f"The phones are getting to know each other: {now} of {everybody} acquaintances."
        case Phase.TALKING if demo.is_linked and demo.failover is not None and demo.failover.gone_at is not None:
            return _moving(demo)
        case Phase.TALKING if demo.is_linked:
            return f"{len(demo.everyone)} phones on two islands are talking."
        case Phase.TALKING:
            return "The link is gone. What the phones say waits until it is back."
        case Phase.SETTLING:
            return "Waiting for the last messages. Ctrl-C stops at once."
        case Phase.STOPPING:
            return "Both gateways are stopping."
        case Phase.DONE:
            return "Both gateways have stopped."


def _moving(demo: Demo) -> str:
    ways = set(demo.used)
    way = next(iter(ways)) if len(ways) == 1 else None
    if way == FIRST:
        back = demo.failover is not None and demo.failover.back_at is not None
        return "libp2p is back, and everything goes over it again." if back else "The libp2p process is killed; nobody has noticed yet."
    if way == SECOND:
        return "The libp2p process is gone. Everything goes over WebSocket."
    return "The talk is moving from one transport to the other."


def _side_by_side(demo: Demo) -> RenderableType:
    north, south = demo.islands
    line = Table.grid(expand=True)
    line.add_column(ratio=1)
    line.add_column(width=12 if demo.failover is None else 20, justify="center", vertical="middle")
    line.add_column(ratio=1)
    line.add_row(_island(north), _link(demo, "\n"), _island(south))
    return line


def _stacked(demo: Demo) -> RenderableType:
    north, south = demo.islands
    return Group(_island(north), _link(demo, " "), _island(south))


def _link(demo: Demo, between: str) -> Text:
    name = " + ".join(sorted({way for way in demo.used if way is not None})) or demo.transports[0]
    words = (name, "══════════", "linked") if demo.is_linked else (name, "·  ·  ·  ·", "no link")
    return Text(between.join(words), style=GOOD if demo.is_linked else ATTENTION, justify="center")


def _island(island: IslandProcess) -> Panel:
    doing = island.doing
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="ellipsis")
    rows.add_row("near", _names(doing.near if doing is not None else (), ACCENT))
    rows.add_row("far", _names(doing.far if doing is not None else (), ""))
    rows.add_row("crossed", f"{doing.crossed_out} packets out, {doing.crossed_in} in" if doing is not None else Text("-", style="dim"))
    return Panel(rows, title=f"Island {island.name}", title_align="left", border_style=ACCENT)


def _names(names: tuple[str, ...], style: str) -> Text:
    return Text("  ".join(names), style=style) if names else Text("nobody yet", style="dim")


def _crossings(demo: Demo, rows: int) -> RenderableType:
    """The latest messages that crossed, newest last; always as many rows, so that nothing jumps."""
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, justify="right", min_width=7)
    table.add_row(*(Text(head, style="dim") for head in ("crossed lately", "", "slowest")))
    lines: list[tuple[RenderableType, ...]] = [
        (_who(crossing), "sealed" if crossing.kind == PRIVATE else "public", _span(crossing.slowest)) for crossing in demo.recent
    ]
    lines = (lines or [("Nothing yet.", "", "")])[-rows:] if rows else []
    for line in lines + [("", "", "")] * (rows - len(lines)):
        table.add_row(*line)
    return table


def _who(crossing: Crossing) -> Text:
    return Text.assemble((crossing.sender, ACCENT), " → ", ", ".join(sorted(crossing.recipients)))


def _footer(demo: Demo) -> list[RenderableType]:
    figures = _figures(demo)
    lines = [Text(figures[0], style="bold"), *map(Text, figures[1:]), *(Text(door, style=ACCENT) for door in demo.doors())]
    if demo.killed:
        lines.append(Text(_killed(demo.killed), style=ATTENTION))
    if demo.phase is Phase.TALKING and demo.seconds is None:
        lines.append(Text("Ctrl-C ends the talk.", style="dim"))
    return [*lines]


def _figures(demo: Demo) -> list[str]:
    account = demo.ledger.account()
    twice = account.duplicates + account.strays
    counts = f"{_count(account.messages, 'message')}, {account.delivered} delivered, {account.lost} on the way, {twice} twice"
    if not account.delivered:
        return [counts]
    return [counts, f"half within {_span(account.percentile(50))}, 99 of 100 within {_span(account.percentile(99))}"]


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{max(seconds, 0) * 1000:.0f} ms"


def summary(result: Mapping[str, Any]) -> str:
    """Say how the demo went, in words."""
    if not result["messages"]:
        return "The demo ended before anybody spoke."
    private, latency = result["private"], result["latency_ms"]
    verdict = "Nothing was lost and nothing came twice."
    if result["lost"] or result["duplicates"]:
        verdict = f"Not everything went well: {_count(result['lost'], 'lost delivery', 'lost deliveries')}, {result['duplicates']} twice."
    if result.get("order", {}).get("overtaken"):
        verdict += f" {_count(result['order']['overtaken'], 'private message')} came out of order."
    killed = f"\n{_killed(result['killed_nodes'])}" if result["killed_nodes"] else ""
    killed += _failed_over(result["failover"]) if "failover" in result else ""
    return (
        f"{verdict}\n{_count(result['messages'], 'message')} made {result['delivered']} of {result['sent']} deliveries, "
        f"{private['delivered']} of {private['sent']} private ones among them (Noise XX from phone to phone).\n"
        f"Half took at most {latency['p50']:.0f} ms, 99 of 100 at most {latency['p99']:.0f} ms.{killed}"
    )


def _failed_over(failover: Mapping[str, float | None]) -> str:
    moved, returned = failover["moved_s"], failover["returned_s"]
    there = "The talk did not move to WebSocket." if moved is None else f"The talk moved to WebSocket within {moved:.1f} s"
    if moved is None:
        return f"\n{there}"
    back = ", and did not move back." if returned is None else f", and back {returned:.1f} s after libp2p was allowed to return."
    return f"\n{there}{back}"


def _killed(number: int) -> str:
    return f"{_count(number, 'libp2p process was', 'libp2p processes were')} killed on the way."


def _count(number: int, word: str, words: str = "") -> str:
    return f"{number} {word if number == 1 else words or word + 's'}"
