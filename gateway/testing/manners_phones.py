"""Phones with manners, ready to be put into a world."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from gateway.mesh.engine import Mesh
from gateway.mesh.identity import Identity
from gateway.testing.manners import Manners, Role, always_central
from gateway.testing.manners_android import ANDROID, AndroidPhone
from gateway.testing.manners_ios import IPHONE, Iphone, verify_recompressed
from gateway.testing.phone import Phone
from transports.link import LinkId

Platform = Literal["ios", "android"]


@dataclass(frozen=True, slots=True)
class MannerlyPhone(Phone):
    """A phone whose engine is within its manners."""

    engine: Manners


def manners_of(
    platform: Platform, identity: Identity, name: str, rng: Random, role_of: Callable[[LinkId], Role] = always_central
) -> Manners:
    """Put an engine of this identity within the manners of a platform.

    Args:
        platform: which app.
        identity: the phone's keys.
        name: its nickname.
        rng: decides everything about it that is random.
        role_of: the phone's side of a link; `LinkId`s are the caller's.

    """
    if platform == "ios":
        return Iphone(Mesh(identity, rng, replace(IPHONE, nickname=name), verify=verify_recompressed), rng, role_of)
    return AndroidPhone(Mesh(identity, rng, replace(ANDROID, nickname=name)), rng, role_of)


def new_mannerly_phone(platform: Platform, name: str, rng: Random, role_of: Callable[[LinkId], Role] = always_central) -> MannerlyPhone:
    """Make a phone with fresh keys and the manners of a platform."""
    identity = Identity.generate(rng.randbytes)
    return MannerlyPhone(name, identity.peer_id, manners_of(platform, identity, name, rng, role_of))
