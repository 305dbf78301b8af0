import pytest

from gateway.mesh.effects import Priority
from gateway.testing.backlog import Backlog


def test_urgent_frames_leave_first_and_equals_in_order():
    backlog = Backlog(100)
    for frame, priority in ((b"b1", Priority.BULK), (b"p1", Priority.PUBLIC), (b"p2", Priority.PUBLIC), (b"h", Priority.HANDSHAKE)):
        backlog.push(frame, priority)
    assert [backlog.pop() for _ in range(4)] == [b"h", b"p1", b"p2", b"b1"]
    assert backlog.waiting == 0


def test_over_its_bytes_the_least_urgent_newest_frame_is_shed():
    backlog = Backlog(10)
    backlog.push(b"bulk1", Priority.BULK)
    backlog.push(b"bulk2", Priority.BULK)
    backlog.push(b"pub", Priority.PUBLIC)
    assert (len(backlog), backlog.waiting, backlog.dropped) == (2, 8, 1)
    assert [backlog.pop(), backlog.pop()] == [b"pub", b"bulk1"]


def test_what_is_cleared_counts_as_dropped():
    backlog = Backlog(10)
    backlog.push(b"x", Priority.SYNC)
    backlog.clear()
    assert (len(backlog), backlog.waiting, backlog.dropped) == (0, 0, 1)
    with pytest.raises(IndexError):
        backlog.pop()
