"""Virtual Bluetooth LE controllers: Bumble's, corrected where a Linux host or a test would notice.

Bumble 0.0.236 differs from a controller of silicon in these points, each put right here or in `tests.rig.air_links`:

* It claims LL privacy and extended advertising but sends the plain events, and Linux waits for the others: the features are hidden, as on
  a controller of Bluetooth 4.2.
* It advertises by a timer per advertiser whether anybody listens or not, repeats the advertisement as its own scan response, ignores the
  duplicate filter, the accept list and the scan window, and reports every signal as -50 dBm.
* A cancelled connection attempt stays pending; the peripheral is told made-up connection parameters; a reset resets nothing.
* Data crosses at once and in any amount, and a lost link is known at once.
"""

import struct
from random import Random
from typing import TYPE_CHECKING, Any

from bumble import hci
from bumble.controller import Controller, LegacyAdvertiser

from tests.rig.air_links import LinkEnd

if TYPE_CHECKING:
    from tests.rig.air import Air

ADV_IND, ADV_SCAN_IND, ADV_NONCONN_IND, SCAN_RSP = 0, 2, 3, 4  # event types of advertising reports (Core 5.4, Vol 4, Part E, 7.7.65.2)
REPORTED = {0: ADV_IND, 2: ADV_SCAN_IND, 3: ADV_NONCONN_IND}  # by advertising type; directed advertising is not played
SLOT_S = 0.000_625
FRAGMENT = 251  # longest payload of one ACL packet, with data length extension
MAX_LINKS = 8  # what a Raspberry Pi 3B+ holds; the ninth attempt is refused
LAST_HANDLE = 0x0EFF
Success = hci.HCI_StatusReturnParameters
OK, DISALLOWED = hci.HCI_ErrorCode.SUCCESS, hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
FEATURES = hci.LeFeatureMask


class Advertiser(LegacyAdvertiser):
    """What a station shows; the air decides when somebody hears it."""

    controller: "Station"

    def start(self) -> None:
        """Advertise from now on."""
        self.enabled = True
        self.controller.air.shown(self.controller)

    def stop(self) -> None:
        """Stop it."""
        self.enabled = False

    @property
    def interval(self) -> float:
        """Seconds between two advertising events, without the random delay."""
        return max(self.advertising_interval_min * SLOT_S, 0.02)

    @property
    def key(self) -> tuple[Any, ...]:
        """What a duplicate filter compares."""
        return (self.address, self.advertising_type, self.advertising_data, self.scan_response_data)

    @property
    def connectable(self) -> bool:
        """Whether a central may connect to it."""
        return self.enabled and self.advertising_type == ADV_IND

    def report(self, rssi: int, scanned: bool) -> bytes:
        """Write the HCI event that tells a host of it, with the scan response when it was asked for."""
        kinds = [(REPORTED[self.advertising_type], self.advertising_data)]
        if scanned and self.advertising_type != ADV_NONCONN_IND:
            kinds.append((SCAN_RSP, self.scan_response_data))
        address = bytes((self.address.address_type,)) + bytes(self.address)
        body = b"".join(bytes((kind,)) + address + bytes((len(data),)) + data + struct.pack("b", rssi) for kind, data in kinds)
        return bytes((hci.HCI_EVENT_PACKET, hci.HCI_LE_META_EVENT, len(body) + 2, hci.HCI_LE_ADVERTISING_REPORT_EVENT, len(kinds))) + body


class Station(Controller):
    """One radio on the air: the controller of an adapter or of a phone.

    Args:
        name: what tests call it: "hci0" for an adapter, a phone's own name.
        air: where it is.
        address: its public address.

    """

    le_features = Controller.le_features & ~(FEATURES.LL_PRIVACY | FEATURES.LE_EXTENDED_ADVERTISING | FEATURES.LE_PERIODIC_ADVERTISING)
    le_acl_data_packet_length = acl_data_packet_length = FRAGMENT
    supported_max_tx_octets = supported_max_rx_octets = suggested_max_tx_octets = FRAGMENT
    total_num_le_acl_data_packets = total_num_acl_data_packets = 16

    def __init__(self, name: str, air: "Air", address: str) -> None:
        self.air = air
        self.max_links = MAX_LINKS
        self.deaf: str | None = None  # it hears no advertisement until "scan" (is switched on again), "reset" or "plug"
        self.mute: str | None = None  # nobody hears its advertisements until "advertise", "reset" or "plug"
        self.hung = False  # it answers nothing until it is plugged again
        self.accepted: set[hci.Address] = set()
        self._heard: set[tuple[Any, ...]] = set()
        self._ends: dict[int, LinkEnd] = {}
        self._last_handle = 0
        self._rng = Random(f"station {name}")
        super().__init__(name, link=air, public_address=hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS))
        self.advertiser = self.le_legacy_advertiser = Advertiser(self)

    @property
    def ends(self) -> list[LinkEnd]:
        """Its ends of the links it has."""
        return list(self._ends.values())

    # From and to the host

    def on_packet(self, packet: bytes) -> None:
        """Take one HCI packet from the host."""
        if self.hung:
            return
        if packet[0] == hci.HCI_ACL_DATA_PACKET:
            end = self._ends.get(struct.unpack_from("<H", packet, 1)[0] & 0xFFF)
            if end is not None:
                end.link.send(end, packet)
        else:
            command = hci.HCI_Packet.from_bytes(packet)
            if isinstance(command, hci.HCI_Command):
                self.on_hci_command_packet(command)

    def tell(self, packet: bytes) -> None:
        """Give one HCI packet to the host."""
        if self.host is not None and not self.hung:
            self.air.loop.call_soon(self.host.on_packet, packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Do the same; Bumble's own writes every packet out for its log."""
        self.tell(bytes(packet))

    # Advertising and scanning

    def awaits(self, other: "Station") -> bool:
        """Whether the next advertisement of a station within reach would make a difference here."""
        shown = other.advertiser
        if self.hung:
            return False
        if self.le_scan_enable and self.deaf is None and not (self.filter_duplicates and shown.key in self._heard):
            return True
        return self._wants(shown)

    def hear(self, other: "Station", rssi: int) -> None:
        """Take one advertisement of a station within reach."""
        shown = other.advertiser
        if self.le_scan_enable and self.deaf is None and self._listens_now():
            key = shown.key
            if not (self.filter_duplicates and key in self._heard):
                self._heard.add(key)
                self.tell(shown.report(rssi, scanned=bool(self.le_scan_type)))
        if self._wants(shown):
            self.air.connect(self, other)

    def _listens_now(self) -> bool:
        return self.le_scan_window >= self.le_scan_interval or self._rng.random() * self.le_scan_interval < self.le_scan_window

    def _wants(self, shown: Advertiser) -> bool:
        pending = self.pending_le_connection
        if pending is None or not shown.connectable or shown.address in self.le_connections:
            return False
        return shown.address in self.accepted if pending.initiator_filter_policy else shown.address == pending.peer_address

    def on_hci_le_set_advertising_data_command(self, command: Any) -> Any:
        result = super().on_hci_le_set_advertising_data_command(command)
        self.air.shown(self)
        return result

    def on_hci_le_set_scan_response_data_command(self, command: Any) -> Any:
        result = super().on_hci_le_set_scan_response_data_command(command)
        self.air.shown(self)
        return result

    def on_hci_le_set_advertising_enable_command(self, command: Any) -> Any:
        if self.mute == "advertise":
            self.mute = None
        return super().on_hci_le_set_advertising_enable_command(command)

    def on_hci_le_set_random_address_command(self, command: Any) -> Any:
        if self.advertiser.enabled or self.le_scan_enable or self.pending_le_connection:
            return Success(DISALLOWED)
        return super().on_hci_le_set_random_address_command(command)

    def on_hci_le_set_scan_enable_command(self, command: Any) -> Any:
        result = super().on_hci_le_set_scan_enable_command(command)
        self._heard.clear()
        if self.le_scan_enable:
            if self.deaf == "scan":
                self.deaf = None
            self.air.listens(self)
        return result

    # Connecting

    def on_hci_le_create_connection_command(self, command: Any) -> None:
        refused = None
        if self.pending_le_connection:
            refused = DISALLOWED
        elif len(self._ends) >= self.max_links:
            refused = hci.HCI_ErrorCode.CONNECTION_REJECTED_DUE_TO_LIMITED_RESOURCES_ERROR
        elif command.peer_address in self.le_connections and not command.initiator_filter_policy:
            refused = hci.HCI_ErrorCode.CONNECTION_ALREADY_EXISTS_ERROR
        if refused is not None:
            self._send_hci_command_status(refused, command.op_code)
            return
        self.pending_le_connection = command
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        self.air.listens(self)

    def on_hci_le_create_connection_cancel_command(self, _command: Any) -> Any:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return Success(DISALLOWED)
        self.air.loop.call_soon(self._tell_failed, pending)
        return Success(OK)

    def _tell_failed(self, pending: Any) -> None:
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )

    def on_hci_le_clear_filter_accept_list_command(self, _command: Any) -> Any:
        self.accepted.clear()
        return Success(OK)

    def on_hci_le_add_device_to_filter_accept_list_command(self, command: Any) -> Any:
        self.accepted.add(command.address)
        return Success(OK)

    def on_hci_le_remove_device_from_filter_accept_list_command(self, command: Any) -> Any:
        self.accepted.discard(command.address)
        return Success(OK)

    # Links

    def allocate_connection_handle(self) -> int:
        """Hand out the handles in turn, so that none means another link a moment later."""
        while True:
            self._last_handle = self._last_handle % LAST_HANDLE + 1
            if self._last_handle not in self._ends:
                return self._last_handle

    def opened(self, end: LinkEnd) -> None:
        """Know a new link and tell the host of it."""
        self.le_connections[end.peer_address] = end
        self._ends[end.handle] = end
        if end.role == hci.Role.CENTRAL:
            self.pending_le_connection = None
        else:
            self.advertiser.stop()
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=OK,
                connection_handle=end.handle,
                role=end.role,
                peer_address_type=end.peer_address.address_type,
                peer_address=end.peer_address,
                connection_interval=end.link.interval,
                peripheral_latency=0,
                supervision_timeout=end.link.timeout,
                central_clock_accuracy=0,
            )
        )

    def on_le_disconnected(self, connection: Any, reason: int) -> None:
        """Forget a link and tell the host of it."""
        if self._ends.pop(connection.handle, None) is None:
            return
        super().on_le_disconnected(connection, reason)
        connection.link.left(connection)

    def on_hci_disconnect_command(self, command: Any) -> None:
        end = self._ends.get(command.connection_handle)
        if end is None:
            self._send_hci_command_status(hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, command.op_code)
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        end.link.terminate(end, command.reason)
        self.on_le_disconnected(end, hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)

    def on_hci_le_connection_update_command(self, command: Any) -> None:
        super().on_hci_le_connection_update_command(command)
        end = self._ends.get(command.connection_handle)
        if end is not None:
            end.link.interval, end.link.timeout = command.connection_interval_max, command.supervision_timeout

    # The whole controller

    def on_hci_reset_command(self, _command: Any) -> Any:
        self.silence()
        for fault in ("deaf", "mute"):
            if getattr(self, fault) != "plug":
                setattr(self, fault, None)
        return Success(OK)

    def heal(self) -> None:
        """Undo every fault."""
        self.deaf = self.mute = None
        self.hung = False
        self.air.shown(self)
        self.air.listens(self)

    def silence(self) -> None:
        """Stop everything without a word, as a reset or a lost supply does; the other ends find out by themselves."""
        self.advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.accepted.clear()
        for end in self.ends:
            del self._ends[end.handle], self.le_connections[end.peer_address]
            end.link.left(end)
