"""The smallest engine that floods: the tests of the machinery need no BitChat."""

from gateway.mesh.effects import Effect, PeerSeen, Priority, PrivateMessage, PublicMessage, SendFrame
from gateway.mesh.events import ClockSet, MeshEvent, Say, Tick, Whisper
from transports.link import FrameReceived, LinkDown, LinkUp

BEAT = 5.0  # seconds between two announces


class Flooder:
    """Relays whatever is new, at once; ``*`` announces, ``@id`` is private. Frames look like BitChat's from outside."""

    def __init__(self, name: str, *, beats: bool = False) -> None:
        self.name = name
        self.address = name.encode().ljust(8, b"\0")
        self.links: list[str] = []
        self.known: set[bytes] = set()
        self.ticks: list[float] = []
        self.events: list[MeshEvent] = []
        self._wake = 0.0 if beats else None
        self._count = 0

    def next_wakeup(self) -> float | None:
        return self._wake

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        match event:
            case FrameReceived(link=link, frame=frame):
                return self._receive(link, frame)
            case LinkUp(link=link):
                self.links.append(link)
            case LinkDown(link=link):
                self.links.remove(link)
            case Say(text=text):
                return self._originate(text)
            case Whisper(recipient=recipient, message_id=message_id, text=text):
                return self._originate(f"@{recipient.hex()} {message_id} {text}")
            case Tick():
                self.ticks.append(now)
                self._wake = now + BEAT
                return self._originate(f"*{self.name}")
            case ClockSet():
                pass
        self.events.append(event)
        return []

    def _originate(self, text: str) -> list[Effect]:
        self._count += 1
        frame = b"\x01\x02\x07" + self._count.to_bytes(8, "big") + b"\0\0\0" + self.address + text.encode()
        self.known.add(frame[3:])
        return [SendFrame(tuple(self.links), frame, Priority.PUBLIC)]

    def _receive(self, link: str, frame: bytes) -> list[Effect]:
        if frame[3:] in self.known:
            return []
        self.known.add(frame[3:])
        effects: list[Effect] = []
        sender, text = frame[14:22], frame[22:].decode()
        if text.startswith("*"):
            effects.append(PeerSeen(sender, text[1:], frame[2] == 7, link))
        elif text.startswith("@"):
            recipient, message_id, text = text[1:].split(" ", 2)
            if bytes.fromhex(recipient) == self.address:
                effects.append(PrivateMessage(sender, message_id, text))
        else:
            effects.append(PublicMessage(frame[3:11], sender, 0, text))
        if frame[2] > 1:
            onward = tuple(other for other in self.links if other != link)
            effects.append(SendFrame(onward, frame[:2] + bytes((frame[2] - 1,)) + frame[3:], Priority.PUBLIC))
        return effects
