"""One member of the federation: greeting, session, batches, silence. No I/O, no clock of its own.

The gateway with the smaller peer ID opens the stream, whoever dialled; so two gateways that call each
other at the same moment still end up with one stream. If a second one comes, the newer is right: the
opener only opens it when the older is gone for it.

    opener                                   acceptor
    HELLO nonce, session names   ────────▶
                                 ◀────────   WELCOME nonce echoed, own nonce, resumed?     opener: link is up
    READY nonce echoed           ────────▶                                                 acceptor: link is up

A *session* is what `reliable` counts in. It has a name at each end and survives streams and child
processes, as long as both gateway processes live and an outage stays within the grace. A gateway that was
started anew does not know the old names, so a new session begins: the link goes down and comes up again.

The acceptor keeps an offered session `pending` until it hears of it, because the opener may take it up,
accept frames for it and lose the stream before its READY arrives.
"""

from collections.abc import Callable

from transports.libp2p.blob import (
    Ack,
    Batch,
    Blob,
    Bye,
    Hello,
    Ready,
    Welcome,
    decode_blob,
    encode_ack,
    encode_batch_head,
    encode_bye,
    encode_hello,
    encode_ready,
    encode_welcome,
)
from transports.libp2p.effects import Arrived, Counters, Down, Drop, Effect, Room, Up, Write
from transports.libp2p.framing import Deframer, GarbageError, framed
from transports.libp2p.reliable import Session
from transports.limits import HANDSHAKE_TIMEOUT_S, KEEPALIVE_S, MAX_BLOB, SILENCE_S, STREAM_CREDIT


class Member:
    """The link with one member; every method returns what is to be done."""

    def __init__(self, local_id: str, peer_id: str, *, token: Callable[[], bytes], grace: float, counters: Counters) -> None:
        self.peer_id = peer_id
        self.opens = local_id < peer_id
        self._token = token  # 8 bytes that were never used before, in this process or another
        self._grace = grace
        self._count = counters
        self._stream: int | None = None
        self._live = False  # the greeting on the present stream is over
        self._deframer = Deframer(MAX_BLOB)
        self._in_flight = 0  # bytes given to the stream and not yet written
        self._session: Session | None = None
        self._pending: Session | None = None
        self._nonce = b""
        self._candidate = b""
        self._greet_by = self._heard = self._spoke = 0.0
        self._down_at: float | None = None  # when the grace of an outage ends
        self._effects: list[Effect] = []

    @property
    def is_up(self) -> bool:
        """Whether the link is up (it may be waiting for its stream to come back)."""
        return self._session is not None

    @property
    def is_live(self) -> bool:
        """Whether a stream carries the link right now."""
        return self._live

    @property
    def owes_ack(self) -> bool:
        """Whether `acknowledge` should be called before long (within ACK_DELAY_S)."""
        return self._live and self._session is not None and self._session.inbox.owes_ack

    @property
    def can_write(self) -> bool:
        """Whether `flush` would write something now."""
        if not self._live or self._session is None:
            return False
        outbox = self._session.outbox
        return self._in_flight == 0 or (self._in_flight < STREAM_CREDIT and outbox.has_full_batch)

    def offer(self, frame: bytes) -> bool:
        """Take a frame to send; False if the link is down or its window full."""
        return self._session is not None and self._session.outbox.offer(frame)

    def flush(self, now: float) -> list[Effect]:
        """Write what can be written: at once if the stream is idle, in full batches if it is not."""
        self._pump(now)
        return self._taken()

    def written(self, stream: int, size: int, now: float) -> list[Effect]:
        """The child has written `size` bytes of ours."""
        if stream == self._stream:
            self._in_flight = max(0, self._in_flight - size)
        return self.flush(now)

    def acknowledge(self, now: float) -> list[Effect]:
        """Tell the sender what arrived, if it does not know yet."""
        if self.owes_ack:
            self._send_ack(now)
        return self._taken()

    def opened(self, stream: int, now: float) -> list[Effect]:
        """A stream with this member is there."""
        if self._stream is not None:
            self._drop(now, "a newer stream took its place")
        self._stream = stream
        self._deframer = Deframer(MAX_BLOB)
        self._in_flight = 0
        self._heard = self._spoke = now
        self._greet_by = now + HANDSHAKE_TIMEOUT_S
        self._nonce = b""
        if self.opens:
            self._nonce, self._candidate = self._token(), self._token()
            known = self._session
            ours, theirs, received = (known.ours, known.theirs, known.inbox.received) if known else (b"", b"", 0)
            self._write(now, encode_hello(Hello(self._nonce, ours, theirs, self._candidate, received)))
        return self._taken()

    def closed(self, stream: int, now: float) -> list[Effect]:
        """A stream is gone."""
        if stream == self._stream:
            self._forget_stream(now)
        return self._taken()

    def feed(self, stream: int, data: bytes, now: float) -> list[Effect]:
        """Bytes came in on a stream."""
        if stream == self._stream:
            self._heard = now
            try:
                for blob in self._deframer.feed(data):
                    self._heed(decode_blob(blob), len(blob), now)
                    if stream != self._stream:
                        break
            except GarbageError as error:
                self._count.garbage += 1
                self._drop(now, f"the member sent garbage: {error}")
            else:
                if self._session is not None and self._session.inbox.owes_ack_now and self._live:
                    self._send_ack(now)
        return self._taken()

    def close(self, why: str, now: float) -> list[Effect]:
        """Close the link from this side."""
        if self._live:
            self._write(now, encode_bye(why))
        self._end_session(why)
        if self._stream is not None:
            self._drop(now, why)
        return self._taken()

    def tick(self, now: float) -> list[Effect]:
        """Time has passed: watch over greetings, silence and the grace of an outage. Call it every second or so."""
        if self._down_at is not None and now >= self._down_at:
            self._end_session("the connection is lost and did not come back in time")
        if self._stream is not None:
            if not self._live and now >= self._greet_by:
                self._drop(now, "the member did not answer in time")
            elif self._live and now - self._heard >= SILENCE_S:
                self._drop(now, "the member has fallen silent")
            elif self._live and now - self._spoke >= KEEPALIVE_S:
                self._send_ack(now)
        return self._taken()

    def _pump(self, now: float) -> None:
        session = self._session
        while session is not None and self.can_write:
            found = session.outbox.next_batch()
            if found is None:
                break
            batch, again = found
            self._write(now, encode_batch_head(batch.sequence, session.inbox.told()), batch.body)
            self._count.batches_out += 1
            if again:
                self._count.retransmitted += batch.frames
            else:
                self._count.frames_out += batch.frames
                self._count.bytes_out += len(batch.body)

    def _heed(self, blob: Blob, size: int, now: float) -> None:
        session = self._session
        if not self._live:
            if isinstance(blob, Welcome) and self.opens:
                self._on_welcome(blob, now)
            elif isinstance(blob, Hello) and not self.opens and not self._nonce:
                self._on_hello(blob, now)
            elif isinstance(blob, Ready) and not self.opens and self._nonce:
                self._on_ready(blob, now)
            else:
                raise GarbageError(f"{type(blob).__name__} came before the greeting was over")
        elif session is None:
            raise GarbageError("a stream without a session spoke")
        elif isinstance(blob, Batch):
            if session.outbox.acknowledge(blob.received):
                self._effects.append(Room())
            if session.inbox.accept(blob.sequence, size):
                self._count.batches_in += 1
                self._count.frames_in += len(blob.frames)
                self._count.bytes_in += size
                self._effects.append(Arrived(blob.frames))
            else:
                self._count.duplicates += len(blob.frames)
        elif isinstance(blob, Ack):
            if session.outbox.acknowledge(blob.received):
                self._effects.append(Room())
        elif isinstance(blob, Bye):
            self._end_session(f"the other gateway closed the link: {blob.why}")
            self._drop(now, "the other gateway closed the link")
        else:
            raise GarbageError(f"{type(blob).__name__} came after the greeting was over")

    def _on_hello(self, hello: Hello, now: float) -> None:
        for known in (self._session, self._pending):
            if known is not None and hello.mine == known.theirs and hello.yours == known.ours:
                self._pending = known
                if known.outbox.rewind(hello.received):
                    self._effects.append(Room())
                break
        else:
            self._pending = known = Session(self._token(), hello.candidate)
        resumed = hello.mine == known.theirs
        self._nonce = self._token()
        self._write(now, encode_welcome(Welcome(hello.nonce, self._nonce, resumed, known.ours, known.inbox.told())))

    def _on_ready(self, ready: Ready, now: float) -> None:
        if ready.echo != self._nonce or self._pending is None:
            raise GarbageError("the nonce came back changed")
        session, self._pending = self._pending, None
        self._begin(session, now)

    def _on_welcome(self, welcome: Welcome, now: float) -> None:
        if welcome.echo != self._nonce:
            raise GarbageError("the nonce came back changed")
        session = self._session
        if welcome.resumed:
            if session is None or welcome.mine != session.theirs:
                raise GarbageError("a session was resumed that is not ours")
            if session.outbox.rewind(welcome.received):
                self._effects.append(Room())
        else:
            session = Session(self._candidate, welcome.mine)
        self._write(now, encode_ready(welcome.nonce))
        self._begin(session, now)

    def _begin(self, session: Session, now: float) -> None:
        """The greeting is over: the old session goes on, or a new one takes its place."""
        if session is self._session:
            self._count.resumed += 1
        else:
            self._end_session("the other gateway was started anew")
            self._session = session
            self._count.links_up += 1
            self._effects.append(Up())
        self._live = True
        self._down_at = None
        self._pump(now)

    def _end_session(self, reason: str) -> None:
        session, self._session = self._session, None
        self._down_at = None
        if session is not None:
            if self._pending is session:
                self._pending = None
            self._count.links_down += 1
            self._count.lost += session.outbox.held_frames
            self._effects.append(Down(reason))

    def _send_ack(self, now: float) -> None:
        if self._session is not None:
            self._write(now, encode_ack(self._session.inbox.told()))

    def _write(self, now: float, *parts: bytes) -> None:
        if self._stream is not None:
            data = framed(*parts)
            self._in_flight += len(data)
            self._spoke = now
            self._effects.append(Write(self._stream, data))

    def _drop(self, now: float, why: str) -> None:
        if self._stream is not None:
            self._effects.append(Drop(self._stream, why))
            self._forget_stream(now)

    def _forget_stream(self, now: float) -> None:
        self._stream = None
        self._live = False
        self._in_flight = 0
        if self._session is not None and self._down_at is None:
            self._down_at = now + self._grace

    def _taken(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects
