"""Courier mail: sealed letters for people who are away, held until they are here (spec section 11).

    phone ── deposit ──▶ checks, quotas ──▶ LetterKept ─ ─ disk ─ ─▶ LetterStored ──▶ held
                                                                                       │
     verified announce of somebody whose tag it bears ── "prove it" ──▶ handed over ◀──┤ a direct neighbour
                                                         a copy towards, now and then ◀┤ somebody hops away
     verified announce of somebody who carries mail ──── half the copies ◀─────────────┘

Rules, upstream's where nothing else is said:

* A letter is taken from whoever is at the other end of the link it comes over, signed, and lives a day at most.
* Nothing is done with a letter, and nobody told of it, before it is on the disk.
* It is handed over to whoever has proved, on the link it goes over, to own the key behind its tag: an announce alone can be
  played again, and what was handed over is not held any more.
* It counts as delivered when the link has outlived it; before that a lost link puts it back.
* What has ended is remembered, so that no copy of it is taken again.

There is no capability for any of this in BitChat: phones leave letters with every neighbour whose announce they have verified.
Source: BitChat iOS CourierStore.swift.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable

from gateway.errors import DecodeError, Reason
from gateway.limits import (
    ALL_MAIL_BURST,
    ALL_MAIL_RATE,
    FRAGMENT_CHUNK,
    HANDOVER_BYTES,
    HANDOVER_SETTLE_S,
    MAIL_AGAIN_S,
    MAIL_STORE_S,
    MAX_ENDED_MAIL,
    MAX_MAIL_LIFETIME_MS,
    MAX_TTL,
)
from gateway.mesh.effects import Effect
from gateway.mesh.events import LetterStored
from gateway.mesh.identity import Identity
from gateway.mesh.letters import Handed, Letter, Mailbag, letter_of
from gateway.mesh.links import Link, Links
from gateway.mesh.outbound import FRAGMENT_SPACING_S
from gateway.mesh.peers import Peer, PeerTable
from gateway.mesh.private import Outgoing
from gateway.mesh.records import Decided, LetterEnded, LetterGiven, LetterKept, Verb
from gateway.mesh.speaker import Speaker
from gateway.session.presence import Presence
from gateway.session.rate import TokenBucket
from gateway.wire.courier import CourierEnvelope, candidate_tags, decode_courier, encode_courier, epoch_day
from gateway.wire.packet import Header, payload_of
from gateway.wire.types import Capability, MessageType
from transports.link import LinkId

MOST_DOUBLINGS = 6  # of the pause between two copies towards somebody hops away: ten hours


class PostOffice:
    """Holds letters, and hands them over.

    Args:
        identity: of this node.
        randbytes: source of ephemeral keys.
        speaker: sends what this node says.
        links: the local links.
        peers: who is there.

    Attributes:
        bag: the letters that are held.
        ended: those that are not any more, and are known so that no copy is taken again.
        news: letters that were delivered, for whoever tells the sites.
        counts: what was done since the start, by name.
        refused: what was not taken since the start, by reason.

    """

    def __init__(self, identity: Identity, randbytes: Callable[[int], bytes], speaker: Speaker, links: Links, peers: PeerTable) -> None:
        self._own_id = identity.peer_id
        self._own_key = identity.noise_public
        self._speaker = speaker
        self._links = links
        self._peers = peers
        self._presence = Presence(identity.noise_private, randbytes)
        self._proved: dict[LinkId, bytes] = {}
        self._budget = TokenBucket(ALL_MAIL_RATE, ALL_MAIL_BURST)
        self.bag = Mailbag()
        self.ended: OrderedDict[bytes, LetterEnded] = OrderedDict()
        self.news: deque[LetterEnded] = deque(maxlen=MAX_ENDED_MAIL)
        self.counts: Counter[str] = Counter()
        self.refused: Counter[Reason] = Counter()

    def deposit(
        self, frame: bytes, header: Header, packet_id: bytes, link: Link | None, effects: list[Effect], now: float, wall_ms: int
    ) -> Reason | None:
        """Take what a phone leaves here, whose signature was verified; returns why not, None if it is taken or was.

        Raises:
            DecodeError: it is no envelope.

        """
        if link is None or link.peer_id != header.sender_id or header.ttl != MAX_TTL:
            return Reason.MISDIRECTED
        if not link.letters.take(now):
            return Reason.RATE
        envelope = decode_courier(payload_of(frame, header))
        letter = letter_of(envelope, depositor=header.sender_id, regular=self._peers.pins.is_regular(header.sender_id))
        effects += [
            Decided(packet_id, Verb.KNOWN_AS, "", detail=letter.name),
            Decided(letter.name, Verb.KNOWN_AS, "", detail=packet_id),
        ]
        return self._refused(letter, self.take(letter, effects, now, wall_ms), effects)

    def take(self, letter: Letter, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        """Have a letter written down, if it may be held at all; returns why not.

        DUPLICATE is one that is held already or has ended.
        """
        if letter.name in self.ended:
            return Reason.DUPLICATE
        known = self.bag.get(letter.name)
        if known is not None:
            if letter.copies > known.copies and not known.holders:  # the original came after a copy of it
                known.copies = letter.copies
                effects.append(LetterGiven(known.name, known.copies, ()))
            return Reason.DUPLICATE
        if letter.envelope.expiry_ms <= wall_ms:
            return Reason.EXPIRED
        if letter.envelope.expiry_ms > wall_ms + MAX_MAIL_LIFETIME_MS:
            return Reason.WINDOW
        if letter.envelope.recipient_tag in candidate_tags(self._own_key, epoch_day(wall_ms / 1000)):
            return Reason.UNREAD
        reason = self.bag.refusal(letter)
        if reason is None and not self._budget.take(now):
            reason = Reason.RATE
        if reason is None:
            letter.stored_by = now + MAIL_STORE_S
            self.bag.add(letter)
            effects.append(letter.record())
        return reason

    def stored(self, event: LetterStored, effects: list[Effect]) -> None:
        """Learn that a letter is on the disk, or that it is not."""
        letter = self.bag.get(event.name)
        if letter is None or letter.stored_by is None:
            return
        if event.refused is None:
            letter.stored_by = None
            self.counts["taken"] += 1
            effects.append(Decided(letter.name, Verb.HELD, letter.via, "site" if letter.via else "phone", detail=_size(letter)))
            return
        self.bag.remove(letter.name)
        self._refused(letter, event.refused, effects)

    def remember(self, letters: Iterable[LetterKept], ended: Iterable[LetterEnded]) -> None:
        """Take back what was held before a restart, and what had ended, the latest first."""
        for one in ended:
            if self.bag.get(one.name) is None and one.name not in self.ended and len(self.ended) < MAX_ENDED_MAIL:
                self.ended[one.name] = one
                self.ended.move_to_end(one.name, last=False)
        for kept in letters:
            known = self.bag.get(kept.name)
            if known is not None or kept.name in self.ended:
                continue
            try:
                envelope = decode_courier(kept.payload)
            except DecodeError:
                continue  # written by another version
            letter = letter_of(envelope, depositor=kept.depositor, via=kept.via, regular=kept.regular)
            letter.copies, letter.holders = kept.copies, dict.fromkeys(kept.holders)
            self.bag.add(letter)

    def met(self, peer: Peer, effects: list[Effect], now: float, wall_ms: int) -> None:
        """Somebody's announce was heard on the radio, and verified: perhaps there is mail."""
        if not self.bag:
            return
        mine = self.waiting_for(peer, wall_ms)
        link = self._links.to_peer(peer.peer_id)
        if link is not None and self._proved.get(link) == peer.peer_id:
            self._serve(link, peer, effects, now, wall_ms)
            return
        if link is not None and (mine or self._to_copy(peer, wall_ms)):
            question = self._presence.ask(peer.peer_id, now)
            if question is not None:
                self._speaker.noise([Outgoing(MessageType.NOISE_HANDSHAKE, peer.peer_id, question)], effects, now)
        if link is None or self._presence.has_failed(peer.peer_id, now):
            for letter in mine:
                self._send_towards(letter, peer, effects, now)

    def answered(self, sender_id: bytes, payload: bytes, link: Link | None, effects: list[Effect], now: float, wall_ms: int) -> bool:
        """Take a handshake message for this node; True if it proves that its sender is at the other end of the link it came over."""
        if link is None or link.peer_id != sender_id or not self._presence.proves(sender_id, payload, now):
            return False
        self._proved[link.id] = sender_id
        peer = self._peers.get(sender_id)
        if peer is not None:
            self._serve(link.id, peer, effects, now, wall_ms)
        return True

    def link_down(self, gone: LinkId, peer_id: bytes | None, effects: list[Effect]) -> None:
        """Put back what may not have left over a link that is gone."""
        self._proved.pop(gone, None)
        if peer_id is not None:
            self._presence.forget(peer_id)
        for letter in self.bag:
            if letter.handed is not None and letter.handed.link == gone:
                letter.handed = None
                effects.append(Decided(letter.name, Verb.TAKEN_BACK))

    def tidy(self, effects: list[Effect], now: float, wall_ms: int) -> None:
        """End what is over, count as delivered what has settled, and go on with whoever has more coming."""
        if not self.bag:
            return
        for letter in list(self.bag):
            if letter.handed is not None and letter.handed.settles_at <= now:
                self.end(letter.name, None, effects)
            elif letter.envelope.expiry_ms <= wall_ms and letter.handed is None:
                self.end(letter.name, Reason.EXPIRED, effects)
            elif letter.stored_by is not None and letter.stored_by <= now:
                self.stored(LetterStored(letter.name, Reason.STORE), effects)
        for link, peer_id in tuple(self._proved.items()):
            peer = self._peers.get(peer_id)
            if self._links.to_peer(peer_id) != link:
                del self._proved[link]  # bound to somebody else since
            elif peer is not None:
                self._serve(link, peer, effects, now, wall_ms)

    def end(self, name: bytes, reason: Reason | None, effects: list[Effect], by: bytes = b"") -> None:
        """Hold a letter no more: it was delivered, by a site if that is named, or `reason` says why it never will be."""
        letter = self.bag.remove(name)
        if letter is None:
            return
        ended = LetterEnded(name, reason, tuple({letter.via: None, **letter.holders} if letter.via else letter.holders))
        self.ended[name] = ended
        if len(self.ended) > MAX_ENDED_MAIL:
            self.ended.popitem(last=False)
        effects.append(ended)
        if reason is None:
            self.news.append(ended)
            self.counts["delivered"] += 1
            effects.append(Decided(name, Verb.DELIVERED, by or "radio", "mail"))
        else:
            effects.append(Decided(name, Verb.DROPPED, "", "mail", reason))

    @property
    def dead(self) -> Counter[Reason]:
        """Count what has ended without being delivered and is remembered, by reason."""
        return Counter(one.reason for one in self.ended.values() if one.reason is not None)

    def waiting_for(self, peer: Peer, wall_ms: int) -> list[Letter]:
        """Return the letters for the owner of an announced key that wait."""
        tags = candidate_tags(peer.announce.noise_public_key, epoch_day(wall_ms / 1000))
        return [letter for letter in self.bag.tagged(tags) if letter.waits]

    def _serve(self, link: LinkId, peer: Peer, effects: list[Effect], now: float, wall_ms: int) -> None:
        """Hand over what there is for somebody who has proved to be here, and copies of the rest if that is a courier."""
        room = HANDOVER_BYTES - sum(len(letter.payload) for letter in self.bag if letter.handed is not None and letter.handed.link == link)
        for letter in self.waiting_for(peer, wall_ms):
            if room <= 0:
                return
            room -= len(letter.payload)
            if self._send(letter, letter.payload, peer, effects, now):
                pieces = 1 + len(letter.payload) // FRAGMENT_CHUNK
                letter.handed = Handed(link, now + pieces * FRAGMENT_SPACING_S + HANDOVER_SETTLE_S)
                effects.append(Decided(letter.name, Verb.HANDED_OVER))
                self.counts["handed_over"] += 1
        for letter in self._to_copy(peer, wall_ms):
            if room <= 0:
                return
            room -= len(letter.payload)
            given = letter.copies // 2
            if self._send(letter, encode_courier(_copies(letter.envelope, given)), peer, effects, now):
                letter.copies -= given
                effects += [letter.hold(peer.peer_id), Decided(letter.name, Verb.COPIED, detail=f"copies {given}")]
                self.counts["copied"] += 1

    def _to_copy(self, peer: Peer, wall_ms: int) -> list[Letter]:
        """Return the letters a courier may have a copy of; only iOS phones carry mail, and all of them state prekeys."""
        if not (peer.announce.capabilities or 0) & Capability.PREKEYS:
            return []
        tags = candidate_tags(peer.announce.noise_public_key, epoch_day(wall_ms / 1000))
        return [
            letter
            for letter in self.bag
            if letter.copies > 1
            and letter.waits
            and letter.depositor != peer.peer_id
            and peer.peer_id not in letter.holders
            and letter.envelope.recipient_tag not in tags
        ]

    def _send_towards(self, letter: Letter, peer: Peer, effects: list[Effect], now: float) -> None:
        """Send a copy that may get there, and hold the letter all the same."""
        if now >= letter.next_attempt and self._send(letter, letter.payload, peer, effects, now):
            letter.next_attempt = now + MAIL_AGAIN_S * 2 ** min(letter.attempts, MOST_DOUBLINGS)
            letter.attempts += 1
            effects.append(Decided(letter.name, Verb.COPIED, rule="towards"))
            self.counts["sent_towards"] += 1

    def _send(self, letter: Letter, payload: bytes, peer: Peer, effects: list[Effect], now: float) -> bool:
        packet_id = self._speaker.mail(payload, peer.peer_id, effects, now)
        if packet_id is None:
            return False
        effects.append(Decided(packet_id, Verb.KNOWN_AS, "", detail=letter.name))
        return True

    def _refused(self, letter: Letter, reason: Reason | None, effects: list[Effect]) -> Reason | None:
        """Say so where a letter is not taken; one that is known already is no refusal."""
        if reason is Reason.DUPLICATE:
            self.counts["known"] += 1
            return None
        if reason is not None:
            self.refused[reason] += 1
            effects.append(Decided(letter.name, Verb.REFUSED, letter.via or "radio", "mail", reason))
        return reason


def _copies(envelope: CourierEnvelope, copies: int) -> CourierEnvelope:
    return CourierEnvelope(envelope.recipient_tag, envelope.expiry_ms, envelope.ciphertext, copies, envelope.prekey_id)


def _size(letter: Letter) -> str:
    return f"courierEnvelope {len(letter.payload)} bytes ttl 0"
