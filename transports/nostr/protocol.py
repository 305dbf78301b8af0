"""NIP-01 as the client of a relay speaks it: text to values and back, without a socket, a clock or chance.

    we say       ["REQ", subscription, filter…]   ["EVENT", event]   ["CLOSE", subscription]
    a relay says ["EVENT", subscription, event]   ["OK", event ID, true or false, "word: text"]
                 ["EOSE", subscription]           ["CLOSED", subscription, "word: text"]
                 ["NOTICE", text]                 ["AUTH", challenge]

A relay is a stranger. What it says is text of at most NOSTR_MESSAGE bytes; everything else than
the above raises `NostrError`. Its own words are never kept: of "word: text" only a word that
NIP-01 or NIP-42 names is. What an event says is not looked at here, and neither is its signature.

The frames of a link to a relay are ``["EVENT",event]`` both ways, and ``["OK",ID,true,word]`` from it.
Source: NIP-01, NIP-42.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

from transports.limits import NOSTR_FRAME, NOSTR_MESSAGE

_EVENT_START: Final = b'["EVENT",'
_ANSWER_START: Final = b'["OK",'
_EVENT_ID: Final = re.compile(r"[0-9a-f]{64}")


class NostrError(Exception):
    """A relay said something that is not of the protocol."""


class Word(StrEnum):
    """Why a relay refuses, as far as NIP-01 and NIP-42 have a word for it."""

    DUPLICATE = "duplicate"
    POW = "pow"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate-limited"
    INVALID = "invalid"
    RESTRICTED = "restricted"
    MUTE = "mute"
    ERROR = "error"
    AUTH_REQUIRED = "auth-required"
    UNSUPPORTED = "unsupported"
    OTHER = "other"  # any other text, or none


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for: events of these kinds in which a tag has one of these values.

    Args:
        kinds: Nostr event kinds.
        tag: one letter.
        values: what it may say.
        window_s: seconds back from now.
        limit: stored events at most; what is new comes without a limit.

    """

    kinds: tuple[int, ...]
    tag: str
    values: tuple[str, ...]
    window_s: int
    limit: int


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a subscription; `event` is its JSON object, written anew without spaces."""

    subscription: str
    event: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an event that was published."""

    event_id: str  # 64 hex digits
    accepted: bool
    word: Word


@dataclass(frozen=True, slots=True)
class Eose:
    """Everything stored has been sent; from now on it is news."""

    subscription: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The relay has ended a subscription."""

    subscription: str
    word: Word


@dataclass(frozen=True, slots=True)
class Aside:
    """Something that changes nothing: a notice for people, or a question who we are, which is not answered."""

    kind: str  # "NOTICE" or "AUTH"


Message = Event | Answer | Eose | Closed | Aside


def request(subscription: str, filters: Sequence[Filter], now_s: int) -> str:
    """Return what opens a subscription; `now_s` is Unix seconds."""
    asked = [{"kinds": one.kinds, f"#{one.tag}": one.values, "since": max(0, now_s - one.window_s), "limit": one.limit} for one in filters]
    return _write(["REQ", subscription, *asked])


def decode_message(text: str) -> Message:
    """Return what a relay said; raises `NostrError`."""
    if len(text) > NOSTR_MESSAGE:
        raise NostrError("too long")
    try:
        message = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NostrError("not JSON") from None
    match message:
        case ["EVENT", str(subscription), dict(event)]:
            return Event(subscription, _frame_body(event))
        case ["OK", str(event_id), bool(accepted), *rest] if _EVENT_ID.fullmatch(event_id):
            return Answer(event_id, accepted, _word(rest))
        case ["EOSE", str(subscription)]:
            return Eose(subscription)
        case ["CLOSED", str(subscription), *rest]:
            return Closed(subscription, _word(rest))
        case ["NOTICE" | "AUTH" as kind, *_]:
            return Aside(kind)
    raise NostrError("no message of NIP-01")


def event_frame(event: bytes) -> bytes:
    """Return the frame around an event's JSON object, which is also what publishes it."""
    return _EVENT_START + event + b"]"


def answer_frame(answer: Answer) -> bytes:
    """Return the frame that tells what became of an event."""
    return _write(["OK", answer.event_id, answer.accepted, answer.word.value]).encode()


def decode_frame(frame: bytes) -> bytes | Answer:
    """Return the event's JSON object in a frame, or the answer; raises `NostrError`."""
    if len(frame) > NOSTR_FRAME:
        raise NostrError("too long")
    if frame.startswith(_EVENT_START) and frame.endswith(b"]"):
        return frame[len(_EVENT_START) : -1]
    if frame.startswith(_ANSWER_START):
        try:
            message = decode_message(frame.decode())
        except UnicodeDecodeError:
            raise NostrError("not text") from None
        if isinstance(message, Answer):
            return message
    raise NostrError("neither an event nor an answer")


def _frame_body(event: dict[str, object]) -> bytes:
    try:
        body = _write(event).encode()
    except (ValueError, RecursionError):  # half a surrogate pair, which UTF-8 cannot spell
        raise NostrError("an event that is no text") from None
    if len(body) + len(_EVENT_START) + 1 > NOSTR_FRAME:
        raise NostrError("an event that is too long")
    return body


def _word(rest: list[object]) -> Word:
    """Return the word before the colon of what may be anything at all."""
    text = rest[0] if rest and isinstance(rest[0], str) else ""
    try:
        return Word(text.partition(":")[0])
    except ValueError:
        return Word.OTHER


def _write(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
