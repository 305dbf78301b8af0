"""Keeps one transport running: whatever ends it is shown, and it is started again after a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from random import Random

from gateway.limits import MAX_LINKS
from transports.backoff import Backoff
from transports.link import LinkDown, LinkEvent, LinkId, LinkUp, Post, Transport, TransportState, TransportStatus

HEALTHY_S = 60.0  # seconds after which a failure counts as a first one again


class Supervised:
    """One transport and the story of its failures.

    Args:
        transport: what to run.
        rng: source of the jitter between restarts.
        report: told a sentence whenever the transport fails.

    """

    def __init__(self, transport: Transport, rng: Random, report: Callable[[str], None]) -> None:
        self.transport = transport
        self._backoff = Backoff(rng)
        self._report = report
        self._fault = ""
        self._gone: OrderedDict[LinkId, None] = OrderedDict()  # links that went down, the latest last
        self.failures = 0
        self.reconnects = 0  # links that came up again under the name they had

    async def run(self, post: Post) -> None:
        """Run the transport until cancelled; one broken transport never stops the others."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        while True:
            started = loop.time()
            self._fault = ""
            self._fault = f"{self.transport.name} stopped: {await self._run_once(post)}."
            self.failures += 1
            if task is not None and task.cancelling():
                # A transport that fails while it is being cancelled must not be started again.
                self._report(self._fault)
                raise asyncio.CancelledError
            if loop.time() - started >= HEALTHY_S:
                self._backoff.reset()
            wait = self._backoff.next()
            self._report(f"{self._fault} Starting it again in {wait:.0f} s.")
            await asyncio.sleep(wait)

    def status(self) -> TransportStatus:
        """Return the transport's own status, or why it is not running."""
        failures = {"failures": self.failures} if self.failures else {}
        if self._fault:
            return TransportStatus(
                self.transport.name, TransportState.DOWN, self._fault, "It is started again by itself.", counters=failures
            )
        status = self.transport.status()
        return replace(status, counters={**status.counters, **failures}) if failures else status

    async def _run_once(self, post: Post) -> str:
        """Run the transport to its end; returns why it ended. No link outlives it, whatever it forgot to say."""
        up: set[LinkId] = set()

        def tell(event: LinkEvent) -> None:
            if isinstance(event, LinkUp):
                up.add(event.link)
                if event.link in self._gone:
                    del self._gone[event.link]
                    self.reconnects += 1
            elif isinstance(event, LinkDown):
                up.discard(event.link)
                self._gone[event.link] = None
                if len(self._gone) > MAX_LINKS:
                    self._gone.popitem(last=False)
            post(event)

        try:
            await self.transport.run(tell)
        except Exception as error:  # noqa: BLE001 - whatever it was, the rest of the gateway goes on
            return _reason(error)
        finally:
            for link in up:
                post(LinkDown(link, "the transport stopped"))
        return "it ended by itself"


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error).rstrip(".") or type(error).__name__
