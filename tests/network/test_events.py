"""The line of events: in order, bounded, and nothing is missing without a word."""

from gateway.limits import MAX_NETWORK_NEWS, MAX_RECEIPTS, MAX_UNTAKEN, MAX_UNTAKEN_BYTES, MAX_UNTAKEN_BYTES_PER_PEER, MAX_UNTAKEN_PER_PEER
from gateway.network.events import Gap, Line, Message, PeerDown, PeerUp, Trouble
from gateway.network.receipts import Receipt, Receipts, ReceiptState


def message(peer_id: str = "ann", number: int = 0) -> Message:
    return Message(peer_id, f"{number:032x}", number)


def test_events_come_in_order_whatever_they_are() -> None:
    line = Line()
    line.tell(PeerUp("ann"))
    assert line.offer(message(), 1)
    line.tell(PeerDown("ann", "gone"))
    assert [line.take() for _ in range(4)] == [PeerUp("ann"), message(), PeerDown("ann", "gone"), None]


def test_one_peer_cannot_take_every_place_and_places_come_back() -> None:
    line = Line()
    assert [line.offer(message(number=number), 1) for number in range(MAX_UNTAKEN_PER_PEER + 1)].count(False) == 1
    assert line.offer(message("bob"), 1)
    assert line.take() == Gap(0, 1)
    assert line.take() == message()
    assert line.offer(message(number=999), 1)


def test_the_places_of_all_are_bounded_too() -> None:
    line = Line()
    taken = sum(line.offer(message(f"peer {number // 100}", number), 1) for number in range(2 * MAX_UNTAKEN))
    assert taken == line.messages == MAX_UNTAKEN


def test_bytes_are_bounded_for_one_and_for_all() -> None:
    line, size = Line(), 100_000
    assert sum(line.offer(message(number=number), size) for number in range(100)) == MAX_UNTAKEN_BYTES_PER_PEER // size
    line = Line()
    assert sum(line.offer(message(f"peer {number // 10}", number), size) for number in range(200)) == MAX_UNTAKEN_BYTES // size


def test_news_without_end_costs_the_oldest_news_and_no_message() -> None:
    line = Line()
    assert line.offer(message(), 1)
    for number in range(MAX_NETWORK_NEWS + 7):
        line.tell(Trouble(str(number)))
    assert len(line) == MAX_NETWORK_NEWS + 2
    assert [line.take() for _ in range(3)] == [Gap(7, 0), message(), Trouble("7")]


def test_a_settled_receipt_changes_no_more_and_open_ones_are_never_forgotten() -> None:
    receipts = Receipts()
    first = Receipt("00" * 16, "ann", b"")
    receipts.add(first)
    for number in range(1, MAX_RECEIPTS + 10):
        receipt = Receipt(f"{number:032x}", "ann", b"")
        receipt.settle("late")
        receipt.settle()
        receipt.sent()
        assert (receipt.state, receipt.reason) == (ReceiptState.FAILED, "late")
        receipts.add(receipt)
    assert len(receipts) == MAX_RECEIPTS
    assert receipts.get(first.message_id) is first
    receipts.settle_all("over")
    assert (first.state, first.is_settled) == (ReceiptState.FAILED, True)
