"""The image on QEMU's Raspberry Pi 3B: SD card, network on USB, the board's own device tree."""

from collections.abc import Callable

import pytest

from tests.image.boot.appliance import Appliance
from tests.image.boot.boards import RASPI3B
from tests.image.boot.disk import Disk

pytestmark = [pytest.mark.image, pytest.mark.timeout(2400)]


def test_a_raspberry_pi_3b_starts_from_the_card_and_its_owner_comes_in(cards: Callable[..., Disk]) -> None:
    with Appliance.powered("raspi3b", cards("raspi3b", power_of_two=True), RASPI3B) as box:
        box.come_in()
        assert box.visitor.api("GET", "status")["sentence"]
        box.until("meshgate_mqtt_up", 1)
