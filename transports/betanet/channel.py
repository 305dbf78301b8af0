"""The inner channel once its handshake is over: streams, pings and keys of BetaNet 1.1, without the connection.

Bytes go in and out as whole binary messages. `read` gives events; an error that it raises ends the channel: nothing
is read any more, and the only thing left to send is `close`. Streams of the initiator have odd numbers, those of the
responder even ones, from 1 and 2 up to 2 x `HTX_STREAMS`; a stream lives as long as the channel. Stream 0 carries
padding. A PING that is no answer to one of ours is answered, up to a rate.

Source: BetaNet 1.1, sections 5.3 to 5.5; what it leaves open is in docs/protocol/betanet.md.
"""

from dataclasses import dataclass

from transports import limits
from transports.betanet import frames
from transports.betanet.buckets import Bucket
from transports.betanet.direction import Opener, Sealer
from transports.betanet.errors import BetanetError, Fault
from transports.betanet.flow import ReceiveWindow, SendWindow
from transports.betanet.frames import Close, FrameType
from transports.betanet.keys import Generation


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream came in; `Channel.free` says when they have been dealt with."""

    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The other side has answered the ping with these 8 bytes."""

    token: bytes


@dataclass(frozen=True, slots=True)
class Room:
    """The other side allows more to be sent on a stream."""

    stream: int


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that has to be sent now."""

    message: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The other side has ended the channel; nothing follows."""

    close: Close


Event = Data | Answered | Room | Owed | Closed


class _Stream:
    __slots__ = ("receive", "send")

    def __init__(self) -> None:
        self.send = SendWindow()
        self.receive = ReceiveWindow()


class Channel:
    """One side of a channel.

    Args:
        send: first keys of what this side sends.
        receive: first keys of what it receives.
        initiator: True on the side that dialled.
        now: monotonic seconds, here and everywhere.
    """

    def __init__(self, send: Generation, receive: Generation, *, initiator: bool, now: float) -> None:
        self._sealer = Sealer(send, now)
        self._opener = Opener(receive)
        self._own_parity = 1 if initiator else 0
        self._next_stream = 1 if initiator else 2
        self._streams: dict[int, _Stream] = {}
        self._pings: list[bytes] = []
        self._echoes = Bucket(limits.HTX_ECHO_RATE, limits.HTX_ECHO_BURST, now)
        self._turns = Bucket(limits.HTX_TURN_RATE, limits.HTX_TURN_BURST, now)
        self.readable = True
        self.writable = True

    @property
    def next_wakeup(self) -> float:
        """Monotonic seconds at which `keep` has something to say, whatever else happens."""
        return self._sealer.due_at

    def open_stream(self) -> int:
        """Return the number of a new stream of this side.

        Raises:
            BetanetError: FLOW_CONTROL_VIOLATION when it has as many as it may have.
        """
        stream = self._next_stream
        if stream > 2 * limits.HTX_STREAMS:
            raise BetanetError(Fault.FLOW_CONTROL_VIOLATION, "as many streams as there may be")
        self._next_stream += 2
        self._streams[stream] = _Stream()
        return stream

    def room(self, stream: int) -> int:
        """Return how many bytes may be written to a stream now, at most what fits one message."""
        return min(self._streams[stream].send.room, limits.HTX_WINDOW)

    def write(self, stream: int, data: bytes, now: float) -> bytes:
        """Return a message with `data`, at most `room` bytes, in frames of `HTX_PIECE`.

        Raises:
            ValueError: more than there is room for, or nothing.
            BetanetError: the channel is closed.
        """
        window = self._streams[stream].send
        if not 0 < len(data) <= self.room(stream):
            raise ValueError(f"{len(data)} bytes, and room for {self.room(stream)}")
        window.spend(len(data))
        pieces = (data[at : at + limits.HTX_PIECE] for at in range(0, len(data), limits.HTX_PIECE))
        return b"".join(self._frame(FrameType.STREAM, piece, now, stream) for piece in pieces)

    def free(self, stream: int, size: int, now: float) -> bytes:
        """Say that `size` received bytes have been dealt with; return the message to send, often none (empty)."""
        credit = self._streams[stream].receive.free(size)
        if not credit or not self.writable:
            return b""
        return self._frame(FrameType.WINDOW_UPDATE, frames.encode_credit(credit), now, stream)

    def widen(self, stream: int, size: int, now: float) -> bytes:
        """Return a message that lets the other side have `size` bytes more on the way: 65,535 are few on a long way."""
        self._streams[stream].receive.room += size
        return self._frame(FrameType.WINDOW_UPDATE, frames.encode_credit(size), now, stream)

    def ping(self, token: bytes, now: float) -> bytes:
        """Return a message with a PING of these 8 random bytes; the oldest of `HTX_PINGS` without an answer is forgotten."""
        frames.refuse_other_size(token, frames.PING_BYTES, "PING")
        self._pings = [*self._pings[1 - limits.HTX_PINGS :], token]
        return self._frame(FrameType.PING, token, now)

    def pad(self, size: int, now: float) -> bytes:
        """Return a message with `size` bytes that the other side throws away, at most `HTX_PIECE`."""
        return self._frame(FrameType.STREAM, bytes(min(size, limits.HTX_PIECE)), now, frames.PADDING_STREAM)

    def keep(self, now: float) -> bytes:
        """Return the message that is due because time has passed: KEY_UPDATE after an hour, or nothing (empty)."""
        return self._turn(now) if self.writable and self._sealer.due(now) else b""

    def close(self, close: Close, now: float) -> bytes:
        """Return the last message of this side: CLOSE."""
        message = self._frame(FrameType.CLOSE, frames.encode_close(close), now)
        self.readable = self.writable = False
        return message

    def read(self, message: bytes, now: float) -> list[Event]:
        """Take one message and return what it brought, in order.

        Raises:
            BetanetError: the message, or one of its frames, is refused; the channel is over and none of it is used.
        """
        events: list[Event] = []
        try:
            for frame in frames.split_frames(message):
                if not self.readable:
                    break
                events.extend(self._read(frame, now))
        except BetanetError:
            self.readable = False
            raise
        return events

    def _frame(self, kind: FrameType, plaintext: bytes, now: float, stream: int | None = None) -> bytes:
        if not self.writable:
            raise BetanetError(Fault.INTERNAL_ERROR, "the channel is closed")
        turn = self._turn(now) if self._sealer.due(now) else b""
        header = frames.encode_header(kind, len(plaintext), stream)
        return turn + header + self._sealer.seal(header, plaintext)

    def _turn(self, now: float) -> bytes:
        pad = frames.encode_header(FrameType.STREAM, 0, frames.PADDING_STREAM)
        padding = b"".join(pad + self._sealer.seal(pad, b"") for _ in range(self._sealer.owed))
        header = frames.encode_header(FrameType.KEY_UPDATE, 0)
        return padding + header + self._sealer.turn(header, now)

    def _read(self, frame: frames.SealedFrame, now: float) -> list[Event]:
        plaintext = self._opener.open(frame.header, frame.sealed, turns=frame.type is FrameType.KEY_UPDATE)
        match frame.type, frame.stream:
            case FrameType.STREAM, int(stream):
                return self._data(stream, plaintext)
            case FrameType.WINDOW_UPDATE, int(stream):
                self._of(stream).send.grant(frames.decode_credit(plaintext))
                return [Room(stream)]
            case FrameType.PING, _:
                return self._pinged(frames.refuse_other_size(plaintext, frames.PING_BYTES, "PING"), now)
            case FrameType.CLOSE, _:
                self.readable = self.writable = False
                return [Closed(frames.decode_close(plaintext))]
            case _:
                frames.refuse_other_size(plaintext, 0, "KEY_UPDATE")
                if not self._turns.take(now):
                    raise BetanetError(Fault.FLOW_CONTROL_VIOLATION, "too many key updates")
                return []

    def _data(self, stream: int, data: bytes) -> list[Event]:
        if stream == frames.PADDING_STREAM:
            return []
        self._of(stream).receive.take(len(data))
        return [Data(stream, data)] if data else []

    def _pinged(self, token: bytes, now: float) -> list[Event]:
        if token in self._pings:
            self._pings.remove(token)
            return [Answered(token)]
        if not self.writable or not self._echoes.take(now):
            return []
        return [Owed(self._frame(FrameType.PING, token, now))]

    def _of(self, stream: int) -> _Stream:
        """The stream of a frame that came in: one we opened, or one the other side has opened with this very frame."""
        theirs = stream % 2 != self._own_parity and 0 < stream <= 2 * limits.HTX_STREAMS
        if stream not in self._streams and not theirs:
            raise BetanetError(Fault.FLOW_CONTROL_VIOLATION, f"no stream {stream}")
        return self._streams.setdefault(stream, _Stream())
