import pytest

from hw.bluez.adapters import Role, Wish
from tests.testing.virtual_loop import run
from tests.transports.ble.air import Air
from tests.transports.ble.machine import Machine
from transports.conformance import CHECKS, Bench, Check

PATIENCE_S = 600.0  # virtual seconds: ten thousand frames at the pace of the air


def caller_and_called():
    air = Air(latency=0.001)
    left, right = Machine(air, "AA:00:00:00:00:01"), Machine(air, "AA:00:00:00:00:02")
    return (
        left.transport(wishes=(Wish("hci0", Role.CENTRAL),)),
        right.transport(wishes=(Wish("hci0", Role.PERIPHERAL),)),
    )


def called_and_caller():
    return tuple(reversed(caller_and_called()))


def both_roles_on_one_adapter_each():
    air = Air(latency=0.001)
    left, right = Machine(air, "AA:00:00:00:00:01"), Machine(air, "AA:00:00:00:00:02")
    return left.transport(tag=b"left-tag"), right.transport(tag=b"another-")


LAYOUTS = (caller_and_called, called_and_caller, both_roles_on_one_adapter_each)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_radio_keeps_the_contract(check: Check, layout) -> None:
    run(check(Bench(layout, patience_s=PATIENCE_S, quiet_s=5.0)))
