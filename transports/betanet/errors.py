"""The one way BetaNet's codecs refuse, with the code that a CLOSE frame says it with."""

from enum import IntEnum


class Fault(IntEnum):
    """Why something is refused; the numbers are those of the 1.2 draft and go over the wire in CLOSE."""

    OK = 0x0000
    VERSION_NEGOTIATION_FAILED = 0x0001  # no protocol in common
    AUTH_FAILED = 0x0002  # a key, a tag or a signature is wrong
    PATH_INVALID = 0x0003  # a path that its nodes have not signed
    REPLAY = 0x0004  # seen before
    FLOW_CONTROL_VIOLATION = 0x0005  # more bytes, pings, streams or key updates than were allowed
    OLD_KEY_FRAME = 0x0006  # sealed with a key that is over
    MALFORMED_FRAME = 0x0007  # bytes that do not follow their format, a frame's or any other
    INTERNAL_ERROR = 0x0008
    POLICY_REJECTED = 0x0009  # well formed, and not wanted here
    UNSUPPORTED_FEATURE = 0x000A


class BetanetError(Exception):
    """Bytes or a peer that BetaNet's rules refuse; `fault` is counted and may be told to the peer.

    A codec raises this and nothing else; any other exception that leaves one is a bug.
    """

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault.name}: {detail}" if detail else fault.name)
        self.fault = fault


def malformed(detail: str) -> BetanetError:
    """Return the error for bytes that do not follow their format."""
    return BetanetError(Fault.MALFORMED_FRAME, detail)
