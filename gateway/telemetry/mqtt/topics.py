"""The topic tree of one gateway.

    ROOT/ID/status             retained; online or offline, and the Last Will
    ROOT/ID/state              retained; everything Home Assistant shows
    ROOT/ID/info               retained; what changes with a restart only
    ROOT/ID/health             retained; once a minute
    ROOT/ID/event/KIND         what happened
    ROOT/ID/peer/NAME/state    retained; off by default
    ROOT/ID/message/SCOPE      off by default
    ROOT/ID/cmd/VERB           commands to the gateway
    ROOT/ID/response/VERB      its answers

The form is that of zigbee2mqtt's ``bridge/*``.
"""

from dataclasses import dataclass
from hashlib import sha256

BIRTH = "status"
"""Where Home Assistant says under its prefix that it has started."""


def gateway_id(private_key: bytes) -> str:
    """Return the 8 hex digits that stand for a gateway: stable, and telling nobody near its radio that it is this one."""
    return sha256(b"meshgate mqtt" + private_key).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Topics:
    """Every topic of one gateway.

    Args:
        root: the first part, for all gateways of an operator.
        gateway: see `gateway_id`.
        discovery_prefix: Home Assistant's.

    """

    root: str
    gateway: str
    discovery_prefix: str = "homeassistant"

    @property
    def client_id(self) -> str:
        """The name at the broker."""
        return f"meshgate-{self.gateway}"

    @property
    def object_id(self) -> str:
        """The name in Home Assistant's discovery, which has fewer letters."""
        return f"meshgate_{self.gateway}"

    @property
    def discovery(self) -> str:
        """Where the device is described."""
        return f"{self.discovery_prefix}/device/{self.object_id}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.discovery_prefix}/{BIRTH}"

    @property
    def commands(self) -> str:
        """The filter for all commands."""
        return self.at("cmd/#")

    @property
    def peers(self) -> str:
        """The filter for what is retained about peers."""
        return self.at("peer/+/state")

    def at(self, path: str) -> str:
        """Return a topic of this gateway's."""
        return f"{self.root}/{self.gateway}/{path}"

    def verb(self, topic: str) -> str | None:
        """Return what a command asks for, None if it is no command for this gateway."""
        start = self.at("cmd/")
        return topic.removeprefix(start) if topic.startswith(start) else None

    def peer(self, topic: str) -> str | None:
        """Return the name of the peer a topic is about, None if it is about none."""
        start, end = self.at("peer/"), "/state"
        return topic.removeprefix(start).removesuffix(end) if topic.startswith(start) and topic.endswith(end) else None
