"""Who is let in: tickets are judged, and every answer but yes is the same one, after the same work.

Whatever was shown, even nothing, one text is decoded, one X25519 secret made, three proofs derived and compared, one
replay looked up and one budget looked at. What cannot be decoded is replaced by a stand-in for the rest of the way.

A ticket is good in its own hour, the hour before and the hour after, and once. It is remembered by its proof and not
by the visitor's public key as the text has it: X25519 does not tell apart many spellings of one key, and with another
spelling a recorded ticket could be shown again. It is remembered until it is good no more, which is up to three hours;
with the two hours of the text, a ticket first shown early could be shown a second time.

Source: BetaNet 1.1, section 5.2.
"""

from collections.abc import Sequence
from hmac import compare_digest
from ipaddress import IPv4Address, ip_address
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from transports import limits
from transports.betanet.buckets import Bucket
from transports.betanet.tickets import (
    HOUR_S,
    LEAST_TEXT,
    MOST_TEXT,
    Ticket,
    TicketKey,
    decode_base64url,
    fields_of,
    has_owner,
    is_base64url,
    is_sound,
    issue,
    proof_of,
    shared_secret,
    to_text,
)

REPLAY_S: Final = 7_200  # seconds, the least for which a ticket is remembered
_REACH: Final = (-1, 0, 1)  # hours around the present one in which a ticket is good


def prefix_of(address: str) -> bytes:
    """Return the network that shares a budget with an address: /24 of IPv4, also inside IPv6, else /56.

    Raises:
        ValueError: not an IP address.
    """
    parsed = ip_address(address.partition("%")[0])
    inner = parsed if isinstance(parsed, IPv4Address) else parsed.ipv4_mapped
    return inner.packed[:3] if inner is not None else parsed.packed[:7]


class Budgets:
    """A token bucket for each network, and one for all networks beyond `TICKET_PREFIXES`."""

    __slots__ = ("_buckets", "_others", "_swept")

    def __init__(self, now: float) -> None:
        self._buckets: dict[bytes, Bucket] = {}
        self._others = Bucket(limits.TICKET_RATE, limits.TICKET_BURST, now)
        self._swept = now

    def __len__(self) -> int:
        """Networks with a bucket of their own."""
        return len(self._buckets)

    def take(self, prefix: bytes, now: float, tokens: float) -> bool:
        """Take tokens from the budget of a network; tell whether there were as many."""
        bucket = self._buckets.get(prefix)
        if bucket is None:
            bucket = Bucket(limits.TICKET_RATE, limits.TICKET_BURST, now)
            if tokens:
                bucket = self._kept(prefix, bucket, now)
        return bucket.take(now, tokens)

    def _kept(self, prefix: bytes, bucket: Bucket, now: float) -> Bucket:
        if len(self._buckets) >= limits.TICKET_PREFIXES and abs(now - self._swept) >= limits.TICKET_SWEEP_S:
            # A full bucket remembers nothing, so that nothing is lost with it.
            self._buckets = {name: held for name, held in self._buckets.items() if not held.full(now)}
            self._swept = now
        if len(self._buckets) >= limits.TICKET_PREFIXES:
            return self._others
        self._buckets[prefix] = bucket
        return bucket


class Admission:
    """Judges the tickets shown to one site.

    Args:
        keys: the site's ticket keys, 1 to `TICKET_KEYS`.
        stand_in: 32 secret random bytes, for the work on what is no ticket.
        now: unix seconds, here and in `judge`.
    """

    __slots__ = (
        "_budgets",
        "_keys",
        "_pruned",
        "_seen",
        "_stand_in",
        "_stand_in_key",
        "_stand_in_public",
        "_stand_in_text",
        "admitted",
        "refused",
    )

    def __init__(self, keys: Sequence[TicketKey], *, stand_in: bytes, now: float) -> None:
        if not 0 < len(keys) <= limits.TICKET_KEYS:
            raise ValueError(f"{len(keys)} ticket keys")
        self._keys = [(key.key_id, X25519PrivateKey.from_private_bytes(key.private)) for key in keys]
        self._stand_in_key = X25519PrivateKey.from_private_bytes(stand_in)
        public = self._stand_in_key.public_key().public_bytes_raw()
        payload = issue(public, bytes(8), 0, client_private=stand_in, nonce=bytes(32), padding=bytes(44))
        self._stand_in_text = to_text(payload)
        self._stand_in = payload
        self._stand_in_public = public
        self._seen: dict[bytes, float] = {}  # proof: unix seconds until which it is remembered
        self._pruned = now
        self._budgets = Budgets(now)
        self.admitted = 0
        self.refused = 0  # tickets, or what was shown as one

    def judge(self, shown: str | None, prefix: bytes, now: float) -> bool:
        """True when `shown` is a ticket that lets in, which it then does no more.

        Args:
            shown: the text found in a request (see `carriers`), None when there is none.
            prefix: of the visitor's address, see `prefix_of`.
            now: unix seconds.
        """
        readable, ticket = self._ticket(shown)
        usable, secret, key_id = self._secret(ticket)
        present = int(now) // HOUR_S
        until = 0
        for hour in (present + offset for offset in _REACH):
            if compare_digest(proof_of(secret, key_id, max(0, hour)), ticket.proof):
                until = (hour + 2) * HOUR_S
        self._prune(now)
        fresh = ticket.proof not in self._seen and len(self._seen) < limits.TICKET_REPLAYS
        within_budget = self._budgets.take(prefix, now, 0.0 if shown is None else 1.0)
        admitted = readable and usable and bool(until) and fresh and within_budget
        if admitted:
            self._seen[ticket.proof] = max(until, now + REPLAY_S)
            self.admitted += 1
        elif shown is not None:
            self.refused += 1
        return admitted

    def _ticket(self, shown: str | None) -> tuple[bool, Ticket]:
        # Exceptions, and texts that are longer or shorter than a ticket, would take a time that tells.
        seen = shown if shown is not None and LEAST_TEXT <= len(shown) <= MOST_TEXT else self._stand_in_text
        lettered = is_base64url(seen)
        payload, exact = decode_base64url(seen if lettered else self._stand_in_text)
        sound = is_sound(payload)
        return seen is shown and lettered and exact and sound, fields_of(payload if sound else self._stand_in)

    def _secret(self, ticket: Ticket) -> tuple[bool, bytes, bytes]:
        private = self._stand_in_key
        usable = False
        for key_id, candidate in self._keys:
            if compare_digest(key_id, ticket.key_id):
                private, usable = candidate, True
        # The library says what is wrong with a key of small order, which takes it a tenth longer than to use another.
        owned = has_owner(ticket.client_public)
        secret = shared_secret(private, ticket.client_public if owned else self._stand_in_public)
        return usable and owned, secret, ticket.key_id

    def _prune(self, now: float) -> None:
        """Forget, once an hour, what is good no more."""
        if now >= self._pruned + HOUR_S or now < self._pruned:
            self._seen = {proof: until for proof, until in self._seen.items() if until > now}
            self._pruned = now
