"""What a gateway says of itself on the mesh, by the mode of its bridge."""

from typing import Final

from gateway.bridge.engine import BridgeMode
from gateway.bridge.open import OPEN_NOTICE
from gateway.bridge.place import Place
from gateway.limits import MAX_NICKNAME
from gateway.mesh.events import Offer
from gateway.mesh.settings import MeshSettings

OPEN_MARK: Final = " (open bridge)"
"""Follows the nickname while the bridge is open, so that everybody on the air can see it."""


def shown(nickname: str, mode: BridgeMode, place: Place, *, mail: bool = True) -> MeshSettings:
    """Return how a gateway behaves on the mesh, and with it what it announces there; `mail` says whether it holds any for others."""
    if mode is BridgeMode.CONSENT:
        return MeshSettings(
            nickname=nickname, reads_mail=False, carries_mail=mail, capabilities=place.capabilities, bridge_geohash=place.cell or None
        )
    if mode is BridgeMode.OPEN:
        return MeshSettings(nickname=marked(nickname), reads_mail=False, carries_mail=mail, notice=OPEN_NOTICE)
    return MeshSettings(nickname=nickname, reads_mail=False, carries_mail=mail)


def offered(settings: MeshSettings) -> Offer:
    """Return the event that makes a running node announce what these settings say."""
    return Offer(settings.nickname, settings.capabilities, settings.bridge_geohash, settings.notice)


def marked(nickname: str) -> str:
    """Return a nickname with the mark of the open bridge, cut short where both do not fit an announce."""
    room = MAX_NICKNAME - len(OPEN_MARK.encode())
    return nickname.encode()[:room].decode(errors="ignore") + OPEN_MARK
