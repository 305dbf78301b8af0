"""The air of one radio, which all of its links share.

Link-layer facts (Core Specification, volume 6, part B): a data packet is preamble (1 octet on 1M, 2 on 2M),
access address 4, header 2, payload up to 27 octets, or 251 with data length extension, and CRC 3; the
other side answers with at least an empty one; 150 microseconds lie before each. L2CAP adds 4 octets to
a frame, ATT 3.
"""

GAP_S = 150e-6
FRAME_OCTETS = 9  # access address, header, CRC
HEADERS = 7  # octets of L2CAP and ATT


class Air:
    """What one radio may send, frame after frame.

    Args:
        data_length: octets in a link-layer packet: 27, or 251 with data length extension.
        mbit: million symbols a second, 1 or 2.
        share: of the time, what is left for sending by what is received, by scanning and by gaps between connection events.

    """

    __slots__ = ("_data_length", "_free_at", "_mbit", "_share")

    def __init__(self, data_length: int = 27, mbit: int = 1, share: float = 0.5) -> None:
        self._data_length = data_length
        self._mbit = mbit
        self._share = share
        self._free_at = 0.0

    def seconds(self, size: int) -> float:
        """Return how long a frame of so many bytes takes, acknowledgements included."""
        left, octets, gaps = size + HEADERS, 0, 0
        while left > 0:
            octets += 2 * (FRAME_OCTETS + self._mbit) + min(left, self._data_length)
            gaps += 2
            left -= self._data_length
        return octets * 8e-6 / self._mbit + gaps * GAP_S

    def book(self, size: int, now: float) -> float:
        """Give a frame the next free time; returns when it will have been sent."""
        self._free_at = max(now, self._free_at) + self.seconds(size) / self._share
        return self._free_at
