"""``meshgate backup``: everything that makes this gateway what it is, in one encrypted file; and back."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, config_file, load_from
from gateway.cli.output import CommandError, Exit, note

if TYPE_CHECKING:
    from gateway.admin.backups import ContentsDocument, Report, RestoredDocument

_EXAMPLES = (
    "meshgate backup create hut.backup",
    "meshgate backup verify hut.backup",
    "sudo -u meshgate meshgate backup restore hut.backup",
)
_PASSPHRASE = "a file with the passphrase, - for standard input"  # noqa: S105 -- how it is given


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "backup", "Keep this gateway in one encrypted file, or become the gateway of such a file.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    create = add_command(verbs, "create", "Write keys, settings, members, rules and waiting mail into an encrypted file.", _EXAMPLES[:1])
    create.add_argument("--with-history", action="store_true", help="also what was said here, and what was done with it")
    create.add_argument("--force", action="store_true", help="take the place of a file that is there")
    verify = add_command(verbs, "verify", "Read a backup to its end and say what is in it; nothing is changed.", _EXAMPLES[1:2])
    restore = add_command(verbs, "restore", "Make this gateway the one of a backup.", _EXAMPLES[2:])
    restore.add_argument("--dry-run", action="store_true", help="only say what would be done")
    restore.add_argument("--new-identity", action="store_true", help="keep the keys and members of this one")
    restore.add_argument("--yes", action="store_true", help="do not ask")
    for one in (create, verify, restore):
        one.add_argument("file", metavar="FILE", type=Path, help="the backup")
        one.add_argument("--passphrase-file", metavar="FILE", type=Path, help=_PASSPHRASE)
    for one in (create, restore):
        add_options(one)


def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    from gateway.backup.errors import BackupError, Flaw  # noqa: PLC0415 -- slow to import
    from gateway.errors import StoreError, StoreFault  # noqa: PLC0415

    exits = {Flaw.PASSPHRASE: Exit.REFUSED, Flaw.WEAK: Exit.USAGE}
    try:
        return {"create": _create, "verify": _verify, "restore": _restore}[args.verb](args)
    except BackupError as error:
        raise CommandError(f"backup_{error.flaw}", error.sentence, hint=error.remedy, status=exits.get(error.flaw, Exit.FAILED)) from error
    except StoreError as error:
        status = Exit.TEMPORARY if error.fault is StoreFault.LOCKED else Exit.FAILED
        raise CommandError("store_unavailable", error.sentence, hint=error.remedy, status=status) from error


def _create(args: argparse.Namespace) -> int:
    from gateway.admin.backups import contents_of  # noqa: PLC0415 -- slow to import
    from gateway.backup.making import look  # noqa: PLC0415
    from gateway.cli.backup_work import create  # noqa: PLC0415

    if args.file.exists() and not args.force:
        raise CommandError("exists", f"{args.file} is there already.", hint="Choose another name, or give --force.")
    if not args.file.absolute().parent.is_dir():
        raise CommandError("not_found", f"There is no folder {args.file.absolute().parent}.", hint="Make it first.", status=Exit.NOT_FOUND)
    passphrase = _passphrase(args, twice=True)
    loaded, file = load_from(args), config_file(args)
    answer(create(args.file, passphrase, loaded.config, file, _progress(args), history=args.with_history))
    contents = contents_of(look(args.file, passphrase))
    if args.json:
        print_json(contents)
        return Exit.OK
    print(f"Wrote {args.file}, {args.file.stat().st_size:,} bytes, and read it again: it opens.")
    print("Keep it away from this box, and the passphrase away from it: nobody can open it without.")
    if not contents.with_history:
        print("What was said here is not in it; --with-history takes it along.")
    _print_left(contents)
    return Exit.OK


def _verify(args: argparse.Namespace) -> int:
    from gateway.admin.backups import contents_of  # noqa: PLC0415 -- slow to import
    from gateway.backup.making import look  # noqa: PLC0415

    contents = contents_of(look(_there(args.file), _passphrase(args), _progress(args)))
    if args.json:
        print_json(contents)
    else:
        print("The backup is whole.")
        _print_contents(contents)
    return Exit.OK


def _restore(args: argparse.Namespace) -> int:
    from gateway.admin.backups import TWO_OF_ONE, WORD, RestoreRequest, contents_of  # noqa: PLC0415 -- slow to import
    from gateway.backup.making import look  # noqa: PLC0415
    from gateway.cli.backup_work import restore  # noqa: PLC0415

    path, passphrase = _there(args.file), _passphrase(args)
    loaded, file = load_from(args), config_file(args)
    if not (args.dry_run or args.yes):
        contents = contents_of(look(path, passphrase, _progress(args)))
        note(f"This makes the gateway of {loaded.config.gateway.state_dir} the one of {_named(contents)}.")
        note("What it has been until now is lost: its keys, mail and members.")
        if not args.new_identity:
            note(TWO_OF_ONE)
        _ask(WORD)
    request = RestoreRequest(passphrase, WORD, args.new_identity, args.dry_run)
    done, running = answer(restore(path, request, loaded.config, file, _progress(args)))
    if args.json:
        print_json(done)
    else:
        _print_done(done, running=running)
    return Exit.OK


def _there(path: Path) -> Path:
    if not path.is_file():
        raise CommandError("not_found", f"There is no file {path}.", hint="Name the backup.", status=Exit.NOT_FOUND)
    return path


def _passphrase(args: argparse.Namespace, *, twice: bool = False) -> str:
    """Return what somebody has typed or a file says; a passphrase on the command line would be seen by everybody."""
    from gateway.backup.limits import MAX_BACKUP_PASSPHRASE  # noqa: PLC0415 -- slow to import
    from gateway.backup.passphrase import check  # noqa: PLC0415

    named: Path | None = args.passphrase_file
    if named is not None:
        try:
            if str(named) == "-":
                text = sys.stdin.readline(4 * MAX_BACKUP_PASSPHRASE)
            else:
                with named.open() as file:
                    text = file.readline(4 * MAX_BACKUP_PASSPHRASE)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError("not_found", f"{named} cannot be read: {error}.", hint="Name a file.", status=Exit.NOT_FOUND) from error
        text = text.rstrip("\r\n")
    elif not sys.stdin.isatty():
        hint = "Give --passphrase-file."
        raise CommandError("no_passphrase", "Nobody is there to ask for the passphrase.", hint=hint, status=Exit.USAGE)
    else:
        text = _typed(twice=twice)
    return check(text) if twice else text


def _typed(*, twice: bool) -> str:
    import getpass  # noqa: PLC0415 -- only with somebody at a terminal

    text = getpass.getpass("Passphrase: ", sys.stderr)
    if twice and getpass.getpass("The same again: ", sys.stderr) != text:
        raise CommandError("passphrases_differ", "The two passphrases differ.", hint="Begin again.", status=Exit.USAGE)
    return text


def _ask(word: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("not_confirmed", "Nothing was restored: nobody is there to ask.", hint="Give --yes.", status=Exit.USAGE)
    note(f"Write {word} to go on:")
    if input().strip() != word:
        raise CommandError("not_confirmed", "Nothing was restored.", status=Exit.REFUSED)


def _progress(args: argparse.Namespace) -> "Report":
    """Show how far it is on a terminal, and nothing elsewhere."""
    shown = sys.stderr.isatty() and not args.json

    def report(done: float) -> None:
        if shown:
            print(f"\r{done:4.0%}" if done < 1 else "\r    \r", end="", file=sys.stderr, flush=True)

    return report


def _named(contents: "ContentsDocument") -> str:
    when = "an unknown time" if contents.made is None else f"{contents.made:%Y-%m-%d %H:%M} UTC"
    return f"{contents.site!r} ({contents.peer_id}), as it was at {when}"


def _print_contents(contents: "ContentsDocument") -> None:
    print(f"Gateway   {_named(contents)}")
    print(f"Made by   Meshgate {contents.program}, database version {contents.schema}")
    print(f"Holds     {', '.join(contents.files)}; {contents.size:,} bytes")
    print(f"History   {'what was said is in it' if contents.with_history else 'what was said is not in it'}")
    _print_left(contents)


def _print_left(contents: "ContentsDocument") -> None:
    for path in contents.left:
        print(f"not in it  {path}")


def _print_done(done: "RestoredDocument", *, running: bool) -> None:
    for path in done.written:
        print(f"{'would write' if done.dry_run else 'written'}  {path}")
    for path in done.contents.left:
        print(f"not in it  {path}: bring it yourself if it is needed")
    if done.dry_run:
        print("Nothing was changed.")
        return
    print()
    print("The gateway ends now and starts again as the restored one." if running else "The next start is that of the restored gateway.")
    if done.warning:
        print(done.warning)
