"""Sites that hold mail, with disks that answer, and phones that come and go."""

from dataclasses import replace
from random import Random

from gateway.bridge.mail import News, split_news
from gateway.errors import Reason
from gateway.mesh.events import LetterStored
from gateway.mesh.letters import letter_of
from gateway.mesh.postoffice import PostOffice
from gateway.mesh.records import LetterEnded, LetterGiven, LetterKept
from gateway.session.noise import Handshake
from gateway.wire import envelope as wire
from gateway.wire.courier import CourierEnvelope, encode_courier
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.packet import payload_of, peek
from gateway.wire.types import MessageType
from tests.bridge.sites import Site, Sites
from tests.mesh.mail import opened, sealed
from tests.mesh.nodes import Node


class Post(Sites):
    """Open sites that hold mail; `refuses` names those whose disk takes nothing, and why."""

    def __init__(self, *names: str, **options: object) -> None:
        self.refuses: dict[str, Reason] = {}
        self.disks: dict[str, dict[bytes, LetterKept]] = {name: {} for name in names}
        self.ended: dict[str, dict[bytes, LetterEnded]] = {name: {} for name in names}
        super().__init__(*names, **{"carries_mail": True, **options})

    def office(self, name: str) -> PostOffice:
        office = self[name].engine.mesh.office
        assert office is not None
        return office

    def _handle(self, site: Site, event: object) -> None:
        seen = len(site.notices)
        super()._handle(site, event)
        name = self._name(site) if site in self.sites.values() else ""
        for notice in site.notices[seen:]:
            match notice:
                case LetterKept():
                    reason = self.refuses.get(name)
                    if reason is None:
                        self.disks[name][notice.name] = notice
                    super()._handle(site, LetterStored(notice.name, reason))
                case LetterEnded():
                    self.ended[name][notice.name] = notice
                    self.disks[name].pop(notice.name)
                case LetterGiven():
                    kept = self.disks[name][notice.name]
                    self.disks[name][notice.name] = replace(kept, copies=notice.copies, holders=notice.holders)

    def phone(self, name: str) -> Node:
        return Node(name, self)

    def leave(self, name: str, sender: Node, envelope: CourierEnvelope) -> bytes:
        """Somebody near a site leaves a letter there; returns its name."""
        self.radio(name, sender.announce())
        self.radio(name, sender.packet(MessageType.COURIER, encode_courier(envelope), to=self[name].engine.site_id))
        return letter_of(envelope).name

    def letter(self, name: str, text: str = "hello") -> bytes:
        """Ada leaves a letter for Ben at a site."""
        ada = self.phone("ada")
        return self.leave(name, ada, sealed(ada, self.phone("ben"), text, self.now))

    def come(self, name: str, node: Node, *, proves: bool = True) -> None:
        """Somebody announces himself near a site, and proves it if asked."""
        heard = len(self[name].air)
        self.radio(name, node.announce())
        asked = [frame for frame in self[name].air[heard:] if frame[1] == MessageType.NOISE_HANDSHAKE]
        for frame in asked if proves else []:
            handshake = Handshake(initiator=False, static_private=node.identity.noise_private, ephemeral=Random(node.name).randbytes(32))
            handshake.read(payload_of(frame, peek(frame)))
            answer = node.packet(MessageType.NOISE_HANDSHAKE, handshake.write(), to=self[name].engine.site_id, signed=False)
            self.radio(name, answer)

    def stay(self, name: str, node: Node, seconds: float = 60.0) -> None:
        """Somebody is near a site for so long."""
        until = self.now + seconds
        while self.now < until:
            self.come(name, node)
            self.run(min(15.0, until - self.now))

    def read(self, name: str, node: Node) -> list[str]:
        """What somebody has read in letters a site put on its radio."""
        frames = [frame for frame in self[name].air if frame[1] == MessageType.COURIER and peek(frame).recipient_id == node.peer_id]
        return [opened(node, payload_of(frame, peek(frame))) for frame in frames]

    def sent(self, source: str, target: str, kind: Kind) -> list[Envelope]:
        """Envelopes of a kind that went from one site to another."""
        envelopes = [wire.decode(data) for one, other, data in self.crossings if (one, other) == (source, target)]
        return [envelope for envelope in envelopes if envelope.kind is kind]

    def news(self, source: str, target: str) -> list[News]:
        """What one site told another about letters."""
        return [news for envelope in self.sent(source, target, Kind.NEWS) for news, _ in split_news(envelope.body)]
