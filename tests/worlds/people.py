"""Worlds of phones that run the real mesh engine."""

from dataclasses import replace

from gateway.mesh.effects import Heard, PublicMessage
from gateway.mesh.events import Say
from gateway.testing.memo import SharedVerifier
from gateway.testing.phone import PHONE, join, new_phone
from gateway.testing.world import World
from gateway.wire.signing import verify
from gateway.wire.types import MessageType


def phones(world: World, names, *, positions=None, verifier=None, **settings):
    """Add phones; they share one memory of signature checks (see gateway.testing.memo)."""
    verifier = verifier or SharedVerifier(verify)
    made = {name: new_phone(name, world.rng(name), settings=replace(PHONE, **settings), verify=verifier) for name in names}
    for phone in made.values():
        join(world, phone)
    if positions:
        world.radio.place(positions, world.now)
    return made


def say(world: World, when: float, name: str, text: str) -> None:
    world.at(when, lambda: world.inject(name, Say(text)))


def listeners(world: World, text: str) -> list[str]:
    """Everybody who got this public message, once per time they got it, in alphabetical order."""
    return sorted(n.node for n in world.notices if isinstance(n.effect, PublicMessage) and n.effect.text == text)


def packet_of(world: World, text: str) -> bytes:
    """The packet that carries a public message (short enough not to be compressed)."""
    return next(heard.frame for heard in world.seen(Heard) if heard.header.type == MessageType.MESSAGE and text.encode() in heard.frame)
