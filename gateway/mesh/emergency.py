"""What counts as an emergency on the radio, and how often somebody may have one.

BitChat has no such thing as an emergency. What comes nearest is the board post its author marks as
urgent. Marking costs nothing, and neither does a new name; so each sender has a small allowance and so
has each link, and what is beyond goes with everything else that is said in public.
"""

from gateway.limits import EMERGENCY_BURST, EMERGENCY_ORIGIN_BURST, EMERGENCY_ORIGIN_RATE, EMERGENCY_RATE, MAX_EMERGENCY_ORIGINS
from gateway.mesh.links import Link
from gateway.session.rate import KeyedBuckets, TokenBucket
from gateway.wire.board import BoardPost, decode_board
from gateway.wire.packet import Header, payload_of
from gateway.wire.types import MessageType


class Emergencies:
    """The allowances; `demoted` counts urgent posts that had none left."""

    def __init__(self) -> None:
        self._origins = KeyedBuckets(EMERGENCY_ORIGIN_RATE, EMERGENCY_ORIGIN_BURST, MAX_EMERGENCY_ORIGINS)
        self._elsewhere = TokenBucket(EMERGENCY_RATE, EMERGENCY_BURST)
        self.demoted = 0

    def admit(self, sender_id: bytes, ingress: Link | None, now: float) -> bool:
        """Take an urgent post from its sender's allowance and its link's, or that of all other islands; False if one is used up."""
        bucket = self._elsewhere if ingress is None else ingress.emergencies
        if self._origins.take(sender_id, now) and bucket.take(now):
            return True
        self.demoted += 1
        return False


def is_urgent(frame: bytes, header: Header) -> bool:
    """Say whether a packet is a board post that its author marked as urgent; raises `DecodeError` for one without shape."""
    if header.type != MessageType.BOARD:
        return False
    notice = decode_board(payload_of(frame, header))
    return isinstance(notice, BoardPost) and notice.is_urgent
