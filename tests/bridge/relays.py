"""A Nostr relay for gateways without sockets: it takes what is published, answers, and spreads it to everybody, author included."""

import json

from gateway.wire.nostr import NostrEvent, decode_event, encode_event
from tests.bridge.sites import Sites
from transports.limits import NOSTR_FRAME
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp
from transports.nostr.protocol import Answer, Word, answer_frame, decode_frame, event_frame


class PublicRelay:
    """One relay and the gateways linked to it.

    Attributes:
        word: why it refuses what is published; None while it takes everything.
        answers: whether it says what became of an event.
        published: what gateways sent, in order.

    """

    def __init__(self, sites: Sites, *names: str, place: str = "relay.example") -> None:
        self.link = LinkId(f"nostr:{place}")
        self.word: Word | None = None
        self.answers = True
        self.published: list[NostrEvent] = []
        self._sites = sites
        self._linked: list[str] = []
        for name in names:
            self.join(name)

    def join(self, name: str) -> None:
        self._linked.append(name)
        self._sites[name].outlets[self.link] = lambda frame: self._take(name, frame)
        self._sites.give(name, LinkUp(self.link, NOSTR_FRAME, Capability.RELAY))

    def part(self, name: str) -> None:
        self._linked.remove(name)
        del self._sites[name].outlets[self.link]
        self._sites.give(name, LinkDown(self.link, "it hung up"))

    def bring(self, event: NostrEvent, *names: str) -> None:
        """Send an event to gateways, whatever it is; to all unless told to whom."""
        for name in names or self._linked:
            self._sites.give(name, FrameReceived(self.link, event_frame(encode_event(event))))

    def bring_bytes(self, name: str, frame: bytes) -> None:
        self._sites.give(name, FrameReceived(self.link, frame))

    def answer(self, name: str, event: NostrEvent, accepted: bool, word: Word = Word.OTHER) -> None:
        self.bring_bytes(name, answer_frame(Answer(event.event_id, accepted, word)))

    def _take(self, name: str, frame: bytes) -> None:
        kind, written = json.loads(frame)  # as a relay reads it
        assert kind == "EVENT"
        event = decode_event(json.dumps(written).encode())
        assert decode_frame(frame) == encode_event(event)
        self.published.append(event)
        if self.answers:
            answer = Answer(event.event_id, self.word is None, self.word or Word.OTHER)
            self._sites.later(name, FrameReceived(self.link, answer_frame(answer)))
        if self.word is None and self.published.count(event) == 1:
            for linked in self._linked:
                self._sites.later(linked, FrameReceived(self.link, frame))
