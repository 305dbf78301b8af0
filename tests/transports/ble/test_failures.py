import pytest

from transports.ble.edge import DialFailure
from transports.ble.failures import sort_failure

FAILED = "org.bluez.Error.Failed"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        (FAILED, "le-connection-abort-by-local", DialFailure.ABORTED),
        (FAILED, "le-connection-abort-by-remote", DialFailure.ABORTED),
        (FAILED, "Software caused connection abort", DialFailure.ABORTED),
        (FAILED, "br-connection-canceled", DialFailure.ABORTED),
        (FAILED, "Operation already in progress", DialFailure.ABORTED),
        (FAILED, "le-connection-concurrent-connection-limit", DialFailure.FULL),
        (FAILED, "Connection Rejected due to Limited Resources", DialFailure.FULL),
        (FAILED, "le-connection-memory-allocation", DialFailure.FULL),
        (FAILED, "Command Disallowed (0x0c)", DialFailure.FULL),
        (FAILED, "le-connection-timeout", DialFailure.TIMEOUT),
        (FAILED, "le-connection-adapter-not-powered", DialFailure.CUT_OFF),
        (FAILED, "", DialFailure.BROKEN),
        ("org.bluez.Error.NotPermitted", "Notify acquired", DialFailure.REFUSED),
        ("org.bluez.Error.NotReady", "Resource Not Ready", DialFailure.CUT_OFF),
        ("org.bluez.Error.InProgress", "In Progress", DialFailure.ABORTED),
        ("org.freedesktop.DBus.Error.UnknownObject", 'Method "Connect" doesn\'t exist', DialFailure.VANISHED),
        ("org.freedesktop.DBus.Error.NoReply", "no answer", DialFailure.BROKEN),
        ("org.freedesktop.DBus.Error.Disconnected", "lost", DialFailure.CUT_OFF),
        ("bleak.BleakError", "failed to discover services, device disconnected", DialFailure.ABORTED),
        ("bleak.AssertionError", "AssertionError", DialFailure.BROKEN),
    ],
)
def test_what_bluez_and_bleak_say_is_sorted(name, text, kind):
    assert sort_failure(name, text) is kind
