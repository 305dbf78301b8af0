"""Who said what about whom: the gateway's own two documents, those of the others, and which are news to somebody."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from gateway.bridge.membership_book import Book
from gateway.bridge.standing import Standing, merge
from gateway.bridge.tickets import Sign
from gateway.limits import MAX_FEDERATION
from gateway.wire import federation as wire
from gateway.wire.federation import Have, Held, ShutOut
from gateway.wire.federation import Membership as RosterNews
from gateway.wire.roster import DIGEST, MAX_VERSION, Document, Revocations, Roster, digest, is_genuine, signed_bytes
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

    def all_revocations(self) -> Mapping[bytes, Revocations]:
        """Return whom everybody shuts out, by issuer, this gateway included."""
        return {**self._book.revocations, self._own: self._revocations}

    def publish(self) -> tuple[bytes, bytes]:
        """Sign what the book says now, in a new version; returns the two messages that say so."""
        self._book.version += 1
        self._roster, self._revocations = self._signed()
        return wire.encode(RosterNews(self._roster)), wire.encode(ShutOut(self._revocations))

    def have(self) -> bytes:
        """Return the message that says which documents there are."""
        return wire.encode(Have(tuple(_held(issuer, roster, revocations) for issuer, roster, revocations in self._all())))

    def lacking(self, theirs: Have) -> Iterator[bytes]:
        """Return the messages with everything that somebody lacks who has this."""
        known = {one.issuer: one for one in theirs.held}
        for issuer, roster, revocations in self._all():
            one = known.get(issuer, Held(issuer, 0, _NOTHING, 0, _NOTHING))
            if roster is not None and _is_news(roster, one.roster, one.roster_digest):
                yield wire.encode(RosterNews(roster))
            if revocations is not None and _is_news(revocations, one.revocations, one.revocations_digest):
                yield wire.encode(ShutOut(revocations))

    def learn(self, message: RosterNews | ShutOut, members: Callable[[], Mapping[bytes, Standing]]) -> tuple[bytes, ...]:
        """Take a document if it is news, genuine, and from somebody who counts.

        Args:
            message: as it came.
            members: works out who is a member.

        Returns:
            The messages that tell others; none where it was not taken.

        """
        document = message.roster if isinstance(message, RosterNews) else message.revocations
        if document.issuer == self._own:
            return self._recover(document)
        held = self._book.rosters if isinstance(document, Roster) else self._book.revocations
        before = held.get(document.issuer)
        if before is not None and _order(document) <= _order(before):
            return ()
        issuer = members().get(document.issuer)
        if issuer is None or not issuer.scope & Scope.INVITE or not is_genuine(document):
            return ()
        if before is None and len(held) >= MAX_FEDERATION:
            return ()
        if isinstance(document, Roster):
            self._book.rosters = merge(self._book.rosters, {document.issuer: document})
        else:
            self._book.revocations = merge(self._book.revocations, {document.issuer: document})
        return (wire.encode(message),)

    def forget_all_but(self, members: Mapping[bytes, Standing]) -> None:
        """Drop the documents of everybody whose word does not count."""
        for held in (self._book.rosters, self._book.revocations):
            for issuer in [one for one in held if one not in members or not members[one].scope & Scope.INVITE]:
                del held[issuer]

    def _recover(self, document: Document) -> tuple[bytes, ...]:
        """Catch up with what we said before we were restored from an old backup: nobody we shut out comes back by that."""
        own = self._roster if isinstance(document, Roster) else self._revocations
        if _order(document) <= _order(own) or document.version >= MAX_VERSION or not is_genuine(document):
            return ()
        if isinstance(document, Revocations):
            self._book.revoked = {one.key: one for one in document.revoked} | self._book.revoked
            for one in document.revoked:
                self._book.members.pop(one.key, None)
        self._book.version = document.version
        return self.publish()

    def _signed(self) -> tuple[Roster, Revocations]:
        book = self._book
        roster = Roster(self._own, book.version, tuple(book.members[key] for key in sorted(book.members)))
        revocations = Revocations(self._own, book.version, tuple(book.revoked[key] for key in sorted(book.revoked)))
        return (
            replace(roster, signature=self._sign(signed_bytes(roster))),
            replace(revocations, signature=self._sign(signed_bytes(revocations))),
        )

    def _all(self) -> Iterator[tuple[bytes, Roster | None, Revocations | None]]:
        yield self._own, self._roster, self._revocations
        for issuer in sorted(self._book.rosters.keys() | self._book.revocations.keys()):
            yield issuer, self._book.rosters.get(issuer), self._book.revocations.get(issuer)


def _order(document: Document) -> tuple[int, bytes]:
    return document.version, signed_bytes(document)


def _is_news(document: Document, version: int, known: bytes) -> bool:
    return document.version > version or (document.version == version and digest(document) != known)


def _held(issuer: bytes, roster: Roster | None, revocations: Revocations | None) -> Held:
    return Held(
        issuer,
        0 if roster is None else roster.version,
        _NOTHING if roster is None else digest(roster),
        0 if revocations is None else revocations.version,
        _NOTHING if revocations is None else digest(revocations),
    )
