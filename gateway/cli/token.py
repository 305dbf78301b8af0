"""``meshgate token``: tokens with which programs use the API. One is shown once, and stands on no command line."""

import argparse

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.asking import answer, print_json
from gateway.cli.config import add_options, load_from
from gateway.cli.output import Exit, note, print_table

_EXAMPLES = (
    "meshgate token create wallboard --scope read > wallboard.token",
    "meshgate token list",
    "meshgate token revoke 1f2e3d4c",
)


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "token", "Make, list and revoke tokens for programs.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    create = add_command(verbs, "create", "Make a token, and print it this once.", _EXAMPLES[:1])
    create.add_argument("name", metavar="NAME", help="what it is for")
    create.add_argument("--scope", choices=("read", "send", "admin"), default="read", help="what it may do (read)")
    create.add_argument("--days", type=int, default=90, metavar="N", help="for how long (90)")
    add_options(create)
    add_options(add_command(verbs, "list", "Show which tokens there are, and when they were last used.", _EXAMPLES[1:2]))
    revoke = add_command(verbs, "revoke", "Take a token back, at once.", _EXAMPLES[2:])
    revoke.add_argument("id", metavar="ID", help="as meshgate token list shows it; the token itself is not asked for")
    add_options(revoke)


def run(args: argparse.Namespace) -> int:
    """Ask the running gateway."""
    from gateway.admin import client  # noqa: PLC0415 -- slow to import
    from gateway.admin.access.documents import TokenRequest  # noqa: PLC0415

    socket = load_from(args).config.control.socket
    match args.verb:
        case "create":
            made = answer(client.make_token(socket, TokenRequest(args.name, args.scope, args.days)))
            if args.json:
                print_json(made)
            else:
                print(made.token)
                note(f"Keep it: it is not shown again. To take it back: meshgate token revoke {made.about.id}")
        case "list":
            found = answer(client.get_tokens(socket))
            if args.json:
                print_json(found)
            else:
                rows = [(one.id, one.name, one.scope, one.by or "-", one.expires or "-", one.used or "never") for one in found.tokens]
                print_table(("ID", "NAME", "SCOPE", "BY", "EXPIRES", "USED"), rows)
        case _:
            done = answer(client.revoke_token(socket, args.id))
            if args.json:
                print_json(done)
            else:
                print(done.sentence)
    return Exit.OK
