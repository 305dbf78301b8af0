"""What an operator decides about relays."""

from dataclasses import dataclass

from transports.limits import MAX_RELAYS
from transports.nostr.address import parse_relay
from transports.nostr.protocol import Filter


@dataclass(frozen=True, slots=True)
class NostrConfig:
    """Which relays are called, and what they are asked for.

    Raises:
        ValueError: on construction, with a sentence for the person who wrote the configuration.
    """

    relays: tuple[str, ...]  # wss://HOST[:PORT][/PATH]
    filters: tuple[Filter, ...]

    def __post_init__(self) -> None:
        seen = set()
        for text in self.relays:
            place = parse_relay(text).place
            if place in seen:
                raise ValueError(f"{text!r} is listed twice among the relays.")
            seen.add(place)
        if not self.relays:
            raise ValueError("Nostr is switched on and no relay is named.")
        if len(self.relays) > MAX_RELAYS:
            raise ValueError(f"{len(self.relays)} relays are more than the {MAX_RELAYS} a gateway talks to.")
        if not self.filters:
            raise ValueError("Nothing is asked for: a subscription needs a filter.")
