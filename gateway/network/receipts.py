"""What becomes of a message, for the program that sent it."""

import asyncio
from collections import OrderedDict
from enum import StrEnum

from gateway.limits import MAX_RECEIPTS


class ReceiptState(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"  # here
    SENT = "sent"  # on its way, by one transport or another
    DELIVERED = "delivered"  # the other program has taken it, and says so
    FAILED = "failed"  # nobody can prove that it was


class Receipt:
    """The fate of one message. It ends as delivered or failed, and then changes no more.

    Delivered means that the other *program* took the message from its line of events; that a gateway, a transport or
    the network took it is not enough. Failed means that this was not proved in time: the message may have arrived all
    the same, or arrive yet, if only its receipt was lost. Sent again under its ID it is not taken twice.

    Attributes:
        message_id: 32 hexadecimal digits.
        peer_id: to whom it was sent.
        state: how far it has come.
        reason: why it failed, a sentence; empty otherwise.

    """

    def __init__(self, message_id: str, peer_id: str, digest: bytes) -> None:
        self.message_id = message_id
        self.peer_id = peer_id
        self.digest = digest  # of what was sent
        self.state = ReceiptState.WAITING
        self.reason = ""
        self._settled = asyncio.Event()

    def __repr__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"<Receipt {self.message_id[:8]}… {self.state}{why}>"

    @property
    def is_delivered(self) -> bool:
        """Whether the other program has taken the message."""
        return self.state is ReceiptState.DELIVERED

    @property
    def is_settled(self) -> bool:
        """Whether its fate is known."""
        return self._settled.is_set()

    async def settled(self) -> bool:
        """Wait until the fate of the message is known, which takes no longer than its time; True if it was delivered."""
        await self._settled.wait()
        return self.is_delivered

    def sent(self) -> None:
        """It has left."""
        if not self.is_settled:
            self.state = ReceiptState.SENT

    def settle(self, reason: str = "") -> None:
        """It was delivered, or has failed for a reason; nothing changes that afterwards."""
        if not self.is_settled:
            self.reason = reason
            self.state = ReceiptState.FAILED if reason else ReceiptState.DELIVERED
            self._settled.set()


class Receipts:
    """The latest receipts by the IDs of their messages; those whose fate is open are never forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Receipt] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, message_id: str) -> Receipt | None:
        """Return the receipt of a message."""
        return self._known.get(message_id)

    def add(self, receipt: Receipt) -> None:
        """Remember one, in place of the oldest that is settled if there are many."""
        self._known.pop(receipt.message_id, None)
        self._known[receipt.message_id] = receipt
        if len(self._known) > MAX_RECEIPTS:
            oldest = next((known for known in self._known.values() if known.is_settled), None)
            if oldest is not None:
                del self._known[oldest.message_id]

    def settle_all(self, reason: str) -> None:
        """Nothing more will become of any."""
        for receipt in self._known.values():
            receipt.settle(reason)
