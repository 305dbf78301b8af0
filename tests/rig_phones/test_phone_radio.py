from random import Random

import pytest

from tests.rig.air import Air
from tests.rig.controllers import Station
from tests.rig.phone_platform import ANDROID, Pace, PhoneOptions, PhoneRole
from tests.rig.phone_radio import PhoneRadio
from tests.testing.virtual_loop import run
from transports.conformance import CHECKS, Bench


def two_phones():
    air = Air()
    made = []
    for number, role in enumerate((PhoneRole.CENTRAL, PhoneRole.PERIPHERAL)):
        controller = Station(f"phone{number}", air, f"F0:F1:F2:F3:F4:{number:02X}")
        options = PhoneOptions(ANDROID, role, pace=Pace(advertise_ms=100))
        made.append(PhoneRadio(f"phone{number}", controller, options, bytes([number] * 8), Random(number)))
    return tuple(made)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_radio_of_a_phone_keeps_the_contract(check):
    async def main():
        await check(Bench(make=two_phones, patience_s=120.0, quiet_s=2.0))

    run(main())
