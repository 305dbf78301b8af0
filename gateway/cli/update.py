"""``meshgate update``: another version of Meshgate on a box that is kept in versions, from a file and without a network."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.output import CommandError, Exit, emit, note

if TYPE_CHECKING:
    from gateway.update.errors import UpdateError
    from gateway.update.protocol import Answer, Request, Step
    from gateway.update.search import Candidate

_EXAMPLES = (
    "meshgate update                          # which version runs, and why",
    "meshgate update check /media/stick       # which bundles are there",
    "sudo meshgate update apply /media/stick  # the newest one that fits",
    "sudo meshgate update rollback            # the version before",
)
_PLACES: Final = {"home": "where the versions are", "keys": "where the release keys are", "socket": "where updates are asked for"}
_TEMPORARY: Final = frozenset({"busy", "failed"})
_REFUSED: Final = frozenset({"key", "signature", "tampered", "older", "not_allowed"})
_MISSING: Final = frozenset({"not_here", "no_previous", "no_key"})


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "update", "Put another version in place from a file, or go back.", _EXAMPLES)
    _add_places(parser, "home")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    check = add_command(verbs, "check", "Say which bundles are there and whether they can be believed; changes nothing.", _EXAMPLES[1:2])
    check.add_argument("path", nargs="?", type=Path, metavar="PATH", help="a bundle, or a directory with some (sticks that are mounted)")
    _add_places(check, "home", "keys")
    apply = add_command(verbs, "apply", "Put a version in place; it goes back by itself if that one does worse.", _EXAMPLES[2:3])
    apply.add_argument("path", nargs="?", type=Path, metavar="PATH", help="a bundle, or a directory with some (sticks that are mounted)")
    apply.add_argument("--allow-downgrade", action="store_true", help="take an older version too; root only")
    _add_places(apply, "home", "keys", "socket")
    back = add_command(verbs, "rollback", "Go back to the version that ran before.", _EXAMPLES[3:])
    _add_places(back, "socket")


def _add_places(parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        parser.add_argument(f"--{name}", type=Path, metavar="PATH", default=argparse.SUPPRESS, help=f"{_PLACES[name]}, if elsewhere")


def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    from gateway.update.errors import UpdateError  # noqa: PLC0415 -- slow to import

    try:
        match args.verb:
            case "check":
                return _check(args)
            case "apply":
                return _apply(args)
            case "rollback":
                return _rollback(args)
            case _:
                return _show(args)
    except UpdateError as error:
        raise _as_command(error) from error


def _show(args: argparse.Namespace) -> int:
    import msgspec  # noqa: PLC0415 -- slow to import

    from gateway.update.journal import Journal, read_journal  # noqa: PLC0415
    from gateway.update.tree import HOME, Tree  # noqa: PLC0415

    tree = Tree(getattr(args, "home", HOME))
    journal = read_journal(tree.journal) or Journal()
    if args.json:
        document = {"current": tree.current, "good": tree.good, **msgspec.to_builtins(journal)}
        emit(document)
        return Exit.OK
    if not tree.current:
        print(f"This box is not kept in versions: there is no {tree.home}/current. The page Update says how it gets another version.")
        return Exit.OK
    print(
        f"Version {tree.current} runs."
        if tree.current == tree.good
        else f"Version {tree.current} is on trial; {tree.good} is the last good one."
    )
    print(f"Version {journal.previous} can be gone back to." if journal.previous else "There is no version to go back to.")
    if journal.last is not None:
        last = journal.last
        print(f"Last: {last.version} in place of {last.origin}: {last.outcome.replace('_', ' ')}{f' ({last.why})' if last.why else ''}.")
    return Exit.OK


def _check(args: argparse.Namespace) -> int:
    found = _found(args)
    if args.json:
        emit({"bundles": [{"path": str(one.path), "version": one.version, "refusal": one.refusal, "why": one.why} for one in found]})
    else:
        for one in found:
            print(f"{one.path}: version {one.version}, for this box." if not one.why else f"{one.path}: {one.why}")
    return Exit.OK if any(not one.why for one in found) else Exit.FAILED


def _apply(args: argparse.Namespace) -> int:
    from gateway.update.journal import Wish  # noqa: PLC0415
    from gateway.update.protocol import Request  # noqa: PLC0415
    from gateway.update.search import best  # noqa: PLC0415

    chosen = best(_found(args))
    note(f"{chosen.path}: version {chosen.version}.")
    return _ask(args, Request(Wish.APPLY, args.allow_downgrade), chosen.path)


def _rollback(args: argparse.Namespace) -> int:
    from gateway.update.journal import Wish  # noqa: PLC0415
    from gateway.update.protocol import Request  # noqa: PLC0415

    return _ask(args, Request(Wish.ROLLBACK), None)


def _found(args: argparse.Namespace) -> "list[Candidate]":
    from gateway.update.keys import KEYS, trusted_keys  # noqa: PLC0415 -- slow to import
    from gateway.update.search import MOUNTS, candidates  # noqa: PLC0415
    from gateway.update.staging import box_of  # noqa: PLC0415
    from gateway.update.tree import HOME, Tree  # noqa: PLC0415

    box = box_of(Tree(getattr(args, "home", HOME)))
    trusted = trusted_keys(getattr(args, "keys", KEYS))
    places = [args.path] if args.path is not None else list(MOUNTS)
    found = candidates(places, trusted, box, allow_downgrade=getattr(args, "allow_downgrade", False))
    if not found:
        where = args.path if args.path is not None else ", ".join(map(str, MOUNTS))
        raise CommandError(
            "not_found", f"There is no bundle in {where}.", hint="Name the file, or where the stick is.", status=Exit.NOT_FOUND
        )
    return found


def _ask(args: argparse.Namespace, request: "Request", path: Path | None) -> int:
    from gateway.update.client import wish  # noqa: PLC0415
    from gateway.update.protocol import SOCKET  # noqa: PLC0415

    told = _Progress(as_json=args.json)
    where = getattr(args, "socket", Path(SOCKET))
    if path is None:
        answer = wish(request, None, told, where)
    else:
        with path.open("rb") as file:
            answer = wish(request, file, told, where)
    return _say(args, answer)


def _say(args: argparse.Namespace, answer: "Answer") -> int:
    import msgspec  # noqa: PLC0415

    if args.json:
        emit(msgspec.to_builtins(answer))
    elif answer.ok:
        print("It runs, and is as well as the one before was." if answer.outcome == "applied" else "The version before runs again.")
    else:
        print(f"The new version was no good: {answer.why}. The one before runs again.")
    return Exit.OK if answer.ok else Exit.FAILED


class _Progress:
    """Shows how far it is: each sentence once, and on a terminal the share of it."""

    def __init__(self, *, as_json: bool) -> None:
        self._is_shown = not as_json
        self._last = ""

    def __call__(self, step: "Step") -> None:
        if not self._is_shown:
            return
        if step.sentence != self._last:
            self._last = step.sentence
            note(step.sentence)
        elif sys.stderr.isatty() and step.done:
            print(f"\r{step.done:4.0%}\r", end="", file=sys.stderr, flush=True)


def _as_command(error: "UpdateError") -> CommandError:
    word = error.refusal.value
    status = (
        Exit.TEMPORARY if word in _TEMPORARY else Exit.REFUSED if word in _REFUSED else Exit.NOT_FOUND if word in _MISSING else Exit.FAILED
    )
    return CommandError(word, str(error), hint=error.hint, status=status)
