import pytest

from gateway.testing.radio import Pace, VirtualRadio
from gateway.testing.way import LinkProfile
from tests.testing.small_islands import flooding_island
from transports.conformance import CHECKS, Bench

PROFILE = LinkProfile(delay=(0.0, 0.002), mtu=4_096, buffer=65_536)


def two_gateways_on_one_island():
    island = flooding_island([], profile=PROFILE, places=("left", "right"))
    pace = Pace(island)
    return VirtualRadio(island, "left", pace=pace), VirtualRadio(island, "right", pace=pace)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_virtual_radio_keeps_the_contract(check):
    await check(Bench(make=two_gateways_on_one_island))
