"""Finding what stands for the local mesh in this run: the Bluetooth adapters, virtual phones, or a capture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from gateway.config.radio import ClockTrust, RadioConfig
from hw.bluez.installed import is_installed
from hw.clock import vouched_by
from transports.link import Transport
from transports.replay import ReplayTransport

NAMES = ("Ada", "Bela", "Chen", "Dina", "Emre", "Fay", "Goro", "Hana", "Ines", "Jan")
NOT_INSTALLED = ("Meshgate was installed without Bluetooth support.", "Install it with: pip install 'meshgate[ble]'")


@dataclass(frozen=True, slots=True)
class LocalMesh:
    """How a run reaches its phones.

    With `bluetooth` the gateway drives the adapters itself: it waits for the ones that are missing,
    and its status says what is wrong with them.
    """

    radios: tuple[Transport, ...]  # beside Bluetooth
    bluetooth: bool
    trouble: tuple[str, str] | None  # what is wrong, and what to do
    trusted: Callable[[], bool]  # whether somebody vouches for the time of day


def find_radios(config: RadioConfig, simulate: int | None, feed: Path | None, capture: Path | None, rate: float) -> LocalMesh:
    """Return what this run has for a local mesh.

    Args:
        config: what the operator decided about the radio.
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
    if simulate is None and config.enabled:
        if not is_installed():
            return LocalMesh(tuple(radios), bluetooth=False, trouble=NOT_INSTALLED, trusted=_always)
        trusted = _always if config.clock is ClockTrust.TRUST else _is_vouched_for
        return LocalMesh(tuple(radios), bluetooth=True, trouble=None, trusted=trusted)
    if simulate:
        from gateway.testing.island import Island  # noqa: PLC0415 -- only simulations pay for it
        from gateway.testing.radio import VirtualRadio  # noqa: PLC0415

        radios.append(VirtualRadio(Island(token_hex(8), phone_names(simulate))))
    return LocalMesh(tuple(radios), bluetooth=False, trouble=None, trusted=_always)


def phone_names(count: int) -> list[str]:
    """Return names for virtual phones."""
    return [NAMES[index % len(NAMES)] + (str(index // len(NAMES) + 1) if index >= len(NAMES) else "") for index in range(count)]


def _is_vouched_for() -> bool:
    return vouched_by() is not None


def _always() -> bool:
    return True
