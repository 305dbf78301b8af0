"""Strangers who mean harm beside honest phones: caps hold, honest links keep their latency, memory stays flat.

In virtual time a latency is what queues, pauses and the air make of it; what strangers cost in processor time is `make bench`'s.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.limits import MAX_LINKS
from tests.rig.controllers import MAX_LINKS as CONTROLLER_LINKS
from tests.rig.hostile_scene import ADAPTER, HONEST, Attacked, Scene, daemon, honest_scene
from transports.limits import BLE_IDLE_S

SLOWER = 2.0  # times the 99th percentile of the latency without strangers
GATEWAY_GROWTH = 6 << 20  # bytes: what strangers can fill is filled once (1 024 peers, 8 192 pins, 10 000 packet IDs come to about 4 MB)
BLUETOOTHD_GROWTH = 4 << 20  # bytes: devices of the last minute at about 3 kB, and what waits for a link at 24 kB a second
STALL_S = 120.0  # the kernel ends a link 45 s after the last packet that left the adapter (HCI_ACL_TX_TIMEOUT); two such times are enough
FLOODED = 300  # frames each flooder has to have written in the 27 s, or nobody was flooded: the slowest kind writes 67 a second
LOST_SHARE = 0.03  # of all deliveries
ALL_GROWTH = 16 << 20  # bytes over all attacks together

pytestmark = [pytest.mark.rig, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3_600)]

CENTRALS: list[tuple[str, dict[str, Any], int]] = [
    ("every_length", {}, 1),
    ("flood", {"what": "noise"}, 1),
    ("flood", {"what": "duplicates"}, 2),
    ("flood", {"what": "announces", "burst": 2}, 1),  # 67 a second
    ("flood", {"what": "halves"}, 1),
    ("hit_and_run", {"every": 0.1}, 1),
    ("squat", {}, 3),
    ("squat", {"subscribes": True}, 3),
]
PERIPHERALS: list[tuple[str, dict[str, Any], int]] = [
    ("no_service", {}, 2),
    ("no_characteristic", {}, 1),
    ("absurd", {"every": 0.2}, 2),
    ("thousand_addresses", {"every": 0.02}, 1),
    ("silent_server", {}, 2),
    ("shouter", {}, 2),
    ("deaf_server", {}, 1),
    ("fickle_server", {}, 1),
    ("small_mtu", {"every": 5.0}, 1),
]

CROWD = tuple(f"Eve {number}" for number in range(CONTROLLER_LINKS))  # more than there are places beside the honest phones
THOROUGH = ("every_length", "thousand_addresses")  # attacks that come to an end


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene() -> AsyncIterator[Scene]:
    async with honest_scene() as here:
        before = here.sizes()
        yield here
        after = here.sizes()
        assert after.gateway - before.gateway < ALL_GROWTH
        assert after.bluetoothd - before.bluetoothd < ALL_GROWTH


@pytest.mark.parametrize(("kind", "options", "count"), [*CENTRALS, *PERIPHERALS], ids=str)
async def test_honest_phones_notice_nothing_of(scene: Scene, kind: str, options: dict[str, Any], count: int) -> None:
    pids = scene.islands.north.pid, daemon("bluetoothd")
    attacked = await scene.attack(kind, options, count)
    if kind in THOROUGH:
        assert all(did.get("done") for did in attacked.did), "it had no time to do all of it"
    if kind == "flood":
        assert all(did.get("written", 0) >= FLOODED for did in attacked.did), f"nobody was flooded: {attacked.did}"
    assert (attacked.report["lost"], attacked.report["duplicates"]) == (0, 0), attacked.report["missing"]
    assert attacked.ratio <= SLOWER
    assert attacked.honest_links_lost == 0
    caps_hold(attacked)
    assert (scene.islands.north.pid, daemon("bluetoothd")) == pids
    assert not scene.islands.north.ended
    assert steps(attacked.after) == steps(attacked.before), "the radio was taken for broken"
    await scene.linked_again()


@pytest.mark.parametrize("whose", ["the gateway's own", "a linked phone's"])
async def test_a_false_tag_gets_no_call_and_keeps_nobody_out(scene: Scene, whose: str) -> None:
    status = await scene.status()
    bela = await scene.islands.air.phone("status", name="Bela")
    tag = status["peer_id"] if whose == "the gateway's own" else bela["peer_id"]
    attacked = await scene.attack("false_tag", {"tag": tag}, 1)
    assert (attacked.report["lost"], attacked.report["duplicates"]) == (0, 0), attacked.report["missing"]
    assert attacked.did[0].get("called", 0) == 0
    assert attacked.honest_links_lost == 0
    assert attacked.ratio <= SLOWER


async def test_who_takes_every_place_of_the_controller_gives_them_back(scene: Scene) -> None:
    """Connections without a subscription: the gateway's program hears of them only through BlueZ's list of devices."""
    await scene.admit(*CROWD)
    for stranger in CROWD:
        await scene.islands.air.phone("attack", name=stranger, kind="squat", target=ADAPTER, options={"stays_away": True})
    await scene.islands.wait(lambda: is_full(scene), 30, "a full controller")
    await scene.islands.air.link("Flora", list(scene.islands.phones), up=False)  # so that only the gateway can take her
    await scene.islands.add(scene.islands.north, "Flora", role="central")
    await scene.islands.wait(lambda: scene.islands.linked("Flora"), 2 * BLE_IDLE_S, "a link of a newcomer")
    strangers = CONTROLLER_LINKS - len(HONEST["north"])
    await scene.islands.north.until(lambda status: status["transports"]["ble"]["counters"]["idlers"] >= strangers, 2 * BLE_IDLE_S)
    did = [await scene.islands.air.phone("relent", name=stranger) for stranger in CROWD]
    print(f"\n{len(CROWD)} x squat on every place: {did}")
    await scene.islands.remove("Flora")
    assert sum(row.get("sent_away", 0) for row in did) >= strangers
    await scene.linked_again()


async def is_full(scene: Scene) -> bool:
    """Whether the north's controller takes nobody more."""
    return len((await scene.islands.air.stations())[ADAPTER]["links"]) == CONTROLLER_LINKS


async def test_who_never_reads_holds_the_adapter_up_until_the_kernel_ends_the_link_and_then_it_is_over(scene: Scene) -> None:
    """A limit of Linux: see docs/design/radio.md. The controller has one store for all links, and one link may fill it.

    Nobody else on the adapter is sent anything meanwhile, and a link we dialled dies of it, because BlueZ waits 30 s for an
    answer. What was whispered over that one just then is lost, and what its phone refuses, as Android does, because the
    announce of its author was held up as well.
    """
    pids = scene.islands.north.pid, daemon("bluetoothd")
    attacked = await scene.attack("never_reads", {}, 1, STALL_S)
    assert attacked.report["duplicates"] == 0
    assert attacked.report["lost"] <= LOST_SHARE * attacked.report["expected"], attacked.report["missing"]
    assert attacked.did[0]["sent_away"] == 1
    caps_hold(attacked)
    assert (scene.islands.north.pid, daemon("bluetoothd")) == pids
    await scene.linked_again()
    assert (await scene.talk())["p99_ms"] <= SLOWER * scene.normal["p99_ms"], "and then it is over"


def caps_hold(attacked: Attacked) -> None:
    """Nothing grew beyond its bound."""
    assert attacked.grown.gateway < GATEWAY_GROWTH
    assert attacked.grown.bluetoothd < BLUETOOTHD_GROWTH
    assert attacked.links_held <= CONTROLLER_LINKS, ADAPTER
    assert attacked.after["mesh"]["links"] <= MAX_LINKS
    assert not attacked.after["problems"]


def steps(status: dict[str, Any]) -> dict[str, int]:
    """How often each step of the recovery ladder was taken, but for the harmless first."""
    counters = status["transports"]["ble"]["counters"]
    return {name: count for name, count in counters.items() if name.startswith("step_") and name != "step_new_scanner"}
