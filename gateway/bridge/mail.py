"""Courier mail between sites: a letter follows the announce of whoever it is for.

    site A, where it was left          site B, where the recipient turns up
      │ ◀───── the recipient's announce, as any packet crosses ───── │
      │ MAIL   the letter ─────────────────────────────────────────▶ │  on its disk, then:
      │ ◀───── NEWS "held" ───────────────────────────────────────── │
      │ ◀───── NEWS "delivered" ──────────────────────────────────── │  handed over

Only an announce says whose tag a letter bears, and in open mode announces cross; so a letter
goes to the one site where its recipient is, and not to all. Each site on the way takes it
into its own keeping, answers once it is on the disk, and tells whoever it has it from (or
has given it to) when it was delivered. A site's word that a letter was delivered counts only
if it was given that letter. In consent mode no mail crosses: nobody signed it for the bridge.
"""

from collections.abc import Iterable
from enum import IntEnum
from math import inf

from gateway.bridge.gate import Gate, Refusal, Subject
from gateway.bridge.policy import HERE, Mode
from gateway.bridge.policy import Kind as Sort
from gateway.bridge.post import Post
from gateway.bridge.provenance import Provenance
from gateway.bridge.sites import Site, Sites
from gateway.bridge.telling import tell_kept_from, tell_refused
from gateway.errors import DecodeError, Reason
from gateway.limits import MAIL_OFFER_S, MAX_ENDED_MAIL, MAX_MAIL_ROUND_BYTES
from gateway.mesh.effects import Effect
from gateway.mesh.engine import Mesh
from gateway.mesh.letters import NAME, Letter, letter_of
from gateway.mesh.postoffice import PostOffice
from gateway.mesh.records import Decided, Verb
from gateway.wire.courier import decode_courier
from gateway.wire.envelope import Envelope, Kind

KINDS = frozenset({Kind.MAIL, Kind.NEWS})
"""The envelopes that are about mail."""

MOST_DOUBLINGS = 6  # of the time before a letter is given again: an hour


class News(IntEnum):
    """What a site says of a letter it was given: one byte before its name."""

    HELD = 1  # on its disk
    DELIVERED = 2
    FULL = 3  # no room now
    REFUSED = 4  # never


class MailExchange:
    """Gives letters to the sites where their recipients are, and takes those others give.

    Args:
        mesh: the local mesh, whose post office it serves.
        sites: the links to other sites.
        provenance: which sites have what.
        gate: what may cross, and for how much air.
        drops: where refusals are counted.

    """

    def __init__(self, mesh: Mesh, sites: Sites, provenance: Provenance, gate: Gate, drops: dict[Reason, int]) -> None:
        self._mesh = mesh
        self._own_id = mesh.identity.peer_id
        self._sites = sites
        self._post = Post(self._own_id, sites, provenance)
        self._gate = gate
        self._drops = drops

    def announced(self, peer_id: bytes, effects: list[Effect], now: float) -> None:
        """Give the site where somebody was announced the letters that wait here for that person."""
        office, peer, wall_ms = self._mesh.office, self._mesh.peers.get(peer_id), self._mesh.wall_ms(now)
        if office is None or not office.bag or peer is None or wall_ms is None or peer.is_local(now):
            return
        site = self._sites.home_of(peer_id, now)
        if site is None or not site.greeted or Kind.MAIL not in site.kinds:
            return
        room = MAX_MAIL_ROUND_BYTES
        for letter in office.waiting_for(peer, wall_ms):
            tries, again_at = letter.offers.get(site.site_id, (0, -inf))
            if letter.via == site.site_id or site.site_id in letter.holders or now < again_at:
                continue
            room -= len(letter.payload)
            if room < 0:
                return
            letter.offers[site.site_id] = (tries + 1, now + MAIL_OFFER_S * 2 ** min(tries, MOST_DOUBLINGS))
            what = _subject(letter.name, letter.depositor or letter.via, letter.payload)
            passage = self._gate.outward(what, letter.via or HERE, (site,), now, pays=not letter.via)
            tell_kept_from(letter.name, passage.untold, effects)
            self._post.send(self._wrap(letter, wall_ms), passage.allowed, effects, now, "mail")

    def from_site(self, site: Site, envelope: Envelope, effects: list[Effect], now: float) -> Reason | None:
        """Take an envelope about mail; returns why it is refused, None if it is taken."""
        office, wall_ms = self._mesh.office, self._mesh.wall_ms(now)
        if office is None:
            return Reason.MAIL_OFF
        if wall_ms is None:
            return Reason.CLOCK
        try:
            if envelope.kind is Kind.NEWS:
                self._hear(office, site, envelope.body, effects)
                return None
            letter = letter_of(decode_courier(envelope.body), via=site.site_id)
        except DecodeError as error:
            return error.reason
        if letter.name != envelope.packet_id:
            return Reason.ENVELOPE
        if not site.letters.take(now):
            return Reason.RATE
        what = _subject(letter.name, site.site_id, envelope.body)
        refusal = self._gate.refuses(what, site, now)
        if refusal is None and not self._gate.pays(what, site, now):
            refusal = Refusal(Reason.AIR_TIME)
        if refusal is None:
            reason = office.take(letter, effects, now, wall_ms)
            if reason is None:
                self._gate.passed(what, site, now)
                return None
            refusal = Refusal(reason)
        if refusal.reason is not Reason.DUPLICATE:
            office.refused[refusal.reason] += 1
            tell_refused(letter.name, site, refusal, effects)
        self._answer(office, site, letter.name, refusal.reason, effects, now)
        return refusal.reason

    def stored(self, name: bytes, via: bytes, refused: Reason | None, effects: list[Effect], now: float) -> None:
        """Answer the site a letter came from, now that the disk has answered."""
        site, office = self._sites.named(via), self._mesh.office
        if site is not None and office is not None:
            self._answer(office, site, name, refused, effects, now)

    def delivered(self, effects: list[Effect], now: float) -> None:
        """Tell everybody who has a copy of what was delivered since the last time."""
        office = self._mesh.office
        if office is None or not office.news:
            return
        while office.news:
            ended = office.news.popleft()
            for site in (self._sites.named(holder) for holder in ended.holders):
                if site is not None:
                    self._tell(site, [(News.DELIVERED, ended.name)], effects, now)

    def greeted(self, site: Site, effects: list[Effect], now: float) -> None:
        """Tell a site that has just said who it is which of the letters it has were delivered."""
        office = self._mesh.office
        if office is None or Kind.NEWS not in site.kinds:
            return
        gone = [ended.name for ended in office.ended.values() if ended.reason is None and site.site_id in ended.holders]
        if gone:
            self._tell(site, [(News.DELIVERED, name) for name in gone], effects, now)

    def _hear(self, office: PostOffice, site: Site, body: bytes, effects: list[Effect]) -> None:
        for news, name in split_news(body):
            letter = office.bag.get(name)
            if letter is None:
                continue
            knows = letter.via == site.site_id or site.site_id in letter.holders
            if site.site_id not in letter.offers and not (knows and news is News.DELIVERED):
                self._drops[Reason.UNSOLICITED] += 1
            elif news is News.DELIVERED:
                office.end(name, None, effects, by=site.site_id)
            elif news is News.HELD and not knows:
                effects += [letter.hold(site.site_id), Decided(name, Verb.SITE_HOLDS, site.site_id)]
                office.counts["given_to_sites"] += 1
            elif news is News.REFUSED:
                letter.offers[site.site_id] = (0, inf)
                effects.append(Decided(name, Verb.REFUSED, site.site_id, "theirs"))

    def _answer(self, office: PostOffice, site: Site, name: bytes, reason: Reason | None, effects: list[Effect], now: float) -> None:
        """Say what became of a letter; nothing yet where the disk has not answered."""
        letter, ended = office.bag.get(name), office.ended.get(name)
        if letter is not None:
            if letter.via != site.site_id and site.site_id not in letter.holders:
                effects.append(letter.hold(site.site_id))  # it gave us a copy of what another did
            if letter.stored_by is None:
                self._tell(site, [(News.HELD, name)], effects, now)
        elif ended is not None and ended.reason is None:
            self._tell(site, [(News.DELIVERED, name)], effects, now)
        else:
            never = ended is not None or reason in (Reason.EXPIRED, Reason.WINDOW, Reason.UNREAD, Reason.DUPLICATE)
            self._tell(site, [(News.REFUSED if never else News.FULL, name)], effects, now)

    def _tell(self, site: Site, news: Iterable[tuple[News, bytes]], effects: list[Effect], now: float) -> None:
        body = b"".join(bytes((one,)) + name for one, name in news)
        self._post.tell(Kind.NEWS, body, self._mesh.wall_ms(now) or 0, (site,), effects)

    def _wrap(self, letter: Letter, wall_ms: int) -> Envelope:
        return Envelope(
            packet_id=letter.name,
            kind=Kind.MAIL,
            origin=self._own_id,
            seen=(),
            created_ms=wall_ms,
            expires_ms=letter.envelope.expiry_ms,
            body=letter.payload,
        )


def _subject(name: bytes, sender: bytes, payload: bytes) -> Subject:
    """Return what a rule may know of a letter: it bears no signature, and whoever left it is known at the first site alone."""
    return Subject(name, Sort.COURIER, sender, len(payload), directed=True, signed=False, mode=Mode.OPEN)


def split_news(body: bytes) -> list[tuple[News, bytes]]:
    """Return what the body of a NEWS says, kinds of news of a newer version left out; raises `DecodeError` (ENVELOPE or OVERSIZED)."""
    size = 1 + NAME
    if len(body) % size:
        raise DecodeError(Reason.ENVELOPE, "news have 17 bytes each")
    if len(body) > size * MAX_ENDED_MAIL:
        raise DecodeError(Reason.OVERSIZED, "too much news")
    known = frozenset(News)
    return [(News(body[at]), body[at + 1 : at + size]) for at in range(0, len(body), size) if body[at] in known]
