"""The air itself, without a guest: stations with hosts of paper, in the time of tests.testing.virtual_loop."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bumble import hci

from tests.rig.air import Air
from tests.rig.air_links import LinkEnd
from tests.rig.controllers import Station
from tests.testing.virtual_loop import run

INTERVAL, TIMEOUT = 24, 400  # 30 ms, 4 s
HOUR_S = 3600.0


class PaperHost:
    """Sends what a test says and keeps what it is told."""

    def __init__(self, air: Air, name: str, number: int) -> None:
        self.station = Station(name, air, f"F0:00:00:00:00:{number:02X}")
        self.station.set_packet_sink(self)
        self.packets: list[tuple[float, bytes]] = []

    def on_packet(self, packet: bytes) -> None:
        self.packets.append((asyncio.get_running_loop().time(), packet))

    def send(self, command: hci.HCI_Command) -> None:
        self.station.on_packet(bytes(command))

    def told(self, kind: type[Any]) -> list[Any]:
        events = [hci.HCI_Packet.from_bytes(packet) for _, packet in self.packets if packet[0] == hci.HCI_EVENT_PACKET]
        return [event for event in events if isinstance(event, kind)]

    @property
    def reports(self) -> list[Any]:
        return [report for event in self.told(hci.HCI_LE_Advertising_Report_Event) for report in event.reports]

    @property
    def data(self) -> list[bytes]:
        return [packet[5:] for _, packet in self.packets if packet[0] == hci.HCI_ACL_DATA_PACKET]

    @property
    def ended(self) -> list[int]:
        return [event.reason for event in self.told(hci.HCI_Disconnection_Complete_Event)]

    def show(self, data: bytes = b"\x02\x01\x06", scan_response: bytes = b"\x03\x16\xaa\xbb", ms: float = 100.0) -> None:
        slots = round(ms / 0.625)
        advertiser = self.station.advertiser
        advertiser.advertising_interval_min = slots
        self.send(hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=data))
        self.send(hci.HCI_LE_Set_Scan_Response_Data_Command(scan_response_data=scan_response))
        self.send(hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=1))

    def scan(self, on: bool = True, active: bool = True, unique: bool = True, window: int = 96) -> None:
        if on:
            self.station.le_scan_type, self.station.le_scan_interval, self.station.le_scan_window = int(active), 96, window
        self.send(hci.HCI_LE_Set_Scan_Enable_Command(le_scan_enable=int(on), filter_duplicates=int(unique)))

    def call(self, other: "PaperHost") -> None:
        self.send(
            hci.HCI_LE_Create_Connection_Command(
                le_scan_interval=96,
                le_scan_window=96,
                initiator_filter_policy=0,
                peer_address_type=other.station.advertiser.address.address_type,
                peer_address=other.station.advertiser.address,
                own_address_type=hci.OwnAddressType.PUBLIC,
                connection_interval_min=INTERVAL,
                connection_interval_max=INTERVAL,
                max_latency=0,
                supervision_timeout=TIMEOUT,
                min_ce_length=0,
                max_ce_length=0,
            )
        )

    def write(self, data: bytes) -> None:
        (end,) = self.station.ends
        self.station.on_packet(struct.pack("<BHH", hci.HCI_ACL_DATA_PACKET, end.handle, len(data)) + data)


def play(scene: Callable[[Air, PaperHost, PaperHost], Awaitable[None]]) -> None:
    async def main() -> None:
        air = Air()
        await scene(air, PaperHost(air, "ann", 1), PaperHost(air, "bob", 2))

    run(main())


async def linked(ann: PaperHost, bob: PaperHost) -> tuple[LinkEnd, LinkEnd]:
    bob.show()
    ann.call(bob)
    await asyncio.sleep(1)
    (a,), (b,) = ann.station.ends, bob.station.ends
    return a, b


def test_who_filters_duplicates_hears_each_advertisement_once_a_scan_and_an_hour_costs_nothing() -> None:
    async def scene(air: Air, ann: PaperHost, bob: PaperHost) -> None:
        bob.show()
        ann.scan()
        await asyncio.sleep(HOUR_S)
        assert [(report.event_type, report.data) for report in ann.reports] == [(0, b"\x02\x01\x06"), (4, b"\x03\x16\xaa\xbb")]
        assert not air._due
        ann.scan(on=False)
        ann.scan(active=False)
        await asyncio.sleep(1)
        assert [report.event_type for report in ann.reports[2:]] == [0]
        bob.show(data=b"\x02\x01\x04")
        await asyncio.sleep(1)
        assert [report.data for report in ann.reports[3:]] == [b"\x02\x01\x04"]

    play(scene)


@pytest.mark.parametrize(("window", "expected"), [(96, 100), (48, 50)])
def test_who_does_not_hears_as_many_as_its_window_lets_through(window: int, expected: int) -> None:
    async def scene(_air: Air, ann: PaperHost, bob: PaperHost) -> None:
        bob.show()
        ann.scan(unique=False, active=False, window=window)
        await asyncio.sleep(10.5)
        assert len(ann.reports) == pytest.approx(expected, rel=0.2)

    play(scene)


def test_a_station_hears_nobody_out_of_reach_and_those_that_come_within_it() -> None:
    async def scene(air: Air, ann: PaperHost, bob: PaperHost) -> None:
        air.set_island(["ann"], "north")
        air.set_island(["bob"], "south")
        bob.show()
        ann.scan()
        await asyncio.sleep(60)
        assert not ann.reports
        air.set_contact(["ann"], ["bob"], rssi=-91)
        air.set_island(["bob"], "north")
        await asyncio.sleep(1)
        assert {report.rssi for report in ann.reports} == {-91}

    play(scene)


def test_data_keeps_its_order_and_the_pace_of_a_radio() -> None:
    async def scene(_air: Air, ann: PaperHost, bob: PaperHost) -> None:
        await linked(ann, bob)
        began = asyncio.get_running_loop().time()
        sent = [bytes([number]) * 251 for number in range(100)]
        for data in sent:
            ann.write(data)
        await asyncio.sleep(10)
        assert bob.data == sent
        done = max(at for at, packet in bob.packets if packet[0] == hci.HCI_ACL_DATA_PACKET)
        assert 0.2 < done - began < 0.4
        completed = ann.told(hci.HCI_Number_Of_Completed_Packets_Event)
        assert sum(sum(event.num_completed_packets) for event in completed) == 100

    play(scene)


def test_a_gap_shorter_than_the_supervision_timeout_loses_nothing_and_a_longer_one_ends_the_link_at_both_ends() -> None:
    async def scene(air: Air, ann: PaperHost, bob: PaperHost) -> None:
        await linked(ann, bob)
        air.set_contact(["ann"], ["bob"], up=False)
        ann.write(b"late")
        await asyncio.sleep(3.9)
        assert not bob.data
        air.set_contact(["ann"], ["bob"], up=True)
        await asyncio.sleep(1)
        assert bob.data == [b"late"]
        air.set_contact(["ann"], ["bob"], up=False)
        await asyncio.sleep(4.1)
        assert ann.ended == bob.ended == [hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR]
        assert not air.links

    play(scene)


def test_a_goodbye_is_heard_within_reach_only() -> None:
    async def scene(air: Air, ann: PaperHost, bob: PaperHost) -> None:
        a, _ = await linked(ann, bob)
        ann.send(hci.HCI_Disconnect_Command(connection_handle=a.handle, reason=0x13))
        await asyncio.sleep(0.1)
        assert (ann.ended, bob.ended) == ([0x16], [0x13])
        a, _ = await linked(ann, bob)
        air.set_contact(["ann"], ["bob"], up=False)
        ann.send(hci.HCI_Disconnect_Command(connection_handle=a.handle, reason=0x13))
        await asyncio.sleep(0.1)
        assert len(bob.ended) == 1
        await asyncio.sleep(4)
        assert bob.ended == [0x13, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR]
        assert not air.links

    play(scene)


@pytest.mark.parametrize("vanish", ["unplug", "reset"])
def test_who_is_unplugged_or_reset_goes_without_a_word(vanish: str) -> None:
    async def scene(air: Air, ann: PaperHost, bob: PaperHost) -> None:
        await linked(ann, bob)
        if vanish == "unplug":
            air.remove_controller(bob.station)
        else:
            bob.send(hci.HCI_Reset_Command())
        await asyncio.sleep(3.9)
        assert (ann.ended, bob.ended) == ([], [])
        await asyncio.sleep(0.2)
        assert (ann.ended, bob.ended) == ([hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR], [])
        assert not air.links
        assert not ann.station.le_connections

    play(scene)


def test_faults_last_until_what_mends_them() -> None:
    async def scene(_air: Air, ann: PaperHost, bob: PaperHost) -> None:
        ann.station.deaf, bob.station.mute = "scan", "reset"
        ann.scan()
        bob.show()
        await asyncio.sleep(1)
        assert not ann.reports
        bob.send(hci.HCI_Reset_Command())
        bob.show()
        ann.scan(on=False)
        ann.scan()
        await asyncio.sleep(1)
        assert ann.reports
        ann.station.hung, told = True, len(ann.packets)
        ann.scan(on=False)
        await asyncio.sleep(1)
        assert len(ann.packets) == told

    play(scene)


def test_a_full_controller_refuses_and_a_bad_contact_fails() -> None:
    async def scene(air: Air, ann: PaperHost, bob: PaperHost) -> None:
        bob.show()
        ann.station.max_links = 0
        ann.call(bob)
        await asyncio.sleep(1)
        assert ann.told(hci.HCI_Command_Status_Event)[-1].status == hci.HCI_ErrorCode.CONNECTION_REJECTED_DUE_TO_LIMITED_RESOURCES_ERROR
        ann.station.max_links = 1
        air.set_contact(["ann"], ["bob"], connects=False)
        ann.call(bob)
        await asyncio.sleep(1)
        assert ann.ended == [hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR]
        assert not bob.station.ends
        assert not air.links

    play(scene)
