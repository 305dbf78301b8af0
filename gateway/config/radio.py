"""The part of the schema about the Bluetooth radio."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from gateway.config.about import About
from gateway.config.checks import MAX_SOCKET_PATH, check_adapter, check_links, check_socket
from transports.limits import BLE_MAX_ADAPTERS, BLE_MAX_CENTRAL, BLE_MAX_PERIPHERAL, BLE_MOST_LINKS

RECOVERY_SOCKET = Path("/run/meshgate-recover.sock")


class ClockTrust(StrEnum):
    """When the time of day of this machine is believed."""

    AUTO = "auto"
    TRUST = "trust"


class RadioConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The Bluetooth radio, and with it the phones near this gateway."""

    enabled: Annotated[bool, About("Whether to use Bluetooth at all.")] = True
    adapters: Annotated[
        tuple[str, ...],
        About(
            "The adapters to use, each for calling phones (central), for being called by them (peripheral), or for both; "
            "an empty list uses one adapter for both, and of several the first as central and the second as peripheral.",
            allowed="hci0 or AA:BB:CC:DD:EE:FF, followed by =central, =peripheral or =both (the same as nothing)",
            check=check_adapter,
            most=BLE_MAX_ADAPTERS,
        ),
    ] = ()
    max_dialled: Annotated[
        int,
        About(
            "The most phones and gateways each adapter calls at once; what its controller refuses makes it fewer for a while.",
            allowed=f"1 to {BLE_MOST_LINKS}",
            check=check_links,
            unit="links",
            range=(1, BLE_MOST_LINKS),
        ),
    ] = BLE_MAX_CENTRAL
    max_accepted: Annotated[
        int,
        About(
            "The most phones and gateways each adapter lets call at once.",
            allowed=f"1 to {BLE_MOST_LINKS}",
            check=check_links,
            unit="links",
            range=(1, BLE_MOST_LINKS),
        ),
    ] = BLE_MAX_PERIPHERAL
    announce_peer_id: Annotated[
        bool,
        About(
            "Whether to show this gateway's peer ID to everybody who scans, as phones with Android do; "
            "they need it to see that they are linked already, and without it link twice. "
            "Anybody can recognise the gateway by it, as by its announces.",
        ),
    ] = True
    clock: Annotated[
        ClockTrust,
        About(
            'When to believe this machine\'s time, without which phones ignore the gateway: "auto" once a time service or a hardware clock '
            'vouches for it, "trust" always.',
        ),
    ] = ClockTrust.AUTO
    recovery_socket: Annotated[
        Path,
        About(
            "The socket of the service that restarts Bluetooth when nothing gentler helps; "
            "without it those steps are left out, and the status says so.",
            allowed=f"a path of at most {MAX_SOCKET_PATH} bytes",
            check=check_socket,
        ),
    ] = RECOVERY_SOCKET
