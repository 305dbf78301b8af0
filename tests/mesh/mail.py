"""A post office on stage: people who leave letters, people who prove that they are here, and a disk."""

from dataclasses import replace
from random import Random

from gateway.mesh.effects import Effect
from gateway.mesh.events import LetterStored, MeshEvent
from gateway.mesh.letters import letter_of
from gateway.mesh.postoffice import PostOffice
from gateway.mesh.records import LetterEnded, LetterGiven, LetterKept
from gateway.mesh.settings import MeshSettings
from gateway.session.courier import open_courier, seal_courier
from gateway.session.noise import Handshake
from gateway.wire.courier import CourierEnvelope, decode_courier, encode_courier, epoch_day, recipient_tag
from gateway.wire.fragment import Assembler, decode_fragment
from gateway.wire.packet import payload_of, peek
from gateway.wire.private import PrivateMessage, decode_noise_payload, encode_noise_payload
from gateway.wire.types import Capability, MessageType
from tests.mesh.nodes import Node, wall_ms
from tests.mesh.playbook import Play

DAY_S = 86_400.0
CARRIER = Capability.PREKEYS
MAIL = MeshSettings(nickname="gateway", sync=False, jitter=False, reads_mail=False, carries_mail=True)


def sealed(sender: Node, recipient: Node, text: str, now: float = 0.0, *, lifetime_s: float = DAY_S, copies: int = 4) -> CourierEnvelope:
    """A letter as a phone seals it."""
    plaintext = encode_noise_payload(PrivateMessage(f"id of {text}"[:200], text[:200]))
    ciphertext = seal_courier(
        plaintext,
        sender_private=sender.identity.noise_private,
        recipient_public=recipient.identity.noise_public,
        randbytes=Random(f"{sender.name}/{recipient.name}/{text}").randbytes,
    )
    tag = recipient_tag(recipient.identity.noise_public, epoch_day(wall_ms(now) / 1000))
    return CourierEnvelope(tag, wall_ms(now + lifetime_s), ciphertext, copies)


def opened(recipient: Node, payload: bytes) -> str:
    """What a phone reads in a letter handed to it."""
    envelope = decode_courier(payload)
    plaintext = open_courier(envelope.ciphertext, recipient_private=recipient.identity.noise_private).plaintext
    message = decode_noise_payload(plaintext)
    assert isinstance(message, PrivateMessage)
    return message.content


class Counter(Play):
    """A gateway that holds mail, with a disk that answers at once unless it `is_slow` or has a reason to refuse."""

    def __init__(self, settings: MeshSettings = MAIL, **options: object) -> None:
        self.refuses = None
        self.is_slow = False
        self.kept: dict[bytes, LetterKept] = {}
        self.ended: dict[bytes, LetterEnded] = {}
        super().__init__(settings, **options)

    @property
    def office(self) -> PostOffice:
        assert self.mesh.office is not None
        return self.mesh.office

    def do(self, event: MeshEvent) -> list[Effect]:
        effects = super().do(event)
        for effect in tuple(effects):
            if isinstance(effect, LetterKept):
                if self.refuses is None:
                    self.kept[effect.name] = effect
                if not self.is_slow:
                    effects += self.do(LetterStored(effect.name, self.refuses))
            elif isinstance(effect, LetterGiven):
                self.kept[effect.name] = replace(self.kept[effect.name], copies=effect.copies, holders=effect.holders)
            elif isinstance(effect, LetterEnded):
                self.ended[effect.name] = effect
                del self.kept[effect.name]
        return effects

    def deposit(self, link: str, sender: Node, envelope: CourierEnvelope, *, to: bytes | None = None, ttl: int = 7) -> bytes:
        """Somebody leaves a letter over a link; returns its name."""
        frame = sender.packet(MessageType.COURIER, encode_courier(envelope), to=to or self.me.peer_id, ttl=ttl)
        pieces = sender.cut(frame, 512, fragment_id=Random(frame).randbytes(8)) if len(frame) > 512 else [frame]
        self.hear(link, *pieces)
        return letter_of(envelope).name

    def meet(self, link: str, node: Node, *, proves: bool = True, capabilities: int | None = None) -> None:
        """Somebody comes near: the link comes up, the announce is heard, and what is asked is answered."""
        if link not in self.mtus:
            self.up(link)
        self.hear(link, node.announce(capabilities=capabilities))
        if proves:
            self.answer(link, node)

    def answer(self, link: str, node: Node, *, over: str | None = None) -> None:
        """Answer the last handshake that was sent to somebody over a link."""
        asked = [sent for sent in self.sent(link, MessageType.NOISE_HANDSHAKE) if sent.header.recipient_id == node.peer_id]
        if not asked:
            return
        handshake = Handshake(initiator=False, static_private=node.identity.noise_private, ephemeral=Random(node.name).randbytes(32))
        handshake.read(payload_of(asked[-1].frame, asked[-1].header))
        self.hear(over or link, node.packet(MessageType.NOISE_HANDSHAKE, handshake.write(), to=self.me.peer_id, signed=False))

    def handed(self, link: str, node: Node) -> list[bytes]:
        """Payloads of the letters that went out over a link to somebody, put together again."""
        assembler, payloads = Assembler(), []
        for sent in self.sent(link):
            frame: bytes | None = sent.frame
            if sent.frame[1] == MessageType.FRAGMENT:
                frame = assembler.add(sent.header.sender_id, decode_fragment(payload_of(sent.frame, sent.header)), 0.0)
            if frame is not None and frame[1] == MessageType.COURIER and peek(frame).recipient_id == node.peer_id:
                payloads.append(payload_of(frame, peek(frame)))
        return payloads

    def read(self, link: str, node: Node) -> list[str]:
        """What somebody reads in them."""
        return [opened(node, payload) for payload in self.handed(link, node)]
