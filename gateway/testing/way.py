"""How good a link of a virtual ether is, and the state of one direction of it."""

from dataclasses import dataclass

from gateway.testing.air import Air
from transports.link import LinkId


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """How good a link is; both directions alike."""

    loss: float = 0.0  # probability that a frame never arrives, 0..1
    duplicate: float = 0.0  # probability that a frame arrives twice, 0..1
    delay: tuple[float, float] = (0.005, 0.030)  # seconds, shortest and longest: one connection interval
    rate: float | None = None  # bytes a second on the air; None = no limit
    mtu: int = 512  # bytes, largest frame
    buffer: int = 16_384  # bytes on their way in one direction before `send` says False


class Way:
    """One direction of one link."""

    __slots__ = (
        "air",
        "buffer",
        "delay",
        "duplicate",
        "free_at",
        "last_tick",
        "loss",
        "mtu",
        "rate",
        "receiver",
        "receiver_link",
        "refused",
        "sender",
        "sender_link",
        "spread",
        "up",
        "waiting",
    )

    def __init__(self, sender: str, sender_link: LinkId, receiver: str, receiver_link: LinkId, profile: LinkProfile) -> None:
        self.sender = sender
        self.sender_link = sender_link
        self.receiver = receiver
        self.receiver_link = receiver_link
        self.loss = profile.loss
        self.duplicate = profile.duplicate
        self.delay = profile.delay[0]
        self.spread = profile.delay[1] - profile.delay[0]
        self.rate = profile.rate
        self.mtu = profile.mtu
        self.buffer = profile.buffer
        self.air: Air | None = None  # of the sender's radio, where its links share it
        self.up = True
        self.waiting = 0  # bytes accepted and not yet delivered
        self.refused = False  # a frame was refused since the last Writable
        self.free_at = 0.0  # when the air is free again, where there is a rate
        self.last_tick = 0  # a later frame never arrives at an earlier tick
