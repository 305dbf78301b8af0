"""Counts what every node of a world puts on the air, packet by packet."""

SENDER = {1: slice(14, 22), 2: slice(16, 24)}
"""Where the sender ID stands in a packet, by version (docs/protocol.md, packet)."""


class Traffic:
    """Who sent which packet how often.

    Packets are told apart by their bytes from the timestamp on plus version and type: the
    TTL changes from hop to hop and nothing else does. A packet with TTL 0 (sync request or
    answer) is meant for one neighbour; it is counted as a transmission, never as a relay.
    The newest `max_packets` are remembered.
    """

    __slots__ = ("_bits", "_max_packets", "_names", "_packets", "repeated")

    def __init__(self, max_packets: int = 100_000) -> None:
        self._max_packets = max_packets
        self._bits: dict[str, int] = {}
        self._names: list[str] = []
        self._packets: dict[bytes, list[int]] = {}  # [bit set of the nodes that relayed it, transmissions]
        self.repeated: list[tuple[str, bytes]] = []  # (node, frame) relayed by that node before

    def note(self, node: str, address: bytes | None, frame: bytes, links: int) -> None:
        """`node`, whose peer ID is `address`, puts `frame` on that many links."""
        seen = self._packets.get(key := frame[:2] + frame[3:])
        if seen is None:
            self._packets[key] = seen = [0, 0]
            if len(self._packets) > self._max_packets:
                del self._packets[next(iter(self._packets))]
        seen[1] += links
        if frame[2] and frame[SENDER.get(frame[0], SENDER[1])] != address:
            bit = self._bits.get(node)
            if bit is None:
                self._bits[node] = bit = 1 << len(self._names)
                self._names.append(node)
            if seen[0] & bit:
                self.repeated.append((node, frame))
            seen[0] |= bit

    def relays(self, frame: bytes) -> frozenset[str]:
        """The nodes that relayed this packet, whatever its TTL."""
        mask = self._packets.get(frame[:2] + frame[3:], [0, 0])[0]
        return frozenset(name for name in self._names if mask & self._bits[name])

    def transmissions(self, frame: bytes) -> int:
        """How many frames this packet cost, summed over nodes and links."""
        return self._packets.get(frame[:2] + frame[3:], [0, 0])[1]

    @property
    def packets(self) -> int:
        """How many different packets went over the air."""
        return len(self._packets)

    @property
    def total_transmissions(self) -> int:
        """How many frames all packets cost together."""
        return sum(seen[1] for seen in self._packets.values())
