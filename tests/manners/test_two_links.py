"""One phone, two links, one in each role: what goes over which, and what happens when one is gone."""

import pytest

from gateway.mesh.effects import PeerLost, PeerSeen
from gateway.testing.manners import Role
from gateway.wire.fragment import split
from gateway.wire.packet import with_ttl
from gateway.wire.types import MessageType
from tests.manners.parcels import file
from tests.manners.stage import BACK, Stage
from transports.link import FrameReceived

SETTLED = 30.0
PLATFORMS = ["ios", "android"]
SLOW = {"rate": 2_000.0, "buffer": 1_024}  # bytes a second, and bytes on their way


def paired(platform: str, *, seed: int = 1, first: Role = Role.CENTRAL, **profile) -> Stage:
    """A phone with two links to the gateway, the other one after a second; and an iPhone with one."""
    stage = Stage("hut", "hall", seed=seed)
    getattr(stage, platform)("phone", role=first, **profile)
    stage.run(1)
    stage.connect("phone", role=other(first))
    stage.ios("ann")
    stage.android("dan", at="hall")
    stage.run(SETTLED)
    return stage


def other(role: Role) -> Role:
    return Role.PERIPHERAL if role is Role.CENTRAL else Role.CENTRAL


def over(stage: Stage, kind: int) -> dict[str, int]:
    """How many frames of one type came to the phone over which link."""
    links = [seen.link.split(":")[0] for seen in stage.arrived("phone", kind)]
    return {link: links.count(link) for link in sorted(set(links))}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("first", list(Role))
def test_data_goes_over_the_link_that_was_bound_first_and_announces_over_both(platform: str, first: Role) -> None:
    stage = paired(platform, first=first)
    for number in range(10):
        stage.say("ann", f"number {number}")
        stage.whisper("dan", "phone", f"ID-{number}")
        stage.run(3)
    data = "radio" if first is Role.CENTRAL else BACK
    assert over(stage, MessageType.MESSAGE) == {data: 10}
    assert set(over(stage, MessageType.NOISE_ENCRYPTED)) == {data}
    own = [(seen.at, seen.link) for seen in stage.arrived("phone", MessageType.ANNOUNCE) if seen.header.ttl == 7]
    assert {link.split(":")[0] for _, link in own} == {"radio", BACK}
    assert stage.heard("phone") == [f"number {number}" for number in range(10)]
    assert stage.refused() == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_it_is_one_neighbour_however_many_links_it_has_and_loses(platform: str) -> None:
    stage = paired(platform)
    for _ in range(3):
        stage.part("phone")
        stage.run(20)
        stage.connect("phone")
        stage.run(20)
        stage.part("phone", role=Role.PERIPHERAL)
        stage.run(20)
        stage.connect("phone", role=Role.PERIPHERAL)
        stage.run(20)
    assert [seen.nickname for seen in stage.world.seen(PeerSeen, "hut")].count("phone") == 1
    assert stage.world.seen(PeerLost) == []
    assert stage.known() == {"phone", "ann"}
    stage.say("phone", "still here")
    stage.run(3)
    assert stage.heard("ann") == stage.heard("dan") == ["still here"]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("gone", list(Role))
def test_the_loss_of_one_moves_data_to_the_other_at_once(platform: str, gone: Role) -> None:
    stage = paired(platform)
    stage.part("phone", role=gone)
    stage.run(0.1)
    stage.say("ann", "where are you?")
    stage.whisper("dan", "phone", "ID-1")
    stage.run(1)
    assert stage.heard("phone") == ["where are you?"]
    assert stage.whispered("phone") == ["ID-1"]
    assert stage.refused() == []


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("seed", range(3))
def test_what_waited_for_the_lost_link_leaves_over_the_other_in_order(platform: str, seed: int) -> None:
    stage = paired(platform, seed=seed, **SLOW)
    stage.whisper("dan", "phone", "before")
    stage.run(5)
    for number in range(12):
        stage.say("dan", f"number {number}")
        stage.whisper("dan", "phone", f"ID-{number}")
    stage.run(0.1)
    waiting = stage.world.nodes["hut"].queues[stage.world.radio.link("hut", "phone")]
    assert waiting.bytes > 2_000
    flying = stage.world.radio._ways["hut"][stage.world.radio.link("hut", "phone")].waiting
    stage.part("phone")
    stage.run(0.2)
    assert stage.world.nodes["hut"].dropped == 0
    assert flying <= 1_024  # what the radio itself has taken goes down with its link, and is all that does
    whispers = stage.whispered("phone")[1:]
    lost = 24 - len(stage.heard("phone")) - len(whispers)
    assert lost * 100 <= flying  # a hundred bytes each, or more
    assert whispers == sorted(whispers, key=lambda name: int(name[3:]))


def test_what_waits_out_its_jitter_goes_over_the_link_that_is_left() -> None:
    stage = paired("ios")
    for number in range(30):
        stage.say("ann", f"number {number}")
    stage.run(0.025)  # the first are at the gateway, most of them still wait
    heard = len(stage.heard("phone"))
    flying = stage.world.radio._ways["hut"][stage.world.radio.link("hut", "phone")].waiting
    stage.part("phone")
    stage.run(1)
    assert heard < 30
    assert len(stage.heard("phone")) >= 30 - flying // 100 - 1


@pytest.mark.parametrize("mtu", [512, 182])
def test_a_file_that_is_under_way_arrives_over_the_link_that_is_left(mtu: int) -> None:
    stage = Stage("hut", "hall")
    stage.ios("phone")
    stage.run(1)
    stage.connect("phone", role=Role.PERIPHERAL, mtu=mtu)
    stage.ios("ann", at="hall")
    stage.run(SETTLED)
    parcel = file(stage.author("eve", "ann"), 20_000)
    stage.run(1)
    for piece in split(parcel, fragment_id=b"a parcel", limit=512):
        stage.hand("ann", piece)
    stage.run(0.4)
    assert 5 < len(stage.arrived("phone", MessageType.FRAGMENT)) < 40
    stage.part("phone")
    stage.run(10)
    assert stage.kept("phone", MessageType.FILE) == [with_ttl(parcel, 6)]
    assert stage.refused() == []


def test_with_both_links_gone_it_is_caught_up_when_it_comes_back() -> None:
    stage = paired("android")
    stage.part("phone")
    stage.part("phone", role=Role.PERIPHERAL)
    for number in range(5):
        stage.say("ann", f"number {number}")
    stage.run(20)
    assert stage.heard("phone") == []
    stage.connect("phone", role=Role.PERIPHERAL)
    stage.run(60)
    assert sorted(stage.heard("phone")) == [f"number {number}" for number in range(5)]


def test_a_phone_that_became_somebody_else_is_found_out_on_both_links() -> None:
    """A wiped phone keeps its connections and takes new keys: its announce comes over both, the first copy over one."""
    stage = paired("ios")
    author = stage.author("ann again", "ann")
    stage.run(70)
    direct = with_ttl(author.announce(), 7)
    for ether in (stage.world.radio, stage.back):
        stage.world.inject("hut", FrameReceived(ether.link("hut", "phone"), direct))
    assert {link.peer_id for link in stage.gateway.mesh._links if "phone" in link.id} == {author.peer_id}
