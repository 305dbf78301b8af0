"""Bumble's host without its log: writing every packet out in words takes most of the time a simulated phone needs."""

from bumble import hci
from bumble.controller import Controller
from bumble.device import Device, DeviceConfiguration
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink


class PhoneHost(Host):
    """The host's side of a phone's HCI."""

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Take one packet from the controller."""
        if isinstance(packet, hci.HCI_Event):
            self.on_hci_event_packet(packet)
        elif isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Give one packet to the controller."""
        if self.hci_sink is not None:
            self.hci_sink.on_packet(bytes(packet))


def new_device(controller: Controller, config: DeviceConfiguration) -> Device:
    """A device on a controller that is on the air already; it still has to be powered on."""
    return Device(config=config, host=PhoneHost(controller, AsyncPipeSink(controller)))
