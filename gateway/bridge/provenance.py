"""Which sites have which packet, so that nothing comes back and rings stay quiet."""

from collections import OrderedDict
from collections.abc import Iterable

from gateway.limits import MAX_PROVENANCE, MAX_SITES_SEEN, PROVENANCE_LIFETIME_S
from gateway.wire.envelope_schema import SITE_ID


class Provenance:
    """A bounded memory of the sites that have seen a packet, or are being sent it."""

    def __init__(self) -> None:
        # The sites of a packet stand in one bytes object: 64 objects each would let a lying site fill 145 MiB.
        self._seen: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def sites(self, packet_id: bytes, now: float) -> frozenset[bytes]:
        """Return the sites known to have a packet."""
        entry = self._seen.get(packet_id)
        if entry is None or now - entry[0] >= PROVENANCE_LIFETIME_S:
            return frozenset()
        joined = entry[1]
        return frozenset(joined[at : at + SITE_ID] for at in range(0, len(joined), SITE_ID))

    def add(self, packet_id: bytes, sites: Iterable[bytes], now: float) -> frozenset[bytes]:
        """Note more sites that have a packet; returns all of them."""
        known = self.sites(packet_id, now)
        fresh = [site for site in sites if site not in known]
        known |= frozenset(fresh[: max(0, MAX_SITES_SEEN - len(known))])
        self._seen[packet_id] = (now, b"".join(known))
        self._seen.move_to_end(packet_id)
        if len(self._seen) > MAX_PROVENANCE:
            self._seen.popitem(last=False)
        return known
