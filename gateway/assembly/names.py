"""What people call the linked sites."""

from gateway.admin.sentences import short
from gateway.assembly.announced import OPEN_MARK
from gateway.bridge.engine import GatewayEngine


def names(engine: GatewayEngine) -> dict[str, str]:
    """Return what people call each linked site, by ID and by identity: the nickname it has announced, else its identity cut short."""
    found = {}
    for site in engine.sites.all():
        gateway = engine.mesh.peers.get(site.site_id)
        identity = site.link.partition(":")[2]
        called = f"site {short(identity)}" if gateway is None else gateway.announce.nickname
        found[site.site_id.hex()] = found[identity] = called
    return found


def nicknames(engine: GatewayEngine) -> dict[str, str]:
    """Return what the linked sites call themselves, as far as they have announced it here, by peer ID."""
    found = {}
    for site in engine.sites.all():
        gateway = engine.mesh.peers.get(site.site_id)
        if gateway is not None:
            found[site.peer] = gateway.announce.nickname.removesuffix(OPEN_MARK)
    return found
