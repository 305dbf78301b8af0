"""The letters a node holds for people who are away: found by name and by tag, and within quotas.

Whoever comes when a quota is used up is refused; what is held was promised and stays. As on
a phone, people this node has known for a day have room of their own, which no crowd of
strangers can fill.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from gateway.errors import Reason
from gateway.limits import (
    MAX_MAIL,
    MAX_MAIL_BYTES,
    MAX_MAIL_HOLDERS,
    MAX_MAIL_OF_STRANGERS,
    MAX_MAIL_PER_REGULAR,
    MAX_MAIL_PER_SITE,
    MAX_MAIL_PER_STRANGER,
    MAX_MAIL_PER_TAG,
)
from gateway.mesh.records import LetterGiven, LetterKept
from gateway.wire.courier import CourierEnvelope, encode_courier
from transports.link import LinkId

NAME = 16  # bytes


@dataclass(frozen=True, slots=True)
class Handed:
    """A letter was sent to whoever it is for: over which link, and when that counts as delivered."""

    link: LinkId
    settles_at: float


@dataclass(slots=True)
class Letter:
    """One letter and what has been done with it."""

    name: bytes
    envelope: CourierEnvelope  # with one copy: as it is handed over
    payload: bytes  # the same, encoded
    depositor: bytes  # empty: a site left it here
    via: bytes  # that site
    regular: bool
    copies: int
    holders: dict[bytes, None] = field(default_factory=dict)  # couriers and sites known to have a copy
    stored_by: float | None = None  # until when the disk has time to keep it; None: it has
    handed: Handed | None = None
    attempts: int = 0  # copies sent towards somebody hops away
    next_attempt: float = float("-inf")
    offers: dict[bytes, tuple[int, float]] = field(default_factory=dict)  # by site: how often it was given it, and when it may be again

    @property
    def waits(self) -> bool:
        """Whether it is on the disk, and with nobody it is for."""
        return self.stored_by is None and self.handed is None

    def hold(self, holder: bytes) -> LetterGiven:
        """Note that somebody else has a copy; returns what is to be written down."""
        if len(self.holders) < MAX_MAIL_HOLDERS:
            self.holders[holder] = None
        return LetterGiven(self.name, self.copies, tuple(self.holders))

    def record(self) -> LetterKept:
        """Return what is to be written down of a letter that is new."""
        return LetterKept(
            self.name,
            self.payload,
            self.envelope.recipient_tag,
            self.envelope.expiry_ms,
            self.depositor,
            self.via,
            self.copies,
            self.regular,
            tuple(self.holders),
        )


def letter_of(envelope: CourierEnvelope, *, depositor: bytes = b"", via: bytes = b"", regular: bool = False) -> Letter:
    """Return the letter in an envelope; all of it but the copies makes its name, so that nobody can pass off another as it."""
    single = replace(envelope, copies=1)
    payload = encode_courier(single)
    return Letter(sha256(payload).digest()[:NAME], single, payload, depositor, via, regular, envelope.copies)


class Mailbag:
    """Letters by name and by tag, in the order in which they came."""

    def __init__(self) -> None:
        self._letters: dict[bytes, Letter] = {}
        self._by_tag: dict[bytes, dict[bytes, Letter]] = {}
        self._by_owner: Counter[bytes] = Counter()  # depositors and sites
        self._of_strangers = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._letters)

    def __iter__(self) -> Iterator[Letter]:
        return iter(self._letters.values())

    def get(self, name: bytes) -> Letter | None:
        """Return the letter of that name."""
        return self._letters.get(name)

    def tagged(self, tags: Iterable[bytes]) -> list[Letter]:
        """Return the letters for whoever has these tags."""
        return [letter for tag in tags for letter in self._by_tag.get(tag, {}).values()]

    def refusal(self, letter: Letter) -> Reason | None:
        """Say which quota a letter would exceed, the narrowest first."""
        if len(self._by_tag.get(letter.envelope.recipient_tag, ())) >= MAX_MAIL_PER_TAG:
            return Reason.QUOTA_PEER
        if letter.via:
            if self._by_owner[letter.via] >= MAX_MAIL_PER_SITE:
                return Reason.QUOTA_SITE
        elif self._by_owner[letter.depositor] >= (MAX_MAIL_PER_REGULAR if letter.regular else MAX_MAIL_PER_STRANGER):
            return Reason.QUOTA_PEER
        elif not letter.regular and self._of_strangers >= MAX_MAIL_OF_STRANGERS:
            return Reason.QUOTA_CLASS
        if len(self) >= MAX_MAIL or self.bytes + len(letter.payload) > MAX_MAIL_BYTES:
            return Reason.QUOTA_CLASS
        return None

    def add(self, letter: Letter) -> None:
        """Put a letter in."""
        self._letters[letter.name] = letter
        self._by_tag.setdefault(letter.envelope.recipient_tag, {})[letter.name] = letter
        self._count(letter, 1)

    def remove(self, name: bytes) -> Letter | None:
        """Take a letter out."""
        letter = self._letters.pop(name, None)
        if letter is None:
            return None
        tag = letter.envelope.recipient_tag
        del self._by_tag[tag][name]
        if not self._by_tag[tag]:
            del self._by_tag[tag]
        self._count(letter, -1)
        return letter

    def _count(self, letter: Letter, sign: int) -> None:
        owner = letter.via or letter.depositor
        self._by_owner[owner] += sign
        if not self._by_owner[owner]:
            del self._by_owner[owner]
        self._of_strangers += sign * (not letter.via and not letter.regular)
        self.bytes += sign * len(letter.payload)
