"""Who said what about whom: the gateway's own two documents, those of the others, and which are news to somebody."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256

from gateway.bridge.membership_book import Book
from gateway.bridge.revocations import Lists, is_out, join, rounds, shut_out
from gateway.bridge.revocations import merge as merge_revocations
from gateway.bridge.standing import Standing
from gateway.bridge.standing import merge as merge_rosters
from gateway.bridge.tickets import Sign
from gateway.limits import MAX_FEDERATION, MAX_REVOKED
from gateway.wire import federation as wire
from gateway.wire.federation import Have, Held, ShutOut
from gateway.wire.federation import Membership as RosterNews
from gateway.wire.roster import DIGEST, MAX_VERSION, Document, Revocations, Roster, digest, is_genuine, newer, signed_bytes
from gateway.wire.ticket import Scope

_NOTHING = bytes(DIGEST)


class News:
    """The documents a gateway has.

    Args:
        own: its key.
        sign: with it.
        book: where the others' documents are kept, and what its own say.

    """

    def __init__(self, own: bytes, sign: Sign, book: Book) -> None:
        self._own = own
        self._sign = sign
        self._book = book
        self._roster, self._revocations = self._signed()

    def shut_out_by(self) -> dict[bytes, frozenset[bytes]]:
        """Return whom everybody shuts out, by issuer, this gateway included."""
        return {issuer: shut_out(lists) for issuer, lists in (*self._book.revocations.items(), (self._own, (self._revocations,)))}

    def publish(self) -> tuple[bytes, bytes]:
        """Sign what the book says now, in a new version; returns the two messages that say so."""
        self._book.version += 1
        self._roster, self._revocations = self._signed()
        return wire.encode(RosterNews(self._roster)), wire.encode(ShutOut(self._revocations))

    def have(self) -> bytes:
        """Return the message that says which documents there are."""
        return wire.encode(Have(tuple(_held(*one) for one in self._all())))

    def lacking(self, theirs: Have) -> Iterator[bytes]:
        """Return the messages with everything that somebody lacks who has this."""
        known = {one.issuer: one for one in theirs.held}
        for issuer, roster, lists in self._all():
            ours, other = _held(issuer, roster, lists), known.get(issuer, Held(issuer, 0, _NOTHING, _NOTHING))
            if roster is not None and ours.version >= other.version and ours.roster != other.roster:
                yield wire.encode(RosterNews(roster))
            if ours.revocations != other.revocations:
                yield from (wire.encode(ShutOut(one)) for one in lists)

    def learn(self, message: RosterNews | ShutOut, members: Callable[[], Mapping[bytes, Standing]]) -> tuple[bytes, ...]:
        """Take a document if it is news, genuine, and from somebody who counts.

        Args:
            message: as it came.
            members: works out who is a member.

        Returns:
            The messages that tell others; none where it was not taken.

        """
        document = message.roster if isinstance(message, RosterNews) else message.revocations
        is_own = document.issuer == self._own
        if not self._is_news(document) or not (is_own or _counts(document.issuer, members())) or not is_genuine(document):
            return ()
        if is_own:
            return self._recover(document)
        held = self._book.rosters if isinstance(document, Roster) else self._book.revocations
        if document.issuer not in held and len(held) >= MAX_FEDERATION:
            return ()
        if isinstance(document, Roster):
            self._book.rosters = merge_rosters(self._book.rosters, {document.issuer: document})
        else:
            self._book.revocations = merge_revocations(self._book.revocations, {document.issuer: (document,)})
        return (wire.encode(message),)

    def _is_news(self, document: Document) -> bool:
        """Tell whether taking a document would change anything; asked before its signature, which costs more."""
        own = document.issuer == self._own
        if isinstance(document, Revocations):
            known = (self._revocations,) if own else self._book.revocations.get(document.issuer, ())
            return join(known, (document,)) != known
        held = self._roster if own else self._book.rosters.get(document.issuer)
        return held is None or (newer(held, document) is document and signed_bytes(held) != signed_bytes(document))

    def forget_all_but(self, members: Mapping[bytes, Standing]) -> None:
        """Drop the documents of everybody whose word does not count."""
        book = self._book
        book.rosters = {issuer: roster for issuer, roster in book.rosters.items() if _counts(issuer, members)}
        book.revocations = {issuer: lists for issuer, lists in book.revocations.items() if _counts(issuer, members)}

    def _recover(self, document: Document) -> tuple[bytes, ...]:
        """Catch up with what we said before we were restored from an old backup: nobody we shut out comes back by that."""
        book = self._book
        if isinstance(document, Revocations):
            known = rounds((self._revocations,))
            news = [one for one in document.revoked if one.round > known.get(one.key, 0)]
            joined = sorted((book.revoked | {one.key: one for one in news}).values(), key=lambda one: not is_out(one.round))
            book.revoked = {one.key: one for one in joined[:MAX_REVOKED]}  # of too many, those who were pardoned stay away
            for key in shut_out((document,)) & book.members.keys():
                del book.members[key]
        book.version = max(book.version, min(document.version, MAX_VERSION - 1))
        return self.publish()

    def _signed(self) -> tuple[Roster, Revocations]:
        book = self._book
        roster = Roster(self._own, book.version, tuple(book.members[key] for key in sorted(book.members)))
        revocations = Revocations(self._own, book.version, tuple(book.revoked[key] for key in sorted(book.revoked)))
        return (
            replace(roster, signature=self._sign(signed_bytes(roster))),
            replace(revocations, signature=self._sign(signed_bytes(revocations))),
        )

    def _all(self) -> Iterator[tuple[bytes, Roster | None, Lists]]:
        yield self._own, self._roster, (self._revocations,)
        for issuer in sorted(self._book.rosters.keys() | self._book.revocations.keys()):
            yield issuer, self._book.rosters.get(issuer), self._book.revocations.get(issuer, ())


def _counts(issuer: bytes, members: Mapping[bytes, Standing]) -> bool:
    return issuer in members and Scope.INVITE in members[issuer].scope


def _held(issuer: bytes, roster: Roster | None, lists: Lists) -> Held:
    version, digested = (0, _NOTHING) if roster is None else (roster.version, digest(roster))
    return Held(issuer, version, digested, sha256(b"".join(digest(one) for one in lists)).digest()[:DIGEST] if lists else _NOTHING)
