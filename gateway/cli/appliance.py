"""``meshgate appliance``: what the first boot of a box from our image did, and whether its root is read only."""

import argparse
import os
from pathlib import Path
from typing import Final

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.output import CommandError, Exit, emit

_EXAMPLES = (
    "meshgate appliance                       # what was done, and not",
    "sudo meshgate appliance read-only on     # from the next start",
)
_ROOTS: Final = {True: "is read only: what is changed there is forgotten at the next start", False: "takes changes", None: "cannot be seen"}


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "appliance", "Show what a box did with the files on its card.", _EXAMPLES)
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    switch = add_command(verbs, "read-only", "Make the root of the file system read only from the next start, or writable.", _EXAMPLES[1:])
    switch.add_argument("to", choices=("on", "off"), help="which")


def run(args: argparse.Namespace) -> int:
    """Show it, or switch the root."""
    from hw.firstboot.places import Places  # noqa: PLC0415 -- slow to import

    places = Places(args.root)
    if not places.is_appliance:
        hint = "What Ansible or pip has set up is a machine of your own: its partitions, name and network are not ours."
        raise CommandError("not_here", "This box was not made from our image.", hint=hint, status=Exit.NOT_FOUND)
    if args.verb == "read-only":
        return _switch(args, places.kept)
    return _show(args)


def _show(args: argparse.Namespace) -> int:
    import msgspec  # noqa: PLC0415 -- slow to import

    from hw.firstboot.overlay import in_force  # noqa: PLC0415
    from hw.firstboot.places import Places  # noqa: PLC0415
    from hw.firstboot.record import read_record  # noqa: PLC0415

    record, overlay = read_record(Places(args.root).record), in_force(args.root)
    if args.json:
        emit({"read_only": overlay, "refused": dict(record.refused), "events": msgspec.to_builtins(record.events)})
        return Exit.OK
    print(f"The root of the file system {_ROOTS[overlay]}.")
    for event in record.events:
        print(event.sentence)
    for why in record.refused.values():
        print(f"NOT DONE  {why}")
    return Exit.OK


def _switch(args: argparse.Namespace, kept_at: Path) -> int:
    from dataclasses import replace  # noqa: PLC0415 -- slow to import

    from hw.firstboot.box import Box  # noqa: PLC0415
    from hw.firstboot.commands import run as start  # noqa: PLC0415
    from hw.firstboot.kept import read_kept, write_kept  # noqa: PLC0415
    from hw.firstboot.overlay import STEP, switch  # noqa: PLC0415
    from hw.firstboot.places import Places  # noqa: PLC0415
    from hw.firstboot.record import read_record  # noqa: PLC0415

    if os.geteuid() != 0:
        raise CommandError("not_allowed", "Only root may change how this box starts.", hint="Use sudo.", status=Exit.REFUSED)
    on, state = args.to == "on", Places(args.root).state
    owner = (state.stat().st_uid, state.stat().st_gid) if state.is_dir() else None
    places = Places(args.root, owner)
    kept = read_kept(kept_at)
    write_kept(kept_at, replace(kept, box={**kept.box, "read_only": on}))
    changed = switch(Box(places, start, lambda _text: "", lambda: ""), on=on)
    if why := read_record(places.record).refused.get(STEP):
        raise CommandError("not_done", why, hint="It is tried again at the next start.", status=Exit.FAILED)
    if args.json:
        emit({"read_only": on, "changed": changed})
    else:
        said = f"From the next start the root of the file system is {'read only' if on else 'writable'}."
        print(said if changed else "It is so already, or will be from the next start.")
    return Exit.OK
