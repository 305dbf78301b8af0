import pytest

from gateway.limits import MIN_LINK_MTU
from gateway.testing.ether import RADIO
from hw.bluez.adapters import parse_wish
from hw.bluez.limits import MAX_CENTRALS, MAX_VALUE, TAG_BYTES
from transports import limits
from transports.ble.config import BleConfig
from transports.ble.transport import BleTransport


def test_without_a_word_whatever_is_there_is_used():
    config = BleConfig()
    assert config.wishes == ()
    assert (config.max_central, config.max_peripheral) == (4, 4)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_central": 0}, "dialled by this gateway must be between 1 and 16"),
        ({"max_peripheral": 17}, "dialled by phones must be between 1 and 16"),
        ({"tag": bytes(TAG_BYTES + 1)}, "14 bytes does not fit"),
        ({"wishes": tuple(parse_wish(f"hci{number}") for number in range(9))}, "9 Bluetooth adapters"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        BleConfig(**settings)


def test_the_caps_of_the_rooms_above_and_below_agree():
    assert limits.BLE_MIN_MTU == MIN_LINK_MTU
    assert limits.BLE_MAX_FRAME == MAX_VALUE
    assert limits.BLE_MIN_MTU < limits.BLE_MAX_WRITE < limits.BLE_MAX_FRAME
    assert limits.BLE_MOST_LINKS <= MAX_CENTRALS
    assert BleTransport.capabilities == RADIO


def test_waiting_times_fit_each_other():
    assert limits.BLE_CROSSING_S < limits.BLE_HOLD_DROP_S < limits.BLE_HOLD_TIMEOUT_S < limits.BLE_HOLD_CAP_S < limits.BLE_HOLD_BANNED_S
    assert limits.BLE_CANDIDATE_FRESH_S < limits.BLE_CANDIDATE_KEEP_S
    assert limits.BLE_CANDIDATE_FRESH_S > 10.24 + 5.0, "BlueZ tells of a steady device once in a round of scanning"
    assert limits.BLE_BUSY_S > 10.24, "the kernel ends a scan that nobody owns any more only then"
    assert limits.BLE_WRITE_FENCE <= limits.BLE_QUEUE_FRAMES
