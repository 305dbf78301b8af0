"""What an operator decides about the Bluetooth radio."""

from dataclasses import dataclass
from pathlib import Path

from hw.bluez.adapters import Wish
from hw.bluez.limits import TAG_BYTES
from transports.limits import BLE_MAX_ADAPTERS, BLE_MAX_CENTRAL, BLE_MAX_PERIPHERAL, BLE_MOST_LINKS


@dataclass(frozen=True, slots=True)
class BleConfig:
    """Which adapters to use, and for how much.

    Raises:
        ValueError: on construction, with a sentence for the person who wrote the configuration.
    """

    wishes: tuple[Wish, ...] = ()  # adapters and their roles; empty: whatever is there
    max_central: int = BLE_MAX_CENTRAL  # links dialled by us, per adapter; the adapter may turn out to hold fewer
    max_peripheral: int = BLE_MAX_PERIPHERAL  # links dialled by others, per adapter
    tag: bytes = b""  # peer ID in the scan response, by which a phone knows us under any address; empty: none
    pause_scan: bool = True  # do not scan while dialling: the kernel dials only whom it hears, and a scan reports each device once in 10 s
    helper_socket: Path | None = None  # where the privileged helper listens; None: steps that need it are left out
    bus_address: str | None = None  # D-Bus address instead of the system bus

    def __post_init__(self) -> None:
        if len(self.wishes) > BLE_MAX_ADAPTERS:
            raise ValueError(f"{len(self.wishes)} Bluetooth adapters are more than the {BLE_MAX_ADAPTERS} that can be used at once.")
        for what, value in (("dialled by this gateway", self.max_central), ("dialled by phones", self.max_peripheral)):
            if not 1 <= value <= BLE_MOST_LINKS:
                raise ValueError(f"The number of links {what} must be between 1 and {BLE_MOST_LINKS} per adapter, not {value}.")
        if len(self.tag) > TAG_BYTES:
            raise ValueError(f"A tag of {len(self.tag)} bytes does not fit the scan response, which has room for {TAG_BYTES}.")
