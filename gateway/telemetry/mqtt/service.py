"""MQTT in the running gateway: what it knows is published, and what is asked for is done.

It waits for nobody in the gateway's way: the gateway hands over effects and answers questions about its status,
the broker is spoken to by a thread (`gateway.telemetry.mqtt.line`), and commands are carried out in tasks.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from gateway.config.mqtt import MqttConfig, PeerNames, parse_broker
from gateway.errors import GatewayError
from gateway.mesh.effects import Effect
from gateway.status import MqttSummary
from gateway.telemetry.mqtt.commands import Admission, Fault, RefusedError, answered, refused
from gateway.telemetry.mqtt.dialling import Dialling
from gateway.telemetry.mqtt.documents import Software
from gateway.telemetry.mqtt.publishing import Publisher, Surroundings, counters
from gateway.telemetry.mqtt.sentences import sentence_of
from gateway.telemetry.mqtt.session import Session
from gateway.telemetry.mqtt.topics import Topics
from gateway.telemetry.mqtt.values import Action, Dial, HangUp, Line, LineEvent, OpenLine, Order, Report, Send, Version
from transports.backoff import Backoff

LOOK_S: Final = 5.0  # seconds between two looks at the gateway
DEED_S: Final = 30.0  # seconds a command may take
LEAVE_S: Final = 3.0  # seconds for the goodbye
TROUBLE_S: Final = 60.0  # seconds without a broker after which the gateway's status says so
_SHOWN: Final = {Version.V5: "5", Version.V311: "3.1.1"}


class Mqtt:
    """Keeps a broker informed for as long as it runs.

    Args:
        config: the operator's wishes.
        topics: of this gateway.
        software: what runs.
        around: see `Surroundings`.
        open_line: see `OpenLine`.
        rng: chance; cryptographic unless a test says otherwise.

    """

    def __init__(
        self, config: MqttConfig, topics: Topics, software: Software, around: Surroundings, open_line: OpenLine, rng: Random
    ) -> None:
        self._config = config
        self._around = around
        self._open_line = open_line
        dialling = Dialling([parse_broker(text) for text in config.brokers], Backoff(rng))
        self.session = Session(topics, dialling, Admission(config.commands, around.deeds), rng)
        self._publisher = Publisher(self.session, config, software, around, rng.randbytes(16))
        self._line: Line | None = None
        self._inbox: deque[LineEvent] = deque()  # bounded by the line
        self._wake = asyncio.Event()
        self._deeds: set[asyncio.Task[None]] = set()
        self._look_at = 0.0
        self._backoff = Backoff(rng)

    async def run(self) -> None:
        """Serve until cancelled, then say goodbye. A mistake of ours is reported and does not end the gateway."""
        try:
            while True:
                try:
                    await self._serve()
                except Exception as error:  # noqa: BLE001 -- the gateway goes on without MQTT meanwhile
                    wait = self._backoff.next()
                    self._around.report(f"MQTT stopped: {type(error).__name__}: {error}. Going on in {wait:.0f} s.")
                    await asyncio.sleep(wait)
        finally:
            await self._leave()

    def take(self, effect: Effect, now: float) -> None:
        """Take what the engine reports."""
        if self._publisher.take(effect, now):
            self._wake.set()

    def summary(self) -> MqttSummary:
        """Return how the line to the broker is doing."""
        session, dialled = self.session, self.session.dialled
        host = dialled.broker.host if dialled is not None else ""
        sentence, remedy = "No broker has answered yet.", "Check mqtt.brokers and the network."
        if session.is_up:
            sentence, remedy = f"Connected to {host}.", ""
        elif session.trouble is not None:
            sentence, remedy = sentence_of(session.trouble, session.troubled, session.topics.client_id)
        return MqttSummary(
            connected=session.is_up,
            sentence=sentence,
            remedy=remedy,
            broker=host,
            version=_SHOWN[dialled.version] if session.is_up and dialled is not None else "",
            publishes_content=self._config.peers is not PeerNames.OFF or bool(self._config.messages),
            counters=counters(session),
        )

    def troubles(self, now: float, uptime: float) -> list[tuple[str, str]]:
        """What is wrong and what to do about it, once it has been wrong for a while."""
        if self.session.is_up or min(now - self.session.lost_at, uptime) < TROUBLE_S:
            return []
        summary = self.summary()
        return [(f"MQTT: {summary.sentence}", summary.remedy)]

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() >= self._look_at:
                host = await asyncio.to_thread(self._around.host)
                self._look_at = loop.time() + LOOK_S
                self._publisher.look(self._around.status(), host, loop.time())
            self._wake.clear()
            while self._inbox:
                self._do(self.session.handle(self._inbox.popleft(), loop.time(), self._around.wall()))
            self._do(self.session.run_due(loop.time()))
            until = min(self._look_at, self.session.next_wakeup(loop.time()))
            try:
                async with asyncio.timeout_at(until):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _leave(self) -> None:
        """Say that the gateway is gone, as far as the broker listens."""
        loop = asyncio.get_running_loop()
        for task in self._deeds:
            task.cancel()
        await asyncio.gather(*self._deeds, return_exceptions=True)
        self._do(self.session.end(loop.time()))
        try:
            async with asyncio.timeout(LEAVE_S):
                while self.session.dialled is not None:
                    self._wake.clear()
                    while self._inbox:
                        self._do(self.session.handle(self._inbox.popleft(), loop.time(), None))
                    if self.session.dialled is not None:
                        await self._wake.wait()
        except TimeoutError:
            if self._line is not None:
                self._line.end(politely=False)

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Dial():
                    self._line = self._open_line(action, self._listener())
                case Send(token=token, message=message):
                    if self._line is not None:
                        self._line.send(token, message)
                case HangUp(trouble=trouble):
                    if self._line is not None:
                        self._line.end(politely=trouble is None)
                case Order():
                    task = asyncio.create_task(self._carry_out(action), name=f"mqtt {action.verb.value}")
                    self._deeds.add(task)
                    task.add_done_callback(self._deeds.discard)
                case Report(sentence=sentence):
                    self._around.report(sentence)

    def _listener(self) -> Callable[[LineEvent], None]:
        """Return what takes the events of a new line; nothing is taken any more from the one before."""
        self._inbox = inbox = deque[LineEvent]()

        def listen(event: LineEvent) -> None:
            if self._inbox is inbox:
                inbox.append(event)
                self._wake.set()

        return listen

    async def _carry_out(self, order: Order) -> None:
        """Do what was asked for, and answer."""
        try:
            async with asyncio.timeout(DEED_S):
                answer = answered(await self._around.deeds[order.verb](order.value), order.transaction)
        except TimeoutError:
            answer = refused(RefusedError(Fault.FAILED, "It took too long and was given up.", order.transaction))
        except GatewayError as error:
            answer = refused(RefusedError(Fault.FAILED, str(error), order.transaction))
        except Exception as error:  # noqa: BLE001 -- whoever asked is told, and the gateway goes on
            answer = refused(RefusedError(Fault.FAILED, f"It failed: {type(error).__name__}.", order.transaction))
        self.session.admission.close(order, answer)
        self.session.answer(order.verb.value, answer, asyncio.get_running_loop().time())
        self._look_at = 0.0
        self._wake.set()
