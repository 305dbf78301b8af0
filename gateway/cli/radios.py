"""Finding what stands for the local mesh in this run: a real adapter, virtual phones, or a capture."""

from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex

from transports.link import Transport
from transports.replay import ReplayTransport

Trouble = tuple[str, str]
"""What is wrong, and what to do."""

NAMES = ("Ada", "Bela", "Chen", "Dina", "Emre", "Fay", "Goro", "Hana", "Ines", "Jan")


async def find_radios(simulate: int | None, feed: Path | None, capture: Path | None, rate: float) -> tuple[list[Transport], Trouble | None]:
    """Return the local transports, or why there is no radio.

    Args:
        simulate: virtual phones instead of a radio, None for real ones.
        feed: a capture to play.
        capture: a file to write what is sent.
        rate: frames a second to play.

    Raises:
        CaptureError: the capture cannot be read.

    """
    radios: list[Transport] = []
    if feed is not None or capture is not None:
        radios.append(ReplayTransport(feed, capture, rate))
    if simulate is None:
        return radios, await _bluetooth_trouble()
    if simulate > 0:
        from gateway.testing.island import Island  # noqa: PLC0415 -- only simulations pay for it
        from gateway.testing.radio import VirtualRadio  # noqa: PLC0415

        radios.append(VirtualRadio(Island(token_hex(8), phone_names(simulate))))
    return radios, None


def phone_names(count: int) -> list[str]:
    """Return names for virtual phones."""
    return [NAMES[index % len(NAMES)] + (str(index // len(NAMES) + 1) if index >= len(NAMES) else "") for index in range(count)]


async def _bluetooth_trouble() -> Trouble:
    if find_spec("dbus_fast") is None:
        return "Meshgate was installed without Bluetooth support.", "Install it with: pip install 'meshgate[ble]'"
    from hw.bluez.adapters import BluetoothUnavailableError, find_adapters  # noqa: PLC0415 -- dbus-fast is an extra

    try:
        adapters = await find_adapters()
    except BluetoothUnavailableError as error:
        return error.sentence, error.remedy
    return (
        f"The Bluetooth adapter {adapters[0].name} is there, but this version of Meshgate does not drive it yet.",
        "Use a later version for real phones.",
    )
