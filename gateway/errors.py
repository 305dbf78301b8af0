"""The error tree and the closed list of reasons a packet can be refused for.

Rules:

* Everything Meshgate raises on purpose is a `GatewayError`.
* A codec raises `DecodeError` and nothing else; any other exception that leaves one is a bug.
* `DecodeError`s are counted by `Reason`, never logged one by one: a stranger can make millions of them.
* `Reason` is a closed set because it becomes a Prometheus label.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a packet was refused or dropped."""

    # Shape of a packet (raised by gateway.wire).
    SHORT = "short"  # fewer bytes than the fixed header needs
    VERSION = "version"  # neither version 1 nor 2
    TRUNCATED = "truncated"  # a declared field runs past the end
    OVERSIZED = "oversized"  # more bytes, or more declared, than the cap
    INFLATE = "inflate"  # not a complete deflate stream of exactly the declared size
    BOMB = "bomb"  # declared ratio or size of compressed payload out of bounds
    ROUTE = "route"  # source route malformed
    PADDING = "padding"
    TLV = "tlv"  # a TLV runs past the end, repeats, or must not be there
    FIELD = "field"  # a required field is missing, or a value is out of range
    TEXT = "text"  # not valid UTF-8
    FRAGMENT = "fragment"  # fragment header out of range
    FILTER = "filter"  # GCS filter parameters out of range
    SIGNATURE = "signature"  # an inner or outer signature is missing or wrong
    ENVELOPE = "envelope"  # site-to-site envelope malformed

    # Admission (decided by gateway.mesh).
    DUPLICATE = "duplicate"
    OWN = "own"  # our own packet coming back
    WINDOW = "window"  # timestamp further than the allowed skew from now
    STALE = "stale"  # announce older than its limit
    CLOCK = "clock"  # our own clock is not set, so no timestamp can be judged
    RATE = "rate"  # a token bucket ran dry
    UNSOLICITED = "unsolicited"  # RSR answer nobody asked for
    TTL = "ttl"  # hop count used up, or a TTL the type must not have
    UNKNOWN_SENDER = "unknown_sender"  # no verified announce of the sender
    IDENTITY = "identity"  # sender ID is not the hash of the announced key, or a pinned key changed
    MISDIRECTED = "misdirected"  # sent over a link bound to somebody else
    ASSEMBLY = "assembly"  # fragment assembly over its caps or out of time
    MALFORMED_INNER = "malformed_inner"  # a reassembled or decrypted packet does not decode
    MAIL_OFF = "mail_off"  # mail for somebody who is away, to a node or from a site, where none is held
    UNREAD = "unread"  # a private message to a node whose mail nobody reads
    SESSION = "session"  # Noise handshake or decryption failed
    EARLY = "early"  # ciphertext kept until its handshake finishes
    QUEUE_FULL = "queue_full"

    # Bridging (decided by gateway.bridge).
    NOT_BRIDGEABLE = "not_bridgeable"  # the type never leaves its island
    ECHO = "echo"  # the site, or this gateway, has seen it already
    UNKNOWN_RECIPIENT = "unknown_recipient"  # no site has announced the recipient
    BUDGET = "budget"  # per-origin budget used up
    EXPIRED = "expired"
    BRIDGE_OFF = "bridge_off"
    POLICY = "policy"  # a rule of the operator's keeps it here
    POLICY_LIMIT = "policy_limit"  # the limit in a rule of the operator's is used up
    AIR_TIME = "air_time"  # the share of the air time that its sender, or its site, has is used up
    NO_CONSENT = "no_consent"  # a site sends a packet as it is, and only what its author signed for the bridge crosses
    OUT_OF_SCOPE = "out_of_scope"  # a site asks for what its membership does not include
    CELL = "cell"  # an event for a geohash cell or channel that is not served, or that it does not name itself

    # Keeping (decided by gateway.store).
    QUOTA_PEER = "quota_peer"  # too much of or for one peer is waiting already
    QUOTA_SITE = "quota_site"  # the same for one site
    QUOTA_CLASS = "quota_class"  # the same for one class of service
    STORE = "store"  # the database cannot be written now, so nothing can be promised


class StoreFault(StrEnum):
    """Why the database cannot be used now."""

    FULL = "full"  # no room on the disk, or the database is as large as it may be
    LOCKED = "locked"  # another process has it
    READ_ONLY = "read_only"  # the file system takes no writes: the usual end of an SD card
    UNREADABLE = "unreadable"  # damaged
    BUSY = "busy"  # more waits to be written than there is memory for
    UNREACHABLE = "unreachable"  # no such folder, no right to it, or the disk answers with errors


class GatewayError(Exception):
    """Root of every error Meshgate raises on purpose."""


class DecodeError(GatewayError):
    """Bytes that do not follow their format; `reason` says in which way."""

    __slots__ = ("reason",)

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason


class ConfigError(GatewayError):
    """A configuration that must not be started with; the text is ready to print."""


class SessionError(GatewayError):
    """A Noise session that cannot go on; `reason` is counted."""

    __slots__ = ("reason",)

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason


class SealError(GatewayError):
    """Sealed data that cannot be opened (another key, altered, cut short), or a key that must seal no more."""


class StoreError(GatewayError):
    """The database cannot do it now; `sentence` says what is wrong and `remedy` what a person can do."""

    __slots__ = ("fault", "remedy", "sentence")

    def __init__(self, fault: StoreFault, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.fault = fault
        self.sentence = sentence
        self.remedy = remedy
