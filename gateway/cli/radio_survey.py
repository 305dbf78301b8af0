"""Listening on the air without a gateway: the adapters are used for a moment and left as they were."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from gateway.admin.radio import HeardDocument, ScanDocument, ScanRequest
from gateway.cli.output import CommandError, Exit
from gateway.cli.radios import NOT_INSTALLED
from gateway.config.radio import RadioConfig
from hw.bluez.installed import is_installed
from transports.limits import BLE_SCAN_ROWS

if TYPE_CHECKING:
    from hw.bluez.adapters import Adapter
    from transports.ble.edge import Heard, Host


async def survey(config: RadioConfig, request: ScanRequest) -> ScanDocument:
    """Listen with every adapter that the gateway would search with.

    Raises:
        CommandError: there is no adapter to listen with, or it will not.

    """
    if not is_installed():
        raise CommandError("no_radio", NOT_INSTALLED[0], hint=NOT_INSTALLED[1], status=Exit.NOT_FOUND)
    from hw.bluez.adapters import parse_wish  # noqa: PLC0415 -- an extra
    from hw.bluez.errors import BluetoothUnavailableError, BluezError  # noqa: PLC0415
    from transports.ble.bluez import open_bluez  # noqa: PLC0415
    from transports.ble.config import BleConfig  # noqa: PLC0415

    try:
        host = await open_bluez(BleConfig(wishes=tuple(map(parse_wish, config.adapters))))
        try:
            return await _listen(host, _searchers(host, config), request)
        finally:
            await host.close()
    except BluetoothUnavailableError as error:
        raise CommandError("no_radio", error.sentence, hint=error.remedy, status=Exit.NOT_FOUND) from error
    except BluezError as error:
        hint = "`meshgate doctor` looks for the reason."
        raise CommandError("scan_failed", f"The Bluetooth service does not search: {error}.", hint=hint) from error


def _searchers(host: "Host", config: RadioConfig) -> "list[Adapter]":
    """Return the adapters to search with."""
    from hw.bluez.adapters import Role, choose, parse_wish  # noqa: PLC0415 -- an extra
    from hw.bluez.errors import BluetoothUnavailableError, Trouble  # noqa: PLC0415

    if not host.present:
        raise BluetoothUnavailableError(Trouble.NO_BLUEZ)
    chosen = choose(host.adapters(), tuple(map(parse_wish, config.adapters)))
    adapters = [adapter for adapter, role in chosen if Role.CENTRAL in role]
    if not any(adapter.powered for adapter in adapters):
        names = ", ".join(adapter.name for adapter in adapters) or "every adapter"
        raise CommandError("no_adapter", f"There is nothing to search with: {names} is switched off.", hint="bluetoothctl power on")
    return [adapter for adapter in adapters if adapter.powered]


async def _listen(host: "Host", adapters: "list[Adapter]", request: ScanRequest) -> ScanDocument:
    heard: dict[tuple[str, str], tuple[Heard, int]] = {}

    async with AsyncExitStack() as searching:
        for adapter in adapters:

            def note(one: "Heard", name: str = adapter.name) -> None:
                key = name, one.address
                if key in heard or len(heard) < BLE_SCAN_ROWS:
                    heard[key] = one, heard.get(key, (one, 0))[1] + 1

            radio = host.radio(adapter)
            await radio.start_scan(note)
            searching.push_async_callback(radio.stop_scan)
        await asyncio.sleep(request.seconds)
    rows = [
        HeardDocument(name, one.is_random, one.rssi, times, linked=False, shows_peer_id=bool(one.tag), peer_id=_peer_id(one.tag, request))
        for (name, _), (one, times) in heard.items()
    ]
    return ScanDocument(request.seconds, tuple(sorted(rows, key=lambda row: -row.rssi)))


def _peer_id(tag: bytes, request: ScanRequest) -> str | None:
    return tag.hex() if tag and request.peer_ids else None
