"""One step of the first boot: ``python -m hw.firstboot STEP``. Each looks at what is there and may be done again at any time."""

import argparse
import asyncio
import json
import os
import pwd
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hw.firstboot import growing, joining, overlay, own_keys
from hw.firstboot.box import Box
from hw.firstboot.commands import Done, run
from hw.firstboot.forgetting import reset
from hw.firstboot.kept import read_kept
from hw.firstboot.network import SystemNetwork
from hw.firstboot.openings import PORTAL_PORT, Openings
from hw.firstboot.places import Places
from hw.firstboot.placing import HOME_ADDRESS, make_own, place
from hw.firstboot.portal import Portal
from hw.firstboot.record import DONE, REFUSED, read_record
from hw.firstboot.saved_clock import set_clock
from hw.firstboot.taking import take_card
from hw.firstboot.tending import Tending, wanted

_GATEWAY: Final = (sys.executable, "-I", "-m", "gateway")
_PORTAL_UNIT: Final = "meshgate-portal.service"
_SHOWN: Final = 5  # problems of a configuration that are told


def main(arguments: Sequence[str]) -> int:
    """Do one step; returns an exit status."""
    parser = argparse.ArgumentParser(prog="hw.firstboot", description=__doc__)
    parser.add_argument("step", choices=sorted(_STEPS), help="what is to be done")
    chosen = parser.parse_args(arguments)
    places = Places(owner=_owner())
    box = Box(places, run, lambda text: accepts(places.drop_in, text), wipe, called=socket.sethostname)
    before = read_record(places.record).number
    try:
        _STEPS[chosen.step](box)
    except OSError as error:
        _log(f"{chosen.step}: {error}")
        return 1
    for event in read_record(places.record).events:
        if event.number > before:
            _log(event.sentence)
    return 0


def accepts(drop_in: Path, text: str) -> str:
    """Ask the gateway's own loader what is wrong with settings; empty if nothing is."""
    done = run((*_GATEWAY, "config", "check", "--json", "--instead", str(drop_in)), text)
    if done.code == 0:
        return ""
    try:
        problems = json.loads(done.out or done.error)["problems"]
        found = [f"{one['key']}: {one['message']}." if one["key"] else f"{one['message']}." for one in problems[:_SHOWN]]
    except (ValueError, KeyError, TypeError):
        return f"The gateway could not check them: {done.why}"
    return " ".join(found)


def wipe() -> str:
    """Have the gateway's own wipe erase what it knows; returns why not, empty if it did."""
    done = run((*_GATEWAY, "wipe", "--yes"))
    return "" if done.code == 0 else f"the wipe failed: {done.why}"


def clock(box: Box) -> None:
    """Set the clock to the last time that was believed."""
    if set_clock(box.places):
        _log("The clock stood before the last time that was believed, and was set to that.")


def take(box: Box) -> None:
    """Do what the boot partition wants, then make the box what its owner wants."""
    for doing in (reset, take_card):
        try:
            doing(box)
        except OSError as error:  # what is kept from earlier is done all the same
            _log(f"{doing.__name__}: {error}")
    kept = make_own(box)
    place(box, kept)
    if isinstance(on := kept.box.get("read_only"), bool):
        overlay.switch(box, on=on)


def hotspot(box: Box) -> None:
    """Keep the hotspot until the unit is stopped."""
    wish = wanted(read_kept(box.places.kept))
    if not wish.enabled:
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if wish.country:
        run(("iw", "reg", "set", wish.country))
    run(("nmcli", "radio", "wifi", "on"))
    box.settle("hotspot")
    told: set[str] = set()

    def tell(good: bool, sentence: str) -> None:
        _log(sentence)
        if sentence not in told:  # once for each start: a card lives by its writes
            told.add(sentence)
            box.note("hotspot", DONE if good else REFUSED, sentence)

    def portal(on: bool) -> None:
        run(("systemctl", "--no-block", "start" if on else "stop", _PORTAL_UNIT))

    Tending(wish, SystemNetwork(run), Openings(run), portal, tell).run()


def portal(_box: Box) -> None:
    """Answer phones in the hotspot until the unit is stopped."""

    async def serve() -> None:
        server = await Portal(HOME_ADDRESS).serve(HOME_ADDRESS, PORTAL_PORT)
        async with server:
            await server.serve_forever()

    asyncio.run(serve())


def join(box: Box) -> None:
    """Use the ticket from the card."""

    def ask(ticket: str) -> Done:
        return joining.understood(run((*_GATEWAY, "federation", "join", "--json", "-"), f"{ticket}\n"))

    joining.join(box, ask)


def _owner() -> tuple[int, int] | None:
    try:
        found = pwd.getpwnam("meshgate")
    except KeyError:
        return None
    return (found.pw_uid, found.pw_gid) if os.geteuid() == 0 else None


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 -- the journal takes it from there


_STEPS: Final[dict[str, Callable[[Box], None]]] = {
    "clock": clock,
    "grow": growing.grow,
    "card": take,
    "secrets": own_keys.make_keys,
    "join": join,
    "hotspot": hotspot,
    "portal": portal,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
