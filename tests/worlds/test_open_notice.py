"""The notice of an open bridge among phones with the apps' manners: they take it, late ones too, and it stays on its island."""

import pytest

from gateway.assembly.announced import offered, shown
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.bridge.open import OPEN_NOTICE
from gateway.bridge.place import Place
from gateway.mesh.engine import Mesh
from gateway.mesh.events import Remember, SwitchBridge
from gateway.mesh.identity import Identity
from gateway.testing.manners import Manners
from gateway.testing.manners_phones import new_mannerly_phone
from gateway.testing.world import World
from gateway.wire.board import BoardTombstone, decode_board
from gateway.wire.packet import payload_of, peek
from gateway.wire.types import MessageType

SEED = 5
FAR_APART = 1_000.0  # metres


class Islands:
    """Two islands whose gateways are linked; phones join when they are told to."""

    def __init__(self, mode: BridgeMode) -> None:
        self.world = World(SEED, radius=100.0)
        self.phones: dict[str, Manners] = {}
        place = Place("u4pruy") if mode is BridgeMode.CONSENT else Place()
        self.settings = {on: shown("hut", mode if on else BridgeMode.OFF, place) for on in (True, False)}
        for number, name in enumerate(("hut", "barn")):
            rng = self.world.rng(name)
            mesh = Mesh(Identity.generate(rng.randbytes), rng, self.settings[name == "hut"])
            engine = GatewayEngine(mesh, mode, place)
            self.world.add(name, engine, address=mesh.identity.peer_id, position=(number * FAR_APART, 0.0))
            self.world.inject(name, Remember(()))
        self.world.connect_sites([("hut", "barn")])
        self.add("ada", "ios", 0)
        self.add("bela", "android", 0)
        self.add("carl", "ios", 1)

    def add(self, name: str, platform: str, island: int) -> None:
        phone = new_mannerly_phone(platform, name, self.world.rng(name))
        self.phones[name] = phone.engine
        self.world.add(name, phone.engine, address=phone.peer_id, position=(island * FAR_APART + 20.0 * len(self.phones), 20.0))

    def switch(self, *, on: bool) -> None:
        self.world.inject("hut", SwitchBridge(on))
        self.world.inject("hut", offered(self.settings[on]))

    def shown(self, name: str) -> list[str]:
        """What a phone has on its board."""
        kept = [one.frame for one in self.phones[name].mesh.kept(self.world.now) if one.frame[1] == MessageType.BOARD]
        notices = [decode_board(payload_of(frame, peek(frame))) for frame in kept]
        return [notice.content for notice in notices if not isinstance(notice, BoardTombstone)]


def test_phones_of_its_island_show_it_once_also_those_that_come_later_and_phones_elsewhere_do_not() -> None:
    islands = Islands(BridgeMode.OPEN)
    islands.world.run_for(200)
    islands.add("dora", "ios", 0)
    islands.world.run_for(200)
    assert islands.shown("ada") == islands.shown("dora") == [OPEN_NOTICE]
    assert islands.shown("carl") == []
    assert not islands.phones["ada"].refused


def test_it_is_gone_from_them_when_the_bridge_is_switched_off_and_back_when_it_is_switched_on() -> None:
    islands = Islands(BridgeMode.OPEN)
    islands.world.run_for(200)
    for on in (False, True, False):
        islands.world.run_for(60)
        assert islands.shown("ada") == ([] if on else [OPEN_NOTICE])
        islands.switch(on=on)
    islands.world.run_for(120)
    assert islands.shown("ada") == islands.shown("carl") == []


@pytest.mark.parametrize("mode", [BridgeMode.CONSENT, BridgeMode.OFF])
def test_there_is_none_while_the_bridge_is_not_open(mode: BridgeMode) -> None:
    islands = Islands(mode)
    islands.world.run_for(200)
    assert [islands.shown(name) for name in islands.phones] == [[], [], []]
