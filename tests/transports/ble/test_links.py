from hw.bluez.adapters import Role
from transports.ble.edge import Heard
from transports.ble.links import Link, LinkTable

OWN = "AA:00:00:00:00:01"


class NoWay:
    sent = refused = 0

    def send(self, _frame: bytes) -> bool:
        return False


async def never() -> None:
    raise AssertionError


def table() -> LinkTable:
    return LinkTable(lambda: frozenset({OWN}), b"own-tag")


def add(links: LinkTable, address: str, *, tag: bytes = b"", role: Role = Role.CENTRAL, adapter: str = "hci0") -> Link:
    link = Link(links.new_id(), role, adapter, f"/{adapter}/{address}", address, tag, 512, 0.0, 0.0, NoWay(), never)
    links.add(link)
    return link


def heard(address: str, tag: bytes = b"") -> Heard:
    return Heard(f"/hci0/{address}", address, is_random=True, rssi=-60, tag=tag)


def test_a_name_is_never_used_again_and_tells_nothing():
    links = table()
    first = add(links, "a")
    links.remove(first)
    assert first.id == "ble:1"
    assert add(links, "a").id == "ble:2"


def test_a_linked_device_is_taken_in_either_role_and_on_any_adapter():
    links = table()
    add(links, "a", role=Role.PERIPHERAL, adapter="hci1")
    assert links.is_taken(heard("a"))
    assert not links.is_taken(heard("b"))


def test_a_device_with_the_tag_of_a_link_is_taken_under_any_address():
    links = table()
    link = add(links, "a", tag=b"tag")
    assert links.is_taken(heard("another", b"tag"))
    links.remove(link)
    assert not links.is_taken(heard("another", b"tag"))


def test_devices_without_a_tag_are_not_the_same_device():
    links = table()
    add(links, "a")
    assert not links.is_taken(heard("b"))


def test_this_gateway_itself_is_taken():
    links = table()
    assert links.is_taken(heard(OWN))
    assert links.is_taken(heard("rotated", b"own-tag"))


def test_a_device_that_is_being_left_is_taken_until_it_is():
    links = table()
    links.leaves("a")
    links.leaves("a")
    links.left("a")
    assert links.is_taken(heard("a"))
    links.left("a")
    assert not links.is_taken(heard("a"))


def test_links_are_counted_by_adapter_and_role():
    links = table()
    add(links, "a")
    add(links, "b", role=Role.PERIPHERAL)
    add(links, "c", adapter="hci1")
    assert len(links) == 3
    assert [link.address for link in links.of("hci0")] == ["a", "b"]
    assert [link.address for link in links.of("hci0", Role.CENTRAL)] == ["a"]
    assert links.is_linked("/hci1/c")
    assert not links.is_linked("/hci0/c")


def test_removing_twice_is_told():
    links = table()
    link = add(links, "a")
    assert links.remove(link)
    assert not links.remove(link)
