"""The messages are written here by hand, from linux/netlink.h, as a kernel on the same machine would."""

import struct

import pytest

from hw.nl80211 import WifiInterface, WifiMode, wifi_interfaces

FAMILY = 0x1C


def attribute(kind: int, data: bytes) -> bytes:
    size = 4 + len(data)
    return struct.pack("=HH", size, kind) + data + bytes(-size % 4)


def message(kind: int, body: bytes) -> bytes:
    size = 16 + len(body)
    return struct.pack("=IHHII", size, kind, 2, 1, 0) + body + bytes(-size % 4)


def generic(kind: int, command: int, *attributes: bytes) -> bytes:
    return message(kind, struct.pack("=BBH", command, 1, 0) + b"".join(attributes))


def interface(name: str, mode: int, frequency: int | None = None) -> bytes:
    attributes = [attribute(3, struct.pack("=I", 4)), attribute(4, name.encode() + b"\0"), attribute(5, struct.pack("=I", mode))]
    if frequency is not None:
        attributes.append(attribute(38, struct.pack("=I", frequency)))
    return generic(FAMILY, 7, *attributes)


GOT_FAMILY = generic(16, 1, attribute(2, b"nl80211\0"), attribute(1, struct.pack("=H", FAMILY)))
DONE = message(3, struct.pack("=i", 0))
NO_SUCH_FAMILY = message(2, struct.pack("=i", -2))


class Kernel:
    """Answers two questions: who is nl80211, and what are the interfaces."""

    def __init__(self, *answers: list[bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []

    def __call__(self, question: bytes) -> list[bytes]:
        self.asked.append(question)
        return self.answers.pop(0)


def test_every_interface_with_what_it_does_and_where() -> None:
    kernel = Kernel([GOT_FAMILY], [interface("wlan0", 2, 5180) + interface("ap0", 3, 2437), interface("mon0", 6) + DONE])
    assert wifi_interfaces(kernel) == [
        WifiInterface("wlan0", WifiMode.STATION, 5180),
        WifiInterface("ap0", WifiMode.ACCESS_POINT, 2437),
        WifiInterface("mon0", WifiMode.OTHER, None),
    ]


def test_the_questions_are_well_formed_and_go_to_the_right_family() -> None:
    kernel = Kernel([GOT_FAMILY], [DONE])
    wifi_interfaces(kernel)
    for question, kind, flags in zip(kernel.asked, (16, FAMILY), (0x001, 0x301), strict=True):
        assert struct.unpack_from("=IHH", question) == (len(question), kind, flags)
    assert attribute(2, b"nl80211\0") in kernel.asked[0]


def test_a_kernel_without_wifi_has_no_interfaces() -> None:
    assert wifi_interfaces(Kernel([NO_SUCH_FAMILY])) == []


def test_a_kernel_that_cannot_be_asked_is_not_one_without_wifi() -> None:
    def refuse(_question: bytes) -> list[bytes]:
        raise PermissionError(13, "Permission denied")

    assert wifi_interfaces(refuse) is None


@pytest.mark.parametrize("cut", range(len(interface("wlan0", 2, 5180))))
def test_an_answer_cut_short_is_no_crash(cut: int) -> None:
    found = wifi_interfaces(Kernel([GOT_FAMILY], [interface("wlan0", 2, 5180)[:cut]]))
    assert found is None or len(found) <= 1


@pytest.mark.parametrize("answer", [b"", bytes(64), message(FAMILY, b""), generic(FAMILY, 7, struct.pack("=HH", 0, 4))])
def test_an_answer_of_nonsense_has_no_interfaces(answer: bytes) -> None:
    assert wifi_interfaces(Kernel([GOT_FAMILY], [answer])) == []


def test_the_kernel_of_this_machine_answers_without_any_right() -> None:
    found = wifi_interfaces()
    assert found is None or all(one.name for one in found)
