"""What a member's link asks to be done, and what it counts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Up:
    """The link is up."""


@dataclass(frozen=True, slots=True)
class Down:
    """The link is down, and what it held is gone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Frames for whoever decides what they mean."""

    frames: list[bytes]


@dataclass(frozen=True, slots=True)
class Room:
    """A frame that was refused would find room now."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes for the stream."""

    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """The stream is to be closed once what was written has left."""

    stream: int
    why: str


Effect = Up | Down | Arrived | Room | Write | Drop


@dataclass(slots=True)
class Counters:
    """Plain counts over all members, for `status`."""

    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    batches_in: int = 0
    batches_out: int = 0
    retransmitted: int = 0  # frames sent more than once
    duplicates: int = 0  # frames that came more than once and were dropped
    lost: int = 0  # frames held for a link that went down
    garbage: int = 0  # streams dropped because a member sent nonsense
    links_up: int = 0
    links_down: int = 0
    resumed: int = 0  # outages that no link noticed
