"""The end of a link that somebody else dialled."""

import asyncio

from hw.bluez.errors import BluezError
from transports.ble.edge import Subscriber
from transports.limits import BLE_CLOSE_TIMEOUT_S


async def send_away(subscriber: Subscriber) -> None:
    """End the connection with a device that dialled us; never raises."""
    try:
        async with asyncio.timeout(BLE_CLOSE_TIMEOUT_S):
            await subscriber.disconnect()
    except (TimeoutError, BluezError):
        return  # a service that does not end a connection any more has lost it already
