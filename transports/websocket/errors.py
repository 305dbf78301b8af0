"""What can go wrong between two gateways before they are linked, and with a gateway's certificate."""

from enum import IntEnum


class CertificateError(Exception):
    """The certificate or its key cannot be used; the text says why and what to do."""


class Refusal(IntEnum):
    """Why a gateway does not talk on. The number goes over the wire, the sentence is for people."""

    MALFORMED = 1  # not of the protocol, or in the wrong order
    OTHER_GATEWAY = 2  # the caller wants to reach somebody else
    ITSELF = 3  # the caller is the gateway itself, or somebody who plays its own words back
    SIGNATURE = 4  # the key is not proved: a wrong key, a recorded hello, or a man in the middle
    NOT_MEMBER = 5  # proved, and not let in
    FULL = 6  # as many gateways as there may be
    LATE = 7  # the hello took too long

    @property
    def sentence(self) -> str:
        """What a person should read where the refusal happened."""
        return _SENTENCES[self]


_SENTENCES = {
    Refusal.MALFORMED: "it does not speak this protocol",
    Refusal.OTHER_GATEWAY: "another gateway than the one expected is there",
    Refusal.ITSELF: "this gateway has called itself",
    Refusal.SIGNATURE: "it has not proved who it is: the key is wrong, or somebody stands between the two gateways",
    Refusal.NOT_MEMBER: "it is not a member",
    Refusal.FULL: "there are as many gateways as there may be",
    Refusal.LATE: "the hello took too long",
}


class RefusedError(Exception):
    """The other end is not talked to any further, or does not talk to us any further.

    `by_them` says whose decision it was: what they say about themselves is not proved. `said` is the text that
    goes over the wire with the reason, or came over it: a word where a ticket is not taken.
    """

    def __init__(self, refusal: Refusal, *, by_them: bool = False, said: str = "") -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal
        self.by_them = by_them
        self.said = said or refusal.sentence
