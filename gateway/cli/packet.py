"""``meshgate packet``: look into BitChat packets, make them, and check their signatures.

Packets come from the arguments or, one a line, from stdin. Each line is answered before the
next is read, however many there are, and a line too long for any packet is skipped without being kept.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

from gateway.cli.arguments import Subcommands, add_command
from gateway.cli.output import CommandError, Exit, emit, error_document, note
from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_PACKET_LINE

_EXAMPLES = (
    "meshgate packet decode 01020701020304050607080000031011121314151617aabbcc",
    "meshgate packet decode < packets.txt | jq .type_name",
    "meshgate packet decode 0102... | meshgate packet encode --padded",
    "meshgate packet verify --key d5e1... 0102...",
)
_PUBLIC_KEY_SIZE = 32  # bytes
_TOO_LONG = f"a line of more than {MAX_PACKET_LINE} characters cannot be a packet"


def add(commands: Subcommands) -> None:
    """Describe the command."""
    parser = add_command(commands, "packet", "Decode, encode and verify BitChat packets.", _EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    decode = add_command(verbs, "decode", "Print each packet as one JSON object a line.", _EXAMPLES[:2])
    encode = add_command(verbs, "encode", "Read JSON objects of packet fields and print each as hexadecimal text.", _EXAMPLES[2:3])
    encode.add_argument("--padded", action="store_true", help="pad to a block size, as Noise packets are on the air")
    verify = add_command(verbs, "verify", "Tell for each packet whether its signature is that of a key.", _EXAMPLES[3:])
    verify.add_argument("--key", metavar="HEX", required=True, type=_public_key, help="the Ed25519 public key, 32 bytes")
    for each in (decode, verify):
        each.add_argument("packets", metavar="PACKET", nargs="*", help="a packet in hexadecimal; none: one a line from stdin")


def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    match args.verb:
        case "decode":
            return _decode(args.packets)
        case "verify":
            return _verify(args.packets, args.key)
        case _:
            return _encode(padded=args.padded, as_json=args.json)


def _decode(packets: list[str]) -> int:
    from gateway.cli.packet_fields import to_fields  # noqa: PLC0415 -- slow to import

    def answer(frame: bytes) -> tuple[dict[str, object], bool]:
        return to_fields(frame), True

    return _answer_each(packets, answer)


def _verify(packets: list[str], key: bytes) -> int:
    from gateway.wire.signing import verify  # noqa: PLC0415 -- slow to import

    def answer(frame: bytes) -> tuple[dict[str, object], bool]:
        valid = verify(frame, key)
        return {"valid": valid}, valid

    return _answer_each(packets, answer)


def _answer_each(packets: list[str], answer: Callable[[bytes], tuple[dict[str, object], bool]]) -> int:
    """Print an answer for every packet; FAILED if any of them was not good."""
    from gateway.cli.packet_fields import FieldError, parse_hex  # noqa: PLC0415 -- slow to import

    status = Exit.OK
    for text in packets or _lines(sys.stdin.buffer):
        good = False
        if text is None:
            document = error_document(Reason.OVERSIZED.value, _TOO_LONG)
        else:
            try:
                document, good = answer(parse_hex(text))
            except DecodeError as error:
                document = error_document(error.reason.value, str(error))
            except FieldError as error:
                document = error_document("hex", str(error))
        emit(document)
        if not good:
            status = Exit.FAILED
    return status


def _encode(*, padded: bool, as_json: bool) -> int:
    from gateway.cli.packet_fields import FieldError, from_fields  # noqa: PLC0415 -- slow to import
    from gateway.wire.packet import encode  # noqa: PLC0415 -- slow to import

    status = Exit.OK
    for number, text in enumerate(_documents(sys.stdin.buffer), start=1):
        try:
            if text is None:
                raise FieldError(_TOO_LONG)  # noqa: TRY301 -- told like every other fault
            frame = encode(from_fields(text), padded=padded).hex()
        except (FieldError, ValueError) as error:
            status = Exit.FAILED
            if as_json:
                emit(error_document("fields", str(error)))
            else:
                note(f"meshgate: packet {number}: {error}")
            continue
        if as_json:
            emit({"packet": frame})
        else:
            print(frame, flush=True)
    return status


def _documents(stream: BinaryIO) -> Iterator[str | None]:
    """One JSON document a line, or a single one over several lines."""
    lines = _lines(stream)
    first = next(lines, None)
    if first is None:
        raise CommandError(
            "no_input", "No packet fields came on stdin.", hint="Give a JSON object, such as a line of `meshgate packet decode`."
        )
    if first.rstrip().endswith("}") or not first.lstrip().startswith("{"):
        yield first
        yield from lines
        return
    kept, size = [first], len(first)
    for line in lines:
        size += MAX_PACKET_LINE if line is None else len(line) + 1
        if size > MAX_PACKET_LINE or line is None:
            yield None
            return
        kept.append(line)
    yield "\n".join(kept)


def _lines(stream: BinaryIO) -> Iterator[str | None]:
    """Lines that are not blank; None for one longer than `MAX_PACKET_LINE`, of which nothing is kept."""
    if stream.isatty():
        note("Reading from the terminal, one a line; Ctrl-D ends.")
    while line := stream.readline(MAX_PACKET_LINE + 1):
        if len(line) > MAX_PACKET_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_PACKET_LINE)) and not rest.endswith(b"\n"):
                pass
            yield None
        elif text := line.decode(errors="replace").strip():
            yield text


def _public_key(text: str) -> bytes:
    from gateway.cli.packet_fields import FieldError, parse_hex  # noqa: PLC0415 -- slow to import

    try:
        key = parse_hex(text)
    except FieldError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if len(key) != _PUBLIC_KEY_SIZE:
        raise argparse.ArgumentTypeError(f"an Ed25519 public key has {_PUBLIC_KEY_SIZE} bytes, this has {len(key)}")
    return key
