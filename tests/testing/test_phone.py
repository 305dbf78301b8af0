from random import Random

from gateway.mesh.effects import PeerSeen, PrivateMessage, PublicMessage, Receipt
from gateway.mesh.events import Rename, Say, Whisper
from gateway.testing.island import Island
from gateway.testing.phone import join, new_phone, play
from gateway.testing.world import World
from transports.link import FrameReceived


def two_phones():
    world = World(1)
    ann, bob = (new_phone(name, world.rng(name)) for name in ("ann", "bob"))
    for phone in (ann, bob):
        join(world, phone)
    world.connect([("ann", "bob")])
    return world, ann, bob


def test_a_phone_is_known_by_its_name_and_keys_of_its_own_chance():
    assert new_phone("ann", Random(1)).peer_id == new_phone("bob", Random(1)).peer_id
    assert new_phone("ann", Random(1)).peer_id != new_phone("ann", Random(2)).peer_id


def test_phones_announce_themselves_and_play_their_script():
    world, ann, bob = two_phones()
    play(world, ann, [(5.0, Say("hello")), (6.0, Whisper(bob.peer_id, "ID-1", "psst")), (7.0, Rename("Anna"))])
    world.run_until(10.0)
    assert [(seen.peer_id, seen.nickname, seen.direct) for seen in world.seen(PeerSeen, "bob")] == [(ann.peer_id, "ann", True)]
    assert [message.text for message in world.seen(PublicMessage, "bob")] == ["hello"]
    assert [message.text for message in world.seen(PrivateMessage, "bob")] == ["psst"]
    assert [receipt.kind for receipt in world.seen(Receipt, "ann")] == ["delivered"]
    assert [peer.announce.nickname for peer in bob.engine.peers] == ["Anna"]


def test_an_island_of_real_phones_is_heard_by_the_gateway():
    island = Island(1, ["ann", "bob", "cyd"])
    island.switch_on()
    island.advance(3.0)
    island.whisper("ann", island.phones["cyd"].peer_id, "ID-1", "psst")
    island.say("bob", "hello out there")
    island.advance(5.0)
    assert any(b"hello out there" in event.frame for event in island.take_gateway_events() if isinstance(event, FrameReceived))
    assert [(notice.node, notice.effect.text) for notice in island.notices if isinstance(notice.effect, PrivateMessage)] == [
        ("cyd", "psst")
    ]
