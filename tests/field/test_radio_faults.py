"""What went wrong with the radios of bridges before this one, each as a test that would have caught it.

The doc of a test names the fault and where it was. Scenes are played in the time of tests.testing.virtual_loop.
"""

import asyncio
from itertools import pairwise
from random import Random

import pytest

from gateway.doctor.finding import Verdict
from gateway.mesh.effects import PeerLost
from hw.bluez.adapters import Adapter, BluetoothUnavailableError, Role, Trouble, choose, find_adapters
from hw.bluez.application import FLAGS
from hw.bluez.ladder import Ladder
from hw.bluez.pace import SILENCE_SCANNER_S, WAIT_CAP_S
from hw.bluez.settings import parse_options
from hw.bluez.steps import Outcome, Step, Symptom
from tests.doctor.scenes import amiss, findings, with_settings
from tests.hw.private_bus import bluez, bus, needs_daemon
from tests.manners.stage import Stage
from tests.transports.ble.air import Air, Ear
from tests.transports.ble.machine import Machine
from tests.transports.ble.scene import OTHER, OWN, Listener, Phone, play, running
from transports.ble.config import BleConfig
from transports.ble.transport import BleTransport
from transports.link import TransportState

DAY_S = 86_400.0


def neighbour(air: Air, number: int = 1) -> Ear:
    """A phone that may be dialled and says hello."""
    ear = air.join(Ear(f"7B:00:00:00:00:{number:02X}", advertises=True))
    ear.on_caller = lambda connection: connection.to_caller.push(b"hello")
    return ear


class TestPretending:
    """Radios that said they worked."""

    @needs_daemon
    async def test_bluetooth_is_there_only_if_somebody_answers(self, tmp_path) -> None:
        """AIVillage bitchat/ble_transport.py: `BLUETOOTH_AVAILABLE = True`, unconditionally."""
        with pytest.raises(BluetoothUnavailableError) as nothing:
            await find_adapters(f"unix:path={tmp_path / 'nowhere'}")
        assert nothing.value.trouble is Trouble.NO_BUS
        async with bus(tmp_path) as address:
            with pytest.raises(BluetoothUnavailableError) as silent:
                await find_adapters(address)
            assert silent.value.trouble is Trouble.NO_BLUEZ
            async with bluez(address, {}):
                with pytest.raises(BluetoothUnavailableError) as bare:
                    await find_adapters(address)
            assert bare.value.trouble is Trouble.NO_ADAPTER

    def test_a_radio_that_has_not_begun_is_down_and_has_no_links(self) -> None:
        """AIVillage bitchat/ble_transport.py: `start()` returned True, with 0 peers and no radio touched."""
        status = BleTransport(BleConfig(), Random(1)).status()
        assert (status.state, status.links) == (TransportState.DOWN, 0)

    def test_without_an_adapter_it_says_so_and_what_to_do(self) -> None:
        """AIVillage bitchat/ble_transport.py: the absence of Bluetooth was no error anywhere."""

        async def scene() -> None:
            machine = Machine(Air(), OWN)
            machine.controllers[0].plugged = False
            gateway = Listener(machine)
            async with running(gateway):
                await asyncio.sleep(5)
                status = gateway.transport.status()
                assert (status.state, status.links) == (TransportState.DOWN, 0)
                assert "no Bluetooth adapter" in status.sentence
                assert status.remedy

        play(scene)

    def test_alone_it_is_connected_with_nobody(self) -> None:
        """AIVillage bitchat/mobile_bridge.py: `connected = True`, hard-coded; bitchat-tui issue 7: alone, people thought it broken."""

        async def scene() -> None:
            gateway = Listener(Machine(Air(), OWN))
            async with running(gateway):
                await asyncio.sleep(60)
                status = gateway.transport.status()
                assert gateway.up == {}
                assert (status.state, status.links) == (TransportState.UP, 0)
                assert "nobody linked" in status.sentence.lower()

        play(scene)

    def test_a_link_is_up_only_after_the_other_end_has_answered(self) -> None:
        """AIVillage betanet/mixnode_client.py: connected to a host that does not exist, and reported success."""

        async def scene() -> None:
            air = Air()
            neighbour(air)
            machine = Machine(air, OWN)
            machine.controllers[0].stuck = {"dial": Step.RESTART_BLUETOOTH}
            gateway = Listener(machine)
            async with running(gateway):
                await asyncio.sleep(30)
                assert gateway.counters["dials"] > 0
                assert gateway.up == {}
                assert gateway.transport.status().links == 0

        play(scene)

    def test_discovery_and_sending_happen(self) -> None:
        """AIVillage bitchat/ble_transport.py: discovery and send were comments, and returned True."""

        async def scene() -> None:
            air = Air()
            left, right = Listener(Machine(air, OWN)), Listener(Machine(air, OTHER))
            async with running(left, right):
                await left.until(lambda: left.up and right.up)
                assert left.transport.send(left.link, b"a frame")
                await right.until(lambda: right.frames)
                assert right.frames == [b"a frame"]
                assert not left.transport.send("ble:99", b"to nobody")

        play(scene)

    def test_who_goes_is_reported_gone(self) -> None:
        """BitChatPi: the event `lost` was documented and never sent."""
        stage = Stage()
        ann = stage.ios("ann")
        stage.run(30)
        stage.part("ann")
        stage.run(70)
        assert [lost.peer_id for lost in stage.world.seen(PeerLost, "hut")] == [ann.peer_id]


class TestHanging:
    """Radios that stopped and had to be started again by hand."""

    @pytest.mark.parametrize("cure", [Step.POWER_CYCLE, Step.FORGET_DEVICES, Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH])
    def test_a_scan_that_is_in_progress_for_ever_is_cured_by_nobody_s_hand(self, cure: Step) -> None:
        """Theengs Gateway issues 99 and 264: `org.bluez.Error.InProgress`, only a reboot helps."""

        async def scene() -> None:
            air = Air()
            neighbour(air)
            machine = Machine(air, OWN)
            machine.controllers[0].stuck = {"scan": cure}
            gateway = Listener(machine)
            async with running(gateway):
                await gateway.until(lambda: gateway.up, 600)
                await gateway.until(lambda: gateway.transport.status().state is TransportState.UP)

        play(scene)

    def test_a_scanner_that_went_deaf_is_replaced(self) -> None:
        """bluez issues 367 and 1554, ble_monitor 658, GoveeBTTempLogger 80: discovery stops silently after hours or days."""

        async def scene() -> None:
            air = Air()
            machine = Machine(air, OWN)
            gateway = Listener(machine)
            async with running(gateway):
                await gateway.until(lambda: machine.controllers[0].hear)
                neighbour(air)
                machine.controllers[0].hear = lambda _ear: None  # it scans, and says nothing any more
                assert await gateway.until(lambda: gateway.up, 300) <= 2 * SILENCE_SCANNER_S
                assert gateway.counters["step_new_scanner"] >= 1

        play(scene)

    def test_the_watchdog_is_as_quick_as_the_best_known(self) -> None:
        """Only habluetooth had one: 90 s without an advertisement, looked at every 30 s."""
        ladder = Ladder("hci0")
        ladder.note(Symptom.SILENT, 0.0)
        assert ladder.next_check(0.0) <= SILENCE_SCANNER_S <= 90.0
        assert ladder.due(SILENCE_SCANNER_S) is Step.NEW_SCANNER

    def test_a_bluetooth_service_that_was_restarted_is_used_again(self) -> None:
        """GigaProjects' bridge, README: after a restart of bluetoothd, restart the bridge; bleak scanners go silent for ever then."""

        async def scene() -> None:
            air = Air()
            neighbour(air)
            machine = Machine(air, OWN)
            phone = Phone(air, "7B:00:00:00:00:99")
            gateway = Listener(machine)
            async with running(gateway):
                for _ in range(5):
                    await gateway.until(lambda: gateway.up and machine.controllers[0].advertises)
                    machine.kill_service()
                    await gateway.until(lambda: not gateway.up)
                    assert await gateway.until(lambda: gateway.up) < 30
                await gateway.until(lambda: machine.controllers[0].advertises)
                await phone.dial(machine)
                await gateway.until(lambda: len(gateway.up) == 2)
            assert Step.RESET_ADAPTER not in machine.steps

        play(scene)

    def test_a_bus_that_was_dropped_is_taken_again(self) -> None:
        """dbus-fast, python-dbus-next issue 153, ha-ef-ble 366: a full socket drops the bus, and everything registered with it."""

        async def scene() -> None:
            air = Air()
            neighbour(air)
            machine = Machine(air, OWN)
            gateway = Listener(machine)
            async with running(gateway):
                for _ in range(5):
                    await gateway.until(lambda: gateway.up and machine.controllers[0].advertises)
                    machine.lose_bus()
                    await gateway.until(lambda: not gateway.up)
                    assert await gateway.until(lambda: gateway.up) < 30

        play(scene)

    def test_it_never_gives_up_however_often_it_failed(self) -> None:
        """Home Assistant operating-system 4022 and many more: stuck until somebody pulled the plug."""
        ladder, now, steps = Ladder("hci0"), 0.0, []
        while now < 3 * DAY_S:
            ladder.note(Symptom.SCAN_FAILED, now)
            step = ladder.due(now)
            if step is not None:
                ladder.began(step, now)
                ladder.ended(step, Outcome.FAILED, now + 1)
                steps.append(now)
            now = max(ladder.next_check(now), now + 1)
        assert max(later - earlier for earlier, later in pairwise(steps)) <= WAIT_CAP_S + 60
        assert ladder.sentence()
        assert ladder.remedy()

    def test_what_cannot_be_done_from_here_is_said_and_the_rest_is_done(self) -> None:
        """GigaProjects' bridge, README: "pkill, restart bluetooth, hciconfig down/up", as root, by hand."""

        async def scene() -> None:
            air = Air()
            neighbour(air)
            machine = Machine(air, OWN, helper=False)
            machine.controllers[0].stuck = {"scan": Step.POWER_CYCLE}
            gateway = Listener(machine)
            async with running(gateway):
                await gateway.until(lambda: gateway.up, 600)
            assert machine.steps[Step.POWER_CYCLE] >= 1

        play(scene)

    def test_a_radio_that_is_not_there_holds_nothing_up(self) -> None:
        """Bitchat-Meshtastic's TODO: booting blocked for 20 s while the radio was waited for."""

        async def scene() -> None:
            machine = Machine(Air(), OWN)
            machine.bus = False
            gateway = Listener(machine)
            loop = asyncio.get_running_loop()
            began = loop.time()
            async with running(gateway):
                await asyncio.sleep(0)
                assert gateway.transport.status().state is not TransportState.UP
                assert loop.time() - began < 0.01
                await asyncio.sleep(60)
                machine.bus = True
                assert await gateway.until(lambda: gateway.transport.status().state is TransportState.UP) < 60

        play(scene)


class TestPairing:
    """iPhones asked their owners to pair."""

    def test_the_doctor_finds_a_bluez_that_reads_batteries(self) -> None:
        """GigaProjects' README, python-bluezero 335, bluez 638: BlueZ reads a protected value (the battery) and iPhones ask to pair."""
        stock = with_settings(options=parse_options(["-d"]))
        assert amiss(stock) == [("bluez.battery", Verdict.WARN)]
        (found,) = [one for one in findings(stock) if one.check == "bluez.battery"]
        assert "-P battery" in found.remedy
        assert "iPhone" in found.sentence

    @pytest.mark.parametrize("arguments", [["-P", "battery"], ["--noplugin=battery,input"], ["-p", "gap,gatt"], ["-P*"]])
    def test_and_leaves_the_cured_alone(self, arguments: list[str]) -> None:
        """The same recipe, in the ways it can be written."""
        assert amiss(with_settings(options=parse_options(arguments))) == []

    def test_nothing_we_serve_asks_for_pairing(self) -> None:
        """The same popup, from a characteristic of one's own with an encrypt- or secure- flag."""
        assert sorted(FLAGS) == ["notify", "read", "write", "write-without-response"]


class TestRoles:
    """Half a node."""

    def test_one_adapter_searches_and_is_found(self) -> None:
        """BitChatPi: peripheral only, no scanning. bitchat-cli: central only."""
        adapter = Adapter("/org/bluez/hci0", "hci0", powered=True, advertisements=5)
        assert choose([adapter], ()) == [(adapter, Role.BOTH)]

    def test_both_at_once_for_real(self) -> None:
        """The same: a phone that only dials and one that can only be dialled are both linked."""

        async def scene() -> None:
            air = Air()
            neighbour(air)
            machine = Machine(air, OWN)
            phone = Phone(air, "7B:00:00:00:00:99")
            gateway = Listener(machine)
            async with running(gateway):
                await gateway.until(lambda: gateway.up and machine.controllers[0].advertises)
                await phone.dial(machine)
                await gateway.until(lambda: len(gateway.up) == 2)
                assert (gateway.counters["links_central"], gateway.counters["links_peripheral"]) == (1, 1)

        play(scene)

    def test_two_adapters_of_one_box_do_not_link_with_each_other(self) -> None:
        """bluez 584 makes people use two adapters; each then finds the other."""

        async def scene() -> None:
            gateway = Listener(Machine(Air(), OWN, OTHER))
            async with running(gateway):
                await asyncio.sleep(120)
                assert gateway.up == {}
                assert gateway.counters["dials"] == 0

        play(scene)


def test_no_address_of_anybody_leaves_the_radio() -> None:
    """Theengs Gateway, BitChatPi and MeshMonitor publish the hardware addresses of whoever passes by."""

    async def scene() -> None:
        air = Air()
        neighbour(air)
        gateway = Listener(Machine(air, OWN))
        async with running(gateway):
            await gateway.until(lambda: gateway.up)
            gateway.machine.kill_service()
            await gateway.until(lambda: gateway.downs)
            await gateway.until(lambda: gateway.up)
            told = repr((gateway.transport.status(), gateway.transport.radio(), gateway.reports, gateway.downs, list(gateway.up)))
        assert "7B:00" not in told
        assert OWN not in told

    play(scene)


def test_a_link_s_frames_are_whole_or_refused() -> None:
    """Bitchat-Meshtastic's TODO: buffer sizes that disagree, and packets cut short at the edge of the MTU."""

    async def scene() -> None:
        air = Air()
        machine = Machine(air, OWN)
        phone = Phone(air, "7B:00:00:00:00:99", mtu=182)
        gateway = Listener(machine)
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[0].advertises)
            await phone.dial(machine)
            await gateway.until(lambda: gateway.up)
            assert gateway.up[gateway.link].mtu == 182
            assert gateway.transport.send(gateway.link, bytes(182))
            with pytest.raises(ValueError, match="182"):
                gateway.transport.send(gateway.link, bytes(183))
            await gateway.until(lambda: phone.got)
            assert phone.got == [bytes(182)]

    play(scene)


def test_a_radio_made_for_no_bus_at_all_can_still_be_asked_how_it_is() -> None:
    """AIVillage P2PNetwork: raised on `initialize()`, so nothing could be asked at all."""
    transport = BleTransport(BleConfig(bus_address="unix:path=/nowhere"), Random(1))
    assert transport.status().state is TransportState.DOWN
    assert transport.radio().adapters == ()
