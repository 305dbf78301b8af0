"""The side of a phone that is called: its advertisement, its GATT service, and those who subscribe to it."""

import asyncio
from collections import Counter

from bumble import att, gatt
from bumble.device import Connection, Device

from tests.rig.phone_links import PhoneLinks
from tests.rig.phone_platform import PhoneOptions
from tests.rig.phone_profile import CHARACTERISTIC, SERVICE
from tests.rig.phone_tasks import whole

_PROPERTIES = gatt.Characteristic.Properties


class Listener:
    """A GATT server with the one characteristic.

    Args:
        options: see `PhoneOptions`.
        links: where links go.
        counters: where everything that happens is counted.

    """

    def __init__(self, options: PhoneOptions, links: PhoneLinks, counters: Counter[str]) -> None:
        self.silent = False
        self.lock = asyncio.Lock()  # held while advertising is started or stopped
        self._options = options
        self._links = links
        self._counters = counters
        self._changed = asyncio.Event()
        self._characteristic = gatt.Characteristic(
            CHARACTERISTIC,
            _PROPERTIES.READ | _PROPERTIES.WRITE | _PROPERTIES.WRITE_WITHOUT_RESPONSE | _PROPERTIES.NOTIFY,
            gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE,
            gatt.CharacteristicValue(read=lambda _connection: b"", write=self._written),
        )
        self._characteristic.on(self._characteristic.EVENT_SUBSCRIPTION, self._subscribed)

    def equip(self, device: Device) -> None:
        """Give a host the service; it is there in either role, as in the apps."""
        device.add_service(gatt.Service(SERVICE, [self._characteristic]))
        device.gatt_server.max_mtu = self._options.att_mtu
        if not self._options.platform.takes_long_writes:
            device.gatt_server.on_att_prepare_write_request = self._refuse_prepared

    def changed(self) -> None:
        """Look again whether to advertise."""
        self._changed.set()

    async def advertise(self, device: Device) -> None:
        """Advertise whenever there is room for another link, until cancelled."""
        while True:
            self._changed.clear()
            async with self.lock:
                wanted = not self.silent and len(device.connections) < self._options.platform.max_links
                if wanted and not device.is_advertising:
                    await whole(device.start_advertising())
                elif device.is_advertising and not wanted:
                    await whole(device.stop_advertising())
            await self._changed.wait()

    def _subscribed(self, connection: Connection, notify: bool, _indicate: bool) -> None:
        link = self._links.of(connection)
        if notify and link is None:
            handle = self._characteristic.handle
            server = connection.device.gatt_server

            def put(frame: bytes) -> None:
                server.send_gatt_pdu(connection, bytes(att.ATT_Handle_Value_Notification(attribute_handle=handle, attribute_value=frame)))

            self._links.announce(self._links.make(connection, "peripheral", put))
        elif link is not None and not notify and link.role == "peripheral":
            self._links.down(link, "unsubscribed")

    def _written(self, connection: Connection, value: bytes) -> None:
        link = self._links.of(connection)
        if link is None:
            self._counters["writes_before_subscription"] += 1
        else:
            self._links.received(link, value)

    def _refuse_prepared(self, connection: Connection, request: att.ATT_Prepare_Write_Request) -> None:
        self._counters["long_writes_refused"] += 1
        response = att.ATT_Error_Response(
            request_opcode_in_error=request.op_code,
            attribute_handle_in_error=request.attribute_handle,
            error_code=att.ATT_REQUEST_NOT_SUPPORTED_ERROR,
        )
        connection.device.gatt_server.send_response(connection, response)
