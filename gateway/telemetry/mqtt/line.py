"""One connection to one broker: paho-mqtt in a thread of its own.

Only this thread touches the client. It looks names up, connects, shakes hands over TLS, reads and writes,
and whatever paho raises ends it and nothing else. Both ways to it are bounded: what is to be published
by what the session lets be on its way at once, what arrives by `MAX_MQTT_INBOUND`; a broker that sends
faster than `MQTT_READ_RATE` is read more slowly. See docs/adr/0026.
"""

import asyncio
import contextlib
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.session.rate import TokenBucket
from gateway.telemetry.limits import MAX_MQTT_INBOUND, MAX_MQTT_INFLIGHT, MAX_MQTT_PACKET, MQTT_READ_BURST, MQTT_READ_RATE
from gateway.telemetry.mqtt.values import Acknowledged, Arrived, Dial, LineDown, LineEvent, LineUp, Message, Trouble, Version

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

KEEPALIVE_S = 30
CONNECT_S = 10.0  # seconds each for connecting, for TLS, and until the broker answers
GOODBYE_S = 1.0
LOOK_S = 1.0  # seconds between two looks at the keep-alive
PAUSE_S = 0.1  # seconds a broker that sends too fast is not read

_REFUSED = {"Not authorized", "Bad user name or password", "Banned", "Bad authentication method"}
_TAKEN = "Session taken over"


@dataclass(frozen=True, slots=True)
class Access:
    """How this gateway presents itself to every broker.

    Args:
        client_id: its name there.
        will: what the broker publishes when it loses the gateway, None for nothing.
        filters: what is subscribed to.
        username: empty for none.
        password: None for none.
        tls: for brokers that are spoken to over TLS.
        is_tls: whether a broker is one of those.

    """

    client_id: str
    will: Message | None
    filters: tuple[str, ...]
    username: str
    password: str | None
    tls: ssl.SSLContext
    is_tls: Callable[[Dial], bool]

    def port(self, dial: Dial) -> int:
        """Return the port to connect to."""
        return dial.broker.port or (8883 if self.is_tls(dial) else 1883)


class _Careful(Client):
    """A client that ends the connection when the broker announces a packet that is too long, before room is made for it.

    It leaves no socket behind when there is no TLS at the other end either.
    """

    context: ssl.SSLContext

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MAX_MQTT_PACKET:
            raise ConnectionError(f"a packet of {bufsize} bytes")
        return super()._sock_recv(bufsize)

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        return self.context.wrap_socket(tcp_sock, server_hostname=self.host)


class _EndedError(Exception):
    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(detail)
        self.down = LineDown(trouble, detail)


class PahoLine:
    """A line to one broker; it is opened by being made.

    Args:
        access: how to present oneself.
        dial: which broker, in which version.
        post: told what happens, in the event loop in which the line is made.

    """

    def __init__(self, access: Access, dial: Dial, post: Callable[[LineEvent], None]) -> None:
        self._access = access
        self._dial = dial
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._out: deque[tuple[int, Message]] = deque()
        self._ends: bool | None = None  # politely or not
        self._ends_at = 0.0
        self._brought = self._handed = 0  # arrivals; one count is the thread's and one the loop's
        self._tokens: dict[int, int] = {}  # by message ID
        self._down: LineDown | None = None
        self._is_up = False
        self._budget = TokenBucket(MQTT_READ_RATE, MQTT_READ_BURST)
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        # As a daemon: a name server that does not answer must not keep the gateway from ending.
        threading.Thread(target=self._run, name="mqtt", daemon=True).start()

    def send(self, token: int, message: Message) -> None:
        """Publish a message; `Acknowledged` follows."""
        self._out.append((token, message))
        self._wake()

    def end(self, *, politely: bool) -> None:
        """End the line, if `politely` after everything given before; `LineDown` follows."""
        self._ends = politely
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: it is over
            self._mouth.send(b"\0")

    def _run(self) -> None:
        client = self._client()
        try:
            self._connect(client)
            self._serve(client)
            down = self._down or LineDown(Trouble.LOST)
        except _EndedError as error:
            down = error.down
        except Exception as error:  # noqa: BLE001 -- whatever a broker makes paho raise ends the line, and nothing else
            down = LineDown(Trouble.GARBAGE, type(error).__name__)
        finally:
            taken = client.socket()
            if taken is not None:
                taken.close()
            self._ear.close()
            self._mouth.close()
        self._tell(down)

    def _client(self) -> Client:
        v5 = self._dial.version is Version.V5
        access, will = self._access, self._access.will
        client = _Careful(
            CallbackAPIVersion.VERSION2,
            access.client_id,
            clean_session=None if v5 else True,
            protocol=MQTTProtocolVersion(int(self._dial.version)),
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        if access.username:
            client.username_pw_set(access.username, access.password)
        if access.is_tls(self._dial):
            client.tls_set_context(access.tls)
            client.context = access.tls
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _connect(self, client: Client) -> None:
        properties = None
        if self._dial.version is Version.V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = MAX_MQTT_INFLIGHT
            properties.MaximumPacketSize = MAX_MQTT_PACKET
        try:
            # A first connection of a client starts clean: the broker keeps nothing for us while we are away.
            client.connect(self._dial.broker.host, self._access.port(self._dial), KEEPALIVE_S, properties=properties)
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or ""
            raise _EndedError(Trouble.TLS, reason.lower().replace("_", " ").rstrip(".")) from error
        except (OSError, UnicodeError) as error:
            raise _EndedError(Trouble.UNREACHABLE, _words(error)) from error

    def _serve(self, client: Client) -> None:
        until = time.monotonic() + CONNECT_S
        while (taken := client.socket()) is not None and self._down is None:
            now = time.monotonic()
            if self._ends is not None and self._is_leaving(client, now):
                return
            if not self._is_up and now >= until:
                raise _EndedError(Trouble.SILENT)
            while self._is_up and self._out and self._ends is None:
                self._publish(client, *self._out.popleft())
            reads = self._budget.level(now) >= 1
            pending = reads and isinstance(taken, ssl.SSLSocket) and taken.pending() > 0
            ready = self._wait(taken, reads, client.want_write(), 0.0 if pending else LOOK_S if reads else PAUSE_S)
            if pending or ready & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._budget.take(now)
                self._check(client.loop_read())
            if client.socket() is not None and client.want_write():
                self._check(client.loop_write())
            if client.socket() is not None:
                self._check(client.loop_misc())

    def _wait(self, taken: "SocketLike", reads: bool, writes: bool, seconds: float) -> int:
        """Wait for the broker or for ourselves; returns what the broker's socket is ready for."""
        poll = select.poll()
        number = taken.fileno()
        if reads or writes:
            poll.register(number, (select.POLLIN if reads else 0) | (select.POLLOUT if writes else 0))
        poll.register(self._ear, select.POLLIN)
        ready = dict(poll.poll(seconds * 1000))
        if self._ear.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self._ear.recv(4096)
        return ready.get(number, 0)

    def _is_leaving(self, client: Client, now: float) -> bool:
        """Say goodbye once everything given before has been acknowledged, or there is no more time; returns whether it is over."""
        if not self._ends or not self._is_up:
            return True
        if not self._ends_at:
            self._ends_at = now + GOODBYE_S
            while self._out:
                self._publish(client, *self._out.popleft())
        if self._tokens and now < self._ends_at:
            return False
        client.disconnect()
        while (taken := client.socket()) is not None and client.want_write() and time.monotonic() < self._ends_at + GOODBYE_S:
            self._wait(taken, reads=False, writes=True, seconds=PAUSE_S)
            client.loop_write()
        return True

    def _publish(self, client: Client, token: int, message: Message) -> None:
        properties = None
        if message.expiry_s is not None and self._dial.version is Version.V5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = message.expiry_s
        info = client.publish(message.topic, message.payload, qos=1, retain=message.retain, properties=properties)
        self._tokens[info.mid] = token

    def _check(self, code: MQTTErrorCode) -> None:
        if code is MQTTErrorCode.MQTT_ERR_PROTOCOL and self._down is None:
            raise _EndedError(Trouble.GARBAGE)

    def _on_connect(self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None) -> None:
        if reason.is_failure:
            name = reason.getName()
            trouble = Trouble.REFUSED if name in _REFUSED else Trouble.VERSION if name == "Unsupported protocol version" else Trouble.LOST
            raise _EndedError(trouble, name.lower())
        if getattr(properties, "AssignedClientIdentifier", self._access.client_id) != self._access.client_id:
            raise _EndedError(Trouble.WRONG_ID)
        client.subscribe([(one, 1) for one in self._access.filters])

    def _on_subscribe(self, _client: Client, _data: object, _mid: int, reasons: list[ReasonCode], _properties: object) -> None:
        refused = tuple(one for one, reason in zip(self._access.filters, reasons, strict=False) if reason.is_failure)
        self._is_up = True
        self._tell(LineUp(refused))

    def _on_disconnect(self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, _properties: object) -> None:
        name = reason.getName()
        if flags.is_disconnect_packet_from_server:
            self._down = LineDown(Trouble.TAKEN if name == _TAKEN else Trouble.LOST, "" if name == _TAKEN else name.lower())
        elif name == "Keep alive timeout":
            self._down = LineDown(Trouble.SILENT)

    def _on_publish(self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: object) -> None:
        token = self._tokens.pop(mid, None)
        if token is not None:
            self._tell(Acknowledged(token, reason.is_failure))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if self._brought - self._handed < MAX_MQTT_INBOUND:
            self._brought += 1
            self._tell(Arrived(message.topic, bytes(message.payload), message.retain))

    def _tell(self, event: LineEvent) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._hand_over, event)

    def _hand_over(self, event: LineEvent) -> None:
        if isinstance(event, Arrived):
            self._handed += 1
        self._post(event)


def _words(error: OSError | UnicodeError) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()
