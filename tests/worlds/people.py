"""Worlds of phones that run the real mesh engine."""

from dataclasses import replace

from gateway.mesh.effects import PublicMessage
from gateway.testing.memo import SharedVerifier
from gateway.testing.phone import PHONE, join, new_phone
from gateway.testing.world import World
from gateway.wire.signing import verify


def phones(world: World, names, *, positions=None, verifier=None, **settings):
    """Add phones; they share one memory of signature checks (see gateway.testing.memo)."""
    verifier = verifier or SharedVerifier(verify)
    made = {name: new_phone(name, world.rng(name), settings=replace(PHONE, **settings), verify=verifier) for name in names}
    for name, phone in made.items():
        join(world, phone, positions[name] if positions else None)
    return made


def listeners(world: World, text: str) -> list[str]:
    """Everybody who got this public message, once per time they got it, in order of time."""
    return [n.node for n in world.notices if isinstance(n.effect, PublicMessage) and n.effect.text == text]
