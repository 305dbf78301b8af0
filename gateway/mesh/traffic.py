"""What goes over the local links, in whole numbers."""

from dataclasses import dataclass, field


def _per_type() -> list[int]:
    return [0] * 256


@dataclass(slots=True)
class Traffic:
    """Packets by type byte, and their bytes: heard from links, and handed to links, each link counted."""

    heard: list[int] = field(default_factory=_per_type)
    said: list[int] = field(default_factory=_per_type)
    heard_bytes: int = 0
    said_bytes: int = 0

    def say(self, frame: bytes, links: int) -> None:
        """Count a frame that is put on so many links."""
        self.said[frame[1]] += links
        self.said_bytes += len(frame) * links
