"""A D-Bus daemon of a test's own, and a BlueZ with as many adapters as the test wants.

Needs ``dbus-daemon`` (Debian: ``apt install dbus``); without it the tests that use it are
skipped and say so. Nothing of the machine's own bus or Bluetooth is touched.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dbus_fast import PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property

DAEMON = shutil.which("dbus-daemon")
needs_daemon = pytest.mark.skipif(DAEMON is None, reason="there is no dbus-daemon here: apt install dbus")

_CONFIG = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    {rules}
  </policy>
</busconfig>
"""

NOBODY_MAY = '<deny send_destination="org.bluez"/>'


class Adapter1(ServiceInterface):
    """What BlueZ says of one controller, as far as anybody asks."""

    def __init__(self, powered: bool) -> None:
        super().__init__("org.bluez.Adapter1")
        self._powered = powered

    @dbus_property(access=PropertyAccess.READ)
    def Powered(self) -> "b":  # noqa: F821, N802 - D-Bus' name and signature
        return self._powered


class AgentManager1(ServiceInterface):
    """Another thing that BlueZ exports and that is no adapter."""

    def __init__(self) -> None:
        super().__init__("org.bluez.AgentManager1")


@asynccontextmanager
async def bus(directory: Path, rules: str = "") -> AsyncIterator[str]:
    """Run a daemon; gives its address."""
    async with daemon(directory, rules) as (address, _):
        yield address


@asynccontextmanager
async def daemon(directory: Path, rules: str = "") -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Run a daemon; gives its address and its process."""
    config = directory / "bus.conf"
    config.write_text(_CONFIG.format(socket=directory / "bus", rules=rules))
    process = await asyncio.create_subprocess_exec(
        *(str(DAEMON), "--nofork", "--nopidfile", f"--config-file={config}", "--print-address=1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # where it complains about file descriptor limits
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip(), process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


@asynccontextmanager
async def bluez(address: str, adapters: Mapping[str, bool]) -> AsyncIterator[None]:
    """Be BlueZ on a bus, with adapters by name and whether they are powered."""
    connection = await MessageBus(bus_address=address).connect()
    try:
        connection.export("/org/bluez", AgentManager1())
        for name, powered in adapters.items():
            connection.export(f"/org/bluez/{name}", Adapter1(powered))
        await connection.request_name("org.bluez")
        yield
    finally:
        connection.disconnect()
        await connection.wait_for_disconnect()
