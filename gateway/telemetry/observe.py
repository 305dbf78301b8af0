"""Puts telemetry around a gateway: what is read of it, who may ask, and what systemd is told."""

import asyncio
import os
from collections.abc import Callable, Sequence

from aiohttp.typedefs import Middleware

from gateway.admin.route import Answers
from gateway.config import Config
from gateway.mesh.effects import Effect, Receipt
from gateway.mesh.records import Decided
from gateway.status import sentence
from gateway.telemetry.events import Entry, Event, Level, Tell
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.figures import LogCounts, Parts, figures
from gateway.telemetry.health import Name
from gateway.telemetry.listener import Listener, read_token
from gateway.telemetry.logs import Logs
from gateway.telemetry.messages import entry_of
from gateway.telemetry.probes import Probes, counting
from gateway.telemetry.pulse import Pulse
from gateway.telemetry.redaction import Redactor
from gateway.telemetry.rounds import Check, Rounds
from hw.systemd.notify import Notifier
from hw.vitals import Vitals
from transports.websocket.address import parse_listen


class Observed:
    """What a gateway shows of itself while it runs.

    Args:
        config: what the operator decided.
        parts: everything that has numbers.
        checks: what is looked at beside the transports and the sensors.
        child: process ID of the libp2p child, None while there is none.
        sense: reads the sensors.
        notifier: tells systemd.
        tell: takes entries for the log.
        logs: where they end, for its numbers and its redactor; None if nobody keeps one.

    Attributes:
        rounds: looks at everything.
        exposition: makes the page for Prometheus.

    Raises:
        ConfigError: a token cannot be read.

    """

    def __init__(
        self,
        config: Config,
        parts: Parts,
        checks: Sequence[Check],
        *,
        child: Callable[[], int | None],
        sense: Callable[[], Vitals],
        notifier: Notifier,
        tell: Tell,
        logs: Logs | None,
    ) -> None:
        self._parts = parts
        self._tell = tell
        self._logs = logs
        self._files = config.metrics.token_files
        self._tokens: tuple[str, ...] = ()
        if logs is not None:
            parts.logs = LogCounts(lambda: logs.counts, lambda: logs.left_out)
        redactor = None
        if config.log.redact:
            redactor = logs.redactor if logs is not None and logs.redactor is not None else Redactor(os.urandom(16))
        self._redactor = redactor
        self.exposition = Exposition(lambda: figures(parts, _now()), _now, child)
        self._probes = Probes(parts.health, self.exposition, redactor, _now)
        addresses = [parse_listen(text) for text in config.metrics.listen]
        self.listener = Listener(addresses, lambda: self._tokens, self._probes, parts.meter, _now, self._mistaken)
        unreachable = Check(Name.METRICS_UNREACHABLE, lambda: self.listener.trouble)
        self.rounds = Rounds(parts.health, parts.transports, (*checks, unreachable))
        self._pulse = Pulse(self.rounds, parts, self._sentence, sense, notifier)
        self._notifier = notifier
        self.read_tokens()
        parts.reloads.listen("the tokens for metrics", self.read_tokens)

    @property
    def counting(self) -> Middleware:
        """What counts the answers of a listener."""
        return counting(self._parts.meter)

    def answers(self) -> Answers:
        """Return who answers what machines ask."""
        return self._probes.answers()

    def start(self) -> list[asyncio.Task[None]]:
        """Start looking and listening; whoever starts it cancels it."""
        self._pulse.look(_now())
        tasks = [asyncio.create_task(self._pulse.keep(), name="vitals")]
        if self.listener.addresses:
            tasks.append(asyncio.create_task(self.listener.run(), name="metrics"))
        return tasks

    def ready(self) -> None:
        """Everything is set up, and commands are answered."""
        self._notifier.ready()
        self._say(Level.INFO, Event.GATEWAY_READY, "Ready.")

    def stopping(self, *, again: bool = False) -> None:
        """The gateway is about to end; or to start `again` as the same process, which systemd would end if it heard of a stop."""
        if again:
            self._notifier.reloading()
        else:
            self._notifier.stopping()
        self._say(Level.INFO, Event.GATEWAY_STOPPING, "Stopping.")

    def reload(self) -> bool:
        """Have new settings taken by whoever can; tells systemd and the log how it went."""
        self._notifier.reloading()
        reloads = self._parts.reloads
        taken = reloads.reload(_now())
        if taken:
            self._say(Level.INFO, Event.RELOADED, "New settings are in force; those that need a restart wait for one.")
        else:
            self._say(Level.WARNING, Event.RELOAD_REFUSED, " ".join(reloads.trouble or ()))
        self._notifier.ready()
        return taken

    def take(self, effect: Effect) -> None:
        """Log a decision about a message, if that is worth an entry."""
        if self._logs is not None and self._logs.level <= Level.DEBUG and isinstance(effect, Decided | Receipt):
            self._tell(entry_of(effect))

    def read_tokens(self) -> None:
        """Read the tokens for metrics anew; raises `ConfigError`, and the old ones stay."""
        self._tokens = tuple(map(read_token, self._files))

    def _sentence(self, now: float) -> str:
        parts = self._parts
        near = sum(peer.is_local(now) for peer in parts.engine.mesh.peers)
        pump = parts.pump()
        waiting = parts.trunks.waiting_bytes + (pump.waiting_bytes if pump is not None else 0)
        said = sentence(near, len(parts.engine.sites), waiting, parts.health.problems(now))
        return said if self._redactor is None else self._redactor.text(said)

    def _mistaken(self, sentence: str) -> None:
        self._say(Level.WARNING, Event.LIBRARY, sentence)

    def _say(self, level: Level, event: Event, text: str) -> None:
        self._tell(Entry(level, event, text))


def _now() -> float:
    """Monotonic seconds, the event loop's."""
    return asyncio.get_running_loop().time()
