"""A virtual phone: the project's own mesh engine with a phone's settings, and a script to play."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from gateway.mesh.engine import Mesh
from gateway.mesh.events import MeshEvent
from gateway.mesh.identity import Identity
from gateway.mesh.peers import Verify
from gateway.mesh.settings import MeshSettings
from gateway.testing.node import Engine, Node
from gateway.testing.topology import Position
from gateway.testing.world import World

PHONE = MeshSettings(relay_to_all=False)
"""Like a BitChat phone: it relays a broadcast to a subset of its links and states no capability."""

Script = Iterable[tuple[float, MeshEvent]]
"""What a person does with a phone and when: (seconds of the world, `Say`, `Whisper`, `Rename` ...)."""


@dataclass(frozen=True, slots=True)
class Phone:
    """An engine with the name and the peer ID others know it by."""

    name: str  # also its nickname
    peer_id: bytes
    engine: Engine


def new_phone(name: str, rng: Random, *, settings: MeshSettings = PHONE, verify: Verify | None = None) -> Phone:
    """Make a phone with fresh keys; `rng` decides everything that is random about it.

    `verify` replaces the signature check, see `gateway.testing.memo`.
    """
    identity = Identity.generate(rng.randbytes)
    settings = replace(settings, nickname=name)
    mesh = Mesh(identity, rng, settings) if verify is None else Mesh(identity, rng, settings, verify=verify)
    return Phone(name, identity.peer_id, mesh)


def join(world: World, phone: Phone, position: Position | None = None) -> Node:
    """Put a phone on the radio of a world (many at once: without a position, then `Ether.place`)."""
    return world.add(phone.name, phone.engine, address=phone.peer_id, position=position)


def play(world: World, phone: Phone, script: Script) -> None:
    """Have a person use the phone as the script says."""
    for when, event in script:
        world.at(when, lambda event=event: world.inject(phone.name, event))  # type: ignore[misc]
