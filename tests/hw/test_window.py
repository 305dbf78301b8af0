from hw.bluez.limits import SHARED_WINDOW
from hw.bluez.window import Window

FIRST, SECOND, THIRD = b"the first frame", b"the second frame", b"the third frame"


def window_of(*members: str) -> Window:
    window = Window()
    for member in members:
        window.join(member)
    return window


def test_a_frame_for_several_goes_out_once() -> None:
    window = window_of("ada", "bela", "chen")
    window.sent("ada", FIRST)
    assert window.has_sent("bela", FIRST)
    assert window.has_sent("chen", FIRST)


def test_the_same_frame_twice_for_one_goes_out_twice() -> None:
    window = window_of("ada", "bela")
    window.sent("ada", FIRST)
    assert not window.has_sent("ada", FIRST)
    assert window.has_sent("bela", FIRST)
    assert not window.has_sent("bela", FIRST)


def test_an_equal_frame_is_another_frame() -> None:
    window = window_of("ada", "bela")
    window.sent("ada", FIRST)
    assert not window.has_sent("bela", bytes(bytearray(FIRST)))


def test_who_falls_behind_catches_up_in_order() -> None:
    window = window_of("ada", "bela")
    for frame in (FIRST, SECOND, THIRD):
        window.sent("ada", frame)
    assert [window.has_sent("bela", frame) for frame in (FIRST, SECOND, THIRD)] == [True] * 3


def test_what_was_sent_too_early_is_sent_again() -> None:
    window = window_of("ada", "bela")
    window.sent("ada", FIRST)
    window.sent("bela", SECOND)
    assert not window.has_sent("bela", FIRST)  # it was handed over after the second, and must come after it
    window.sent("ada", THIRD)
    window.skip("bela")
    assert not window.has_sent("bela", THIRD)


def test_a_newcomer_has_got_nothing_yet() -> None:
    window = window_of("ada")
    window.sent("ada", FIRST)
    window.join("bela")
    assert not window.has_sent("bela", FIRST)


def test_it_remembers_so_many_and_no_more() -> None:
    window = window_of("ada", "bela")
    frames = [bytes([number]) * 9 for number in range(SHARED_WINDOW + 1)]
    for frame in frames:
        window.sent("ada", frame)
    assert not window.has_sent("bela", frames[0])
    assert window.has_sent("bela", frames[1])
    window.leave("bela")
    window.leave("bela")
