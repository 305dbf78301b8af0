"""``meshgate units``: what systemd needs to run this installation."""

import argparse
import sys
from pathlib import Path

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.output import CommandError, Exit, emit, print_table
from hw.systemd.units import UnitFile, is_versioned, unit_files, write_units

_EXAMPLES = (
    "meshgate units                          # which files, and where they go",
    "meshgate units meshgate.service         # print one",
    "sudo meshgate units --write /           # install them",
)


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "units", "Print or install the units of systemd.", _EXAMPLES)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the file to print")
    parser.add_argument("--write", type=Path, metavar="ROOT", help="write them below ROOT: / or the directory of an image")
    parser.add_argument("--panel", action="store_true", help="also those for a box with a button and a light")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="the Python that has Meshgate (default: this one)")


def run(args: argparse.Namespace) -> int:
    """Print or write."""
    try:
        every = unit_files(args.python)
    except ValueError as error:
        raise CommandError("usage", str(error), hint="Name it with --python.", status=Exit.USAGE) from error
    if args.name is not None:
        return _print(args, every)
    versioned = is_versioned(args.python)
    chosen = [one for one in every if (args.panel or not one.panel) and (versioned or not one.versioned)]
    if args.write is None:
        _list(args, chosen)
        return Exit.OK
    try:
        written = [str(path) for path in write_units(chosen, args.write)]
    except OSError as error:
        raise CommandError("not_written", f"The files cannot be written: {error}.", hint="Run it as root, or name another ROOT.") from error
    if args.json:
        emit({"written": written})
    else:
        print("\n".join(written))
    return Exit.OK


def _print(args: argparse.Namespace, every: list[UnitFile]) -> int:
    if args.write is not None:
        raise CommandError("usage", "Give NAME or --write, not both.", hint="See: meshgate units --help.", status=Exit.USAGE)
    one = next((one for one in every if one.name == args.name), None)
    if one is None:
        hint = f"There are: {', '.join(other.name for other in every)}."
        raise CommandError("not_found", f"There is no file {args.name}.", hint=hint, status=Exit.NOT_FOUND)
    if args.json:
        emit(_document(one))
    else:
        print(one.text, end="")
    return Exit.OK


def _list(args: argparse.Namespace, chosen: list[UnitFile]) -> None:
    if args.json:
        emit({"files": [_document(one) for one in chosen]})
    else:
        print_table(("NAME", "PLACE"), [(one.name, f"/{one.place}") for one in chosen])


def _document(one: UnitFile) -> dict[str, object]:
    return {"name": one.name, "path": f"/{one.place}", "content": one.text, "panel": one.panel, "versioned": one.versioned}
