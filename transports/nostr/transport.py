"""Links to Nostr relays: ``nostr:<place>`` each, whose frames are finished events and what became of them."""

import asyncio
import random
import ssl
from collections import Counter
from collections.abc import Callable

from transports.limits import NOSTR_ANSWER_S, NOSTR_FRAME
from transports.link import Capability, LinkId, Post, TransportStatus
from transports.nostr.address import parse_relay
from transports.nostr.calls import RelayCalls, default_context
from transports.nostr.config import NostrConfig
from transports.nostr.relay import Relay, Wall
from transports.nostr.report import report


class NostrTransport:
    """Holds a link to every relay of the configuration that answers.

    Args:
        config: what the operator decided.
        rng: names of subscriptions, and the jitter between calls.
        wall: Unix seconds, None while the time of day is not known; nothing is asked before.
        on_notice: told ``(level, sentence)`` when a relay comes or goes.
        context: TLS, what this machine trusts unless given.
        answer_s: seconds a relay has for its first answer.

    """

    name = "nostr"
    capabilities = Capability.RELAY

    def __init__(
        self,
        config: NostrConfig,
        rng: random.Random,
        wall: Wall,
        on_notice: Callable[[str, str], None] = lambda _level, _sentence: None,
        *,
        context: ssl.SSLContext | None = None,
        answer_s: float = NOSTR_ANSWER_S,
    ) -> None:
        self._config = config
        self._rng = rng
        self._wall = wall
        self._on_notice = on_notice
        self._context = context
        self._answer_s = answer_s
        self._addresses = [parse_relay(text) for text in config.relays]
        self._relays: dict[LinkId, Relay] = {}
        self._told: dict[LinkId, str] = {}
        self._counts: Counter[str] = Counter()

    async def run(self, post: Post) -> None:
        """Serve until cancelled."""
        calls = RelayCalls(self._context or default_context())
        try:
            async with calls.ready(), asyncio.TaskGroup() as tasks:
                for address in self._addresses:
                    relay = Relay(
                        address, self._config.filters, calls, self._wall, self._rng, post, self._counts, self._note, self._answer_s
                    )
                    self._relays[relay.link] = relay
                    tasks.create_task(relay.keep_calling(), name=f"calls relay {address.place}")
        finally:
            self._relays = {}

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame, ``["EVENT",event]``.

        True says no more than that it will be written if the link stays up; what the relay makes of it
        comes as a frame of its own. False means full (a `Writable` follows) or that there is no such link.

        Raises:
            ValueError: the frame is larger than the link's mtu.
        """
        if len(frame) > NOSTR_FRAME:
            raise ValueError(f"A frame of {len(frame)} bytes is larger than the link's mtu of {NOSTR_FRAME}.")
        relay = self._relays.get(link)
        return relay is not None and relay.offer(frame)

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link; its `LinkDown` follows, and the relay is called again later."""
        relay = self._relays.get(link)
        if relay is not None:
            relay.close(why)

    def status(self) -> TransportStatus:
        """A snapshot."""
        return report(
            running=bool(self._relays),
            waits_for_clock=self._wall() is None,
            relays={relay.address.place: relay.why for relay in self._relays.values()},
            counters=dict(self._counts),
        )

    def _note(self, relay: Relay) -> None:
        """Tell of a relay that came or went, if that is news."""
        if self._told.get(relay.link) != relay.why:
            self._told[relay.link] = relay.why
            place = relay.address.place
            if relay.why:
                self._on_notice("warning", f"The relay {place} is not linked: {relay.why}.")
            else:
                self._on_notice("info", f"The relay {place} is linked.")
