"""Keeps one transport running: whatever ends it is shown, and it is started again after a while."""

import asyncio
from collections.abc import Callable
from random import Random

from transports.backoff import Backoff
from transports.link import Post, Transport, TransportState, TransportStatus

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
        self._fault: str | None = None
        self.failures = 0

    async def run(self, post: Post) -> None:
        """Run the transport until cancelled; one broken transport never stops the others."""
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            self._fault = None
            try:
                await self.transport.run(post)
                self._fault = "it ended by itself"
            except Exception as error:  # noqa: BLE001 - whatever it was, the rest of the gateway goes on
                self._fault = str(error) or type(error).__name__
            self.failures += 1
            if loop.time() - started >= HEALTHY_S:
                self._backoff.reset()
            wait = self._backoff.next()
            self._report(f"{self.transport.name} stopped: {self._fault} Starting it again in {wait:.0f} s.")
            await asyncio.sleep(wait)

    def status(self) -> TransportStatus:
        """Return the transport's own status, or why it is not running."""
        if self._fault is None:
            return self.transport.status()
        return TransportStatus(self.transport.name, TransportState.DOWN, self._fault, counters={"failures": self.failures})
