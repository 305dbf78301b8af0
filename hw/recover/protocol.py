"""What is said on the helper's socket: one JSON object in one line each way, and nothing else.

    {"do": "restart-bluetooth"}
    {"do": "reset-adapter", "adapter": "hci0"}
    {"do": "unblock-radio", "adapter": "hci0"}

    {"ok": true, "possible": true, "why": ""}

``possible`` is false where nothing was changed. Names and values outside these are refused as a whole.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from hw.recover.limits import MAX_REQUEST, WHY_CHARS

_ADAPTER = re.compile(r"hci[0-9]{1,2}")


class Verb(StrEnum):
    """All that can be asked for."""

    RESTART_BLUETOOTH = "restart-bluetooth"
    RESET_ADAPTER = "reset-adapter"
    UNBLOCK_RADIO = "unblock-radio"


class RefusedError(Exception):
    """A request that is not served; the text says why, without repeating any of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to do."""

    verb: Verb
    adapter: str = ""  # hci0; empty where the verb needs none


@dataclass(frozen=True, slots=True)
class Answer:
    """How it went."""

    ok: bool
    why: str = ""
    possible: bool = True  # False: nothing was changed


def encode_request(request: Request) -> bytes:
    """Return a request's line."""
    fields = {"do": request.verb.value} | ({"adapter": request.adapter} if request.adapter else {})
    return json.dumps(fields).encode() + b"\n"


def parse_request(line: bytes) -> Request:
    """Read a request's line, with or without its end.

    Raises:
        RefusedError: it is anything but one of the requests above.

    """
    if len(line) > MAX_REQUEST:
        raise RefusedError("The request is too long.")
    try:
        pairs = json.loads(line.decode("ascii"), object_pairs_hook=list)
    except ValueError as error:
        raise RefusedError("The request is not JSON in ASCII.") from error
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise RefusedError("The request is not a JSON object.")
    fields = dict(pairs)
    if len(fields) != len(pairs) or not all(isinstance(value, str) for value in fields.values()):
        raise RefusedError("The request's fields must be texts, each there once.")
    verb = next((verb for verb in Verb if verb == fields.get("do")), None)
    if verb is None:
        raise RefusedError("The request asks for nothing that is on the list.")
    if fields.keys() != ({"do"} if verb is Verb.RESTART_BLUETOOTH else {"do", "adapter"}):
        raise RefusedError("The request has other fields than it should.")
    adapter = fields.get("adapter", "")
    if "adapter" in fields and not _ADAPTER.fullmatch(adapter):
        raise RefusedError("The request does not name an adapter such as hci0.")
    return Request(verb, adapter)


def encode_answer(answer: Answer) -> bytes:
    """Return an answer's line."""
    return json.dumps({"ok": answer.ok, "possible": answer.possible, "why": answer.why[:WHY_CHARS]}).encode() + b"\n"


def parse_answer(line: bytes) -> Answer:
    """Read an answer's line.

    Raises:
        ValueError: it is none.

    """
    fields = json.loads(line)
    match fields:
        case {"ok": bool(ok), "possible": bool(possible), "why": str(why)}:
            return Answer(ok, why[:WHY_CHARS], possible)
    raise ValueError("not an answer")
