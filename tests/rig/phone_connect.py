"""Connecting and disconnecting, as `Device.connect` and `Device.disconnect` should have done it."""

import asyncio
import contextlib

from bumble import core, hci
from bumble.device import Connection, Device

from tests.rig.phone_tasks import whole

CANCEL_S = 1.0  # seconds until a cancelled call is known to have failed
GOODBYE_S = 2.0  # seconds a disconnection may take

GONE = (core.BaseBumbleError, TimeoutError, asyncio.InvalidStateError)
"""What Bumble raises when the other end or the controller does not play along."""


class NoConnectionError(Exception):
    """No connection came about; the text says why, in one word."""


async def connect(device: Device, address: hci.Address, patience: float, own: hci.OwnAddressType = hci.OwnAddressType.RANDOM) -> Connection:
    """Connect to one address.

    Bumble takes whatever connection comes first for its own, also that of a neighbour who called us meanwhile.

    Raises:
        NoConnectionError: it did not come about in time.

    """
    done: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    def came(connection: Connection) -> None:
        if connection.role == hci.Role.CENTRAL and connection.peer_address == address and not done.done():
            done.set_result(connection)

    def failed(_error: Exception) -> None:
        if not done.done():
            done.set_exception(NoConnectionError("connect"))

    device.on(device.EVENT_CONNECTION, came)
    device.on(device.EVENT_CONNECTION_FAILURE, failed)
    device.connect_own_address_type = own
    device.le_connecting = True
    try:
        command = hci.HCI_LE_Create_Connection_Command(
            le_scan_interval=96,
            le_scan_window=96,
            initiator_filter_policy=0,
            peer_address_type=address.address_type,
            peer_address=address,
            own_address_type=own,
            connection_interval_min=24,
            connection_interval_max=24,
            max_latency=0,
            supervision_timeout=400,
            min_ce_length=0,
            max_ce_length=0,
        )
        await whole(device.send_async_command(command))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                return await asyncio.shield(done)
        await whole(device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command()))
        with contextlib.suppress(NoConnectionError):
            async with asyncio.timeout(CANCEL_S):
                return await asyncio.shield(done)
        raise NoConnectionError("timeout")
    finally:
        if done.done() and not done.cancelled():
            done.exception()  # seen, if nobody waits for it any more
        device.remove_listener(device.EVENT_CONNECTION, came)
        device.remove_listener(device.EVENT_CONNECTION_FAILURE, failed)
        device.le_connecting = False
        device.connect_own_address_type = None


async def disconnect(connection: Connection) -> None:
    """End a connection, if it is still there."""
    device = connection.device
    if device.connections.get(connection.handle) is not connection:
        return
    gone = asyncio.Event()
    connection.once(connection.EVENT_DISCONNECTION, lambda _reason: gone.set())
    with contextlib.suppress(*GONE):
        command = hci.HCI_Disconnect_Command(connection_handle=connection.handle, reason=hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR)
        await whole(device.send_async_command(command))
        async with asyncio.timeout(GOODBYE_S):
            await gone.wait()
