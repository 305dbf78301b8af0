"""All links to one other gateway, as one: nothing is lost, doubled or overtaken when the way changes.

Each frame has a number and is kept until the other gateway has counted it (`gateway.bridge.numbered`). One link is used
at a time (`gateway.bridge.route`); the others are asked now and then whether they are alive. When the one in
use goes down, or shows no sign of life for STALL_S although something is on its way, the rest goes over the next best,
beginning with the first frame that was not counted.
"""

from collections import deque
from collections.abc import Callable

from gateway.bridge.delays import Delays
from gateway.bridge.line import Line
from gateway.bridge.numbered import Inbox, Outbox
from gateway.bridge.route import Breaker, Decision, Health, choose
from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_LINES, SLOWEST_LINK, STALL_MOST, STALL_S, TRUNK_ACK_DELAY_S
from gateway.mesh.effects import CloseLink, Effect, Priority, SendFrame
from gateway.mesh.records import Decided, Verb
from gateway.wire.trunk import Ack, Data, Hello, Message, Ping, Pong, encode_trunk
from transports.link import LinkId

NEVER = float("inf")


class Trunk:
    """The links with one gateway.

    Args:
        site: who is at the other end: its authenticated identity, or the name of its only link where there is none.
        name: of our numbering; 8 bytes never used before.
        decided: told of every change of the way.
        delays: where the time is counted that what somebody may ask about took until it was acknowledged.
        is_proved: whether that identity is authenticated.

    """

    def __init__(
        self, site: str, name: bytes, decided: Callable[[Decision], None], delays: Delays | None = None, *, is_proved: bool = True
    ) -> None:
        self.site = site
        self.is_proved = is_proved
        self.link = LinkId(f"site:{site}")
        self.using: Line | None = None
        self.outbox = Outbox(name)
        self.inbox = Inbox()
        self.lines: dict[LinkId, Line] = {}
        self.down_at: float | None = None  # since when there is no link at all
        self.refused = self.repeated = self.missed = 0
        self._decided = decided
        self._delays = delays or Delays()
        self._about: deque[tuple[int, bytes, float]] = deque()  # count that covers it, packet ID, when it was taken
        self._breakers: dict[LinkId, Breaker] = {}
        self._progress = 0.0  # when something on its way was last counted, or began to be
        self._ack_over: Line | None = None
        self._ack_at = NEVER
        self._nonce = 0
        self._why = ""

    @property
    def is_up(self) -> bool:
        """Whether frames can leave."""
        return self.using is not None

    def add(self, line: Line, effects: list[Effect]) -> None:
        """A link came up; it is used once the other gateway has said hello over it."""
        if len(self.lines) >= MAX_LINES:
            effects.append(CloseLink(line.link, "there are as many links to this gateway as there may be"))
            return
        self.down_at = None
        self.lines[line.link] = line
        hello = Hello(self.outbox.name, self.outbox.first, self.inbox.name, self.inbox.expected)
        self._say(line, encode_trunk(hello), effects)

    def breaker(self, link: LinkId) -> Breaker:
        """What is remembered of a link that comes and goes under this name."""
        if link not in self._breakers and len(self._breakers) >= 2 * MAX_LINES:
            self._breakers = {known: breaker for known, breaker in self._breakers.items() if known in self.lines}
        return self._breakers.setdefault(link, Breaker())

    def remove(self, link: LinkId, reason: str, effects: list[Effect], now: float) -> None:
        """A link went down."""
        line = self.lines.pop(link)
        line.breaker.fail(f"it went down: {reason}", now)
        if self._ack_over is line:
            self._ack_over, self._ack_at = None, NEVER
        if not self.lines:
            self.down_at = now
        self.decide(effects, now)

    def send(self, envelope: bytes, subject: bytes, effects: list[Effect], now: float) -> None:
        """Take an envelope for the other gateway; counted as refused if too much is kept for it already.

        Args:
            envelope: what to send.
            subject: packet ID to tell the fate of, empty if nobody will ask.
            effects: where effects are appended.
            now: seconds.

        """
        if self.outbox.offer(envelope):
            if subject:
                self._about.append((self.outbox.first + len(self.outbox), subject, now))
            self._pump(effects, now)
        else:
            self.refused += 1
            if subject:
                effects.append(Decided(subject, Verb.DROPPED, self.site, "", Reason.QUEUE_FULL))

    def give_up(self, effects: list[Effect]) -> None:
        """Tell of everything that was kept in vain."""
        effects += [Decided(subject, Verb.LOST, self.site) for _, subject, _ in self._about]

    def take(self, link: LinkId, message: Message, effects: list[Effect], now: float) -> bytes | None:
        """Take what came over a link; returns the envelope in it, if there is one that is new.

        Raises:
            DecodeError: it is not of the protocol; the link is to be closed.
        """
        line = self.lines[link]
        line.heard = now
        if isinstance(message, Hello):
            self._on_hello(line, message, effects, now)
            return None
        if line.name != self.inbox.name or not line.is_greeted:
            raise DecodeError(Reason.FIELD, "it speaks for a gateway that has not said hello, or was started anew since")
        if isinstance(message, Data):
            return self._on_data(line, message)
        if isinstance(message, Ack):
            self._on_ack(line, message, effects, now)
        elif isinstance(message, Ping):
            if line.pings.take(now):
                self._say(line, encode_trunk(Pong(message.nonce)), effects)
        else:
            self._on_pong(line, message, effects, now)
        return None

    def acknowledge(self, effects: list[Effect], now: float) -> None:
        """Tell the other gateway what has arrived: at once if it is much, else soon. To be called when it was dealt with."""
        if self._ack_over is None or not self.inbox.owes:
            return
        if self.inbox.owes_now or now >= self._ack_at:
            self._say(self._ack_over, encode_trunk(Ack(self.inbox.name, self.inbox.told())), effects)
            self._ack_at = NEVER
        elif self._ack_at == NEVER:
            self._ack_at = now + TRUNK_ACK_DELAY_S

    def tick(self, effects: list[Effect], now: float) -> None:
        """Time has passed: acknowledge, judge the links, ask those that should be asked."""
        self.acknowledge(effects, now)
        if len(self.lines) < 2:
            return
        for line in self.lines.values():
            overdue = line.overdue_at()
            if overdue is not None and now >= overdue:
                line.breaker.fail(f"a ping was not answered for {STALL_S:g} s", now)
        if self.using is not None and now >= self._stalled_at():
            self.using.breaker.fail(f"nothing was acknowledged for {now - self._progress:.0f} s", now)
        self.decide(effects, now)
        for line in self.lines.values():
            ask_at = self._ask_at(line)
            if ask_at is not None and now >= ask_at:
                self._nonce += 1
                line.nonce, line.asked = self._nonce, now
                self._say(line, encode_trunk(Ping(line.nonce)), effects)

    def next_at(self) -> float:
        """When `tick` has something to do."""
        due = self._ack_at
        if len(self.lines) < 2:
            return due
        for line in self.lines.values():
            for at in (line.overdue_at(), self._ask_at(line)):
                if at is not None and at < due:
                    due = at
        return min(due, self._stalled_at())

    def decide(self, effects: list[Effect], now: float) -> None:
        """Choose the way anew."""
        before = self.using
        best, passed_over = choose([line.way() for line in self.lines.values() if line.is_greeted], before.link if before else None)
        line = self.lines[best.link] if best is not None else None
        if line is before:
            return
        self.using, self._why = line, _reason(before, line, self.lines)
        over = line.link.partition(":")[0] if line is not None else ""
        effects.append(Decided(self.site, Verb.ROUTE, over, detail=self._why))
        self._decided(Decision(now, self.site, line.link if line is not None else None, self._why, passed_over))
        self.outbox.rewind()
        self._progress = now
        self._pump(effects, now)

    @property
    def oldest(self) -> float | None:
        """When the oldest of what somebody may ask about was taken, seconds; None if all of it was acknowledged."""
        return self._about[0][2] if self._about else None

    @property
    def failed(self) -> tuple[LinkId, ...]:
        """The links that are not used because they failed, whether they are up or not."""
        return tuple(link for link, breaker in self._breakers.items() if breaker.health is Health.FAILED)

    @property
    def why(self) -> str:
        """Why the link in use is the one."""
        return self._why

    def _on_hello(self, line: Line, hello: Hello, effects: list[Effect], now: float) -> None:
        if line.is_greeted:
            raise DecodeError(Reason.FIELD, "a second hello came over one link")
        if hello.name == self.outbox.name:
            raise DecodeError(Reason.FIELD, "our own hello came back")
        if hello.name != self.inbox.name:
            self.inbox = Inbox(hello.name, hello.first)
            self._ack_over, self._ack_at = None, NEVER
        elif hello.first > self.inbox.expected:
            self.missed += hello.first - self.inbox.expected
            self.inbox = Inbox(hello.name, hello.first)
        if hello.known == self.outbox.name:
            self.outbox.acknowledge(hello.received)
            self._tell_arrived(effects, now)
        line.name = hello.name
        line.proven = now  # a transport reports a link only after a round trip
        self.decide(effects, now)

    def _on_data(self, line: Line, data: Data) -> bytes | None:
        # Whatever comes of it is acknowledged over the link it came by: that one works.
        if self._ack_over is not line:
            self._ack_over, self._ack_at = line, NEVER
        if self.inbox.accept(data.number, len(data.envelope)):
            return data.envelope
        self.repeated += 1
        return None

    def _on_ack(self, line: Line, ack: Ack, effects: list[Effect], now: float) -> None:
        if ack.name != self.outbox.name or not self.outbox.acknowledge(ack.received):
            return
        self._tell_arrived(effects, now)
        self._progress = now
        if line is self.using:
            line.proven = now
            line.breaker.answered(in_time=True, now=now)
        self._pump(effects, now)

    def _tell_arrived(self, effects: list[Effect], now: float) -> None:
        while self._about and self._about[0][0] <= self.outbox.first:
            _, subject, sent = self._about.popleft()
            self._delays.add(now - sent)
            effects.append(Decided(subject, Verb.ACKNOWLEDGED, self.site, detail=f"seconds {now - sent:.3f}"))

    def _on_pong(self, line: Line, pong: Pong, effects: list[Effect], now: float) -> None:
        if pong.nonce != line.nonce:
            raise DecodeError(Reason.FIELD, "a ping was answered that was not sent")
        line.nonce = None
        line.proven = now
        if line.breaker.answered(in_time=now - line.asked < STALL_S, now=now):
            self.decide(effects, now)

    def _ask_at(self, line: Line) -> float | None:
        if not line.is_greeted:
            return None
        return line.ask_at(in_use=line is self.using, idle=not self.outbox.flying)

    def _stalled_at(self) -> float:
        """When the link in use counts as stalled, should nothing happen until then."""
        line = self.using
        if line is None or not self.outbox.flying or line.breaker.health is Health.FAILED:
            return NEVER
        allowed = STALL_S + self.outbox.head / SLOWEST_LINK
        return min(max(self._progress, line.heard) + allowed, self._progress + STALL_MOST * allowed)

    def _pump(self, effects: list[Effect], now: float) -> None:
        line = self.using
        if line is None:
            return
        if not self.outbox.flying:
            self._progress = now
        while (frame := self.outbox.next()) is not None:
            self._say(line, frame, effects)

    @staticmethod
    def _say(line: Line, frame: bytes, effects: list[Effect]) -> None:
        effects.append(SendFrame((line.link,), frame, Priority.DIRECTED))


def _reason(before: Line | None, line: Line | None, lines: dict[LinkId, Line]) -> str:
    """Why the way changed, for a person."""
    if line is None:
        return "there is no link left"
    if before is None:
        return "it is the only link" if len(lines) == 1 else "it is the best link"
    if before.link not in lines or before.breaker.health is Health.FAILED:
        return f"{before.link.partition(':')[0]}: {before.breaker.why}"
    return "it is well, and preferred"
