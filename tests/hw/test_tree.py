from hw.bluez.limits import MAX_DEVICES
from hw.bluez.tree import ObjectTree

ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"


def device(number: int) -> str:
    return f"/org/bluez/hci0/dev_{number}"


def full_tree() -> ObjectTree:
    tree = ObjectTree()
    tree.add("/org/bluez/hci0", {ADAPTER: {"Powered": True}})
    for number in range(MAX_DEVICES):
        tree.add(device(number), {DEVICE: {"Connected": number == 0}})
    return tree


def test_strangers_cannot_make_it_grow_and_adapters_stay() -> None:
    tree = full_tree()
    for number in range(MAX_DEVICES, 3 * MAX_DEVICES):
        tree.add(device(number), {DEVICE: {"Connected": False}})
    assert len(tree.objects) == MAX_DEVICES + 1
    assert tree.evicted == 2 * MAX_DEVICES
    assert ADAPTER in tree.objects["/org/bluez/hci0"]


def test_who_was_heard_of_longest_ago_makes_room_unless_it_is_connected() -> None:
    tree = full_tree()
    tree.add(device(MAX_DEVICES), {DEVICE: {}})
    assert device(0) in tree.objects
    assert device(1) not in tree.objects


def test_a_device_that_is_told_of_twice_takes_one_place() -> None:
    tree = full_tree()
    tree.add(device(7), {DEVICE: {"RSSI": -40}})
    assert tree.evicted == 0
    assert tree.objects[device(7)][DEVICE] == {"RSSI": -40}


def test_when_all_are_connected_the_oldest_makes_room_all_the_same() -> None:
    tree = ObjectTree()
    for number in range(MAX_DEVICES + 1):
        tree.add(device(number), {DEVICE: {"Connected": True}})
    assert len(tree.objects) == MAX_DEVICES
    assert device(0) not in tree.objects


def test_what_lies_below_a_device_is_not_kept() -> None:
    tree = ObjectTree()
    assert tree.add(device(1), {DEVICE: {}, "org.bluez.Battery1": {}}) == [DEVICE]
    assert tree.add(device(1) + "/service0001", {"org.bluez.GattService1": {}}) == []
    assert list(tree.objects) == [device(1)]


def test_an_object_goes_with_its_last_interface() -> None:
    tree = full_tree()
    tree.add("/org/bluez/hci0", {"org.bluez.GattManager1": {}})
    tree.remove("/org/bluez/hci0", [ADAPTER, "org.bluez.Never1"])
    assert list(tree.objects["/org/bluez/hci0"]) == ["org.bluez.GattManager1"]
    tree.remove("/org/bluez/hci0", ["org.bluez.GattManager1"])
    tree.remove("/org/bluez/hci0", ["org.bluez.GattManager1"])
    assert "/org/bluez/hci0" not in tree.objects
    tree.remove(device(5), [DEVICE])
    tree.add(device(-1), {DEVICE: {}})
    assert tree.evicted == 0


def test_changes_of_what_is_not_kept_are_ignored() -> None:
    tree = full_tree()
    tree.change("/org/bluez/hci9", ADAPTER, {"Powered": True}, [])
    tree.change("/org/bluez/hci0", "org.bluez.Never1", {"Powered": True}, [])
    tree.change("/org/bluez/hci0", ADAPTER, {"Name": "box"}, ["Powered", "Never"])
    assert tree.objects["/org/bluez/hci0"] == {ADAPTER: {"Name": "box"}}
