"""Exact accounting of messages: what was sent, who should have it, who got it when.

A ledger is plain data. Two processes keep one each, hand over their JSON, and the merged
ledger knows what crossed between them; for that their clocks must be the same clock.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypedDict


class _SentJson(TypedDict):
    kind: str
    sender: str
    at: float
    expected: list[str]


class _LedgerJson(TypedDict):
    sent: dict[str, _SentJson]
    received: dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Sent:
    """One message: what kind, by whom, when, and everybody who should get it."""

    kind: str
    sender: str
    at: float
    expected: frozenset[str]


@dataclass(frozen=True, slots=True)
class Account:
    """How many of the expected deliveries took place, and how long they took.

    ``expected == delivered + lost`` always; `duplicates` are repeats at a recipient that had
    the message, `strays` are deliveries to somebody who should not have it or of a message
    nobody sent.
    """

    messages: int
    expected: int
    delivered: int
    lost: int
    duplicates: int
    strays: int
    latencies: tuple[float, ...] = field(repr=False)  # seconds, sorted, one per delivery

    def percentile(self, percent: float) -> float:
        """Latency that `percent` of the deliveries (0..100) did not exceed; 0 when there were none."""
        if not self.latencies:
            return 0.0
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))]

    def to_json(self) -> dict[str, float]:
        """Counts, and latencies in milliseconds."""
        return {
            "messages": self.messages,
            "expected": self.expected,
            "delivered": self.delivered,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "strays": self.strays,
            "p50_ms": round(self.percentile(50) * 1000, 1),
            "p95_ms": round(self.percentile(95) * 1000, 1),
            "max_ms": round(self.percentile(100) * 1000, 1),
        }


class Books(Protocol):
    """Whoever is told of messages sent and received: a `Ledger`, or a wire to one."""

    def sent(self, message_id: str, kind: str, sender: str, expected: Collection[str], at: float) -> None:
        """Note a message at the moment it is said."""

    def received(self, message_id: str, recipient: str, at: float) -> None:
        """Note an arrival."""


class Ledger:
    """Messages by ID, their expected recipients, and every arrival."""

    def __init__(self) -> None:
        self.messages: dict[str, Sent] = {}  # by message ID
        self.arrivals: dict[str, dict[str, list[float]]] = {}  # message ID -> recipient -> times

    def __len__(self) -> int:
        return len(self.messages)

    def sent(self, message_id: str, kind: str, sender: str, expected: Collection[str], at: float) -> None:
        """Note a message at the moment it is said; `ValueError` if the ID was used before."""
        if message_id in self.messages:
            raise ValueError(f"message {message_id!r} was sent already")
        self.messages[message_id] = Sent(kind, sender, at, frozenset(expected) - {sender})

    def received(self, message_id: str, recipient: str, at: float) -> None:
        """Note an arrival."""
        self.arrivals.setdefault(message_id, {}).setdefault(recipient, []).append(at)

    def account(self, kind: str | None = None, *, sent_before: float | None = None) -> Account:
        """Balance the books for one kind of message or all, leaving out those sent later than `sent_before`."""
        chosen = {
            message_id: sent
            for message_id, sent in self.messages.items()
            if (kind is None or sent.kind == kind) and (sent_before is None or sent.at < sent_before)
        }
        expected = delivered = duplicates = strays = 0
        latencies = []
        for message_id, sent in chosen.items():
            arrivals = self.arrivals.get(message_id, {})
            expected += len(sent.expected)
            for recipient, times in arrivals.items():
                if recipient in sent.expected:
                    delivered += 1
                    duplicates += len(times) - 1
                    latencies.append(min(times) - sent.at)
                else:
                    strays += len(times)
        if kind is None:
            strays += sum(
                len(times) for message_id, by in self.arrivals.items() if message_id not in self.messages for times in by.values()
            )
        return Account(len(chosen), expected, delivered, expected - delivered, duplicates, strays, tuple(sorted(latencies)))

    def missing(self) -> list[tuple[str, str]]:
        """Every (message ID, recipient) that should have arrived and has not."""
        return [
            (message_id, recipient)
            for message_id, sent in self.messages.items()
            for recipient in sorted(sent.expected - self.arrivals.get(message_id, {}).keys())
        ]

    def repeated(self) -> list[tuple[str, str, list[float]]]:
        """Every (message ID, recipient, seconds after it was said) of a message that came more than once."""
        return [
            (message_id, recipient, [at - sent.at for at in sorted(times)])
            for message_id, sent in self.messages.items()
            for recipient, times in sorted(self.arrivals.get(message_id, {}).items())
            if len(times) > 1
        ]

    def overtaken(self, kind: str) -> int:
        """Count the deliveries of one kind that came before something the same sender had told the same recipient earlier."""
        latest: dict[tuple[str, str], float] = {}
        count = 0
        for message_id, sent in sorted(self.messages.items(), key=lambda item: item[1].at):
            for recipient, times in self.arrivals.get(message_id, {}).items():
                if sent.kind == kind and recipient in sent.expected:
                    way = sent.sender, recipient
                    count += times[0] < latest.get(way, times[0])
                    latest[way] = max(times[0], latest.get(way, times[0]))
        return count

    def to_json(self) -> str:
        """Every line of the books, for `merge` in another process."""
        books: _LedgerJson = {
            "sent": {
                message_id: {"kind": sent.kind, "sender": sent.sender, "at": sent.at, "expected": sorted(sent.expected)}
                for message_id, sent in self.messages.items()
            },
            "received": self.arrivals,
        }
        return json.dumps(books)

    @classmethod
    def from_json(cls, text: str) -> "Ledger":
        """Read what `to_json` wrote."""
        books: _LedgerJson = json.loads(text)
        ledger = cls()
        for message_id, sent in books["sent"].items():
            ledger.sent(message_id, sent["kind"], sent["sender"], sent["expected"], sent["at"])
        ledger.take_arrivals(books["received"])
        return ledger

    @classmethod
    def merge(cls, ledgers: Iterable["Ledger"]) -> "Ledger":
        """One ledger with the lines of all; `ValueError` if two sent the same message ID."""
        merged = cls()
        for ledger in ledgers:
            for message_id, sent in ledger.messages.items():
                merged.sent(message_id, sent.kind, sent.sender, sent.expected, sent.at)
            merged.take_arrivals(ledger.arrivals)
        return merged

    def take_arrivals(self, received: Mapping[str, Mapping[str, Iterable[float]]]) -> None:
        """Note arrivals that another ledger has: message ID to recipient to times."""
        for message_id, by in received.items():
            for recipient, times in by.items():
                for at in times:
                    self.received(message_id, recipient, at)
