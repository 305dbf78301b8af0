"""Looks at the box and tries its connections, as an ordinary user: what `gateway.doctor.host` judges. Nothing is changed."""

import asyncio
import errno
import ipaddress
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from gateway.config import Config
from gateway.config.policy import InvalidPolicyError, default_policy_file, load_policy
from gateway.doctor.broker import log_in
from gateway.doctor.host_facts import Called, HostFacts, Port, PortState, Rules, Uplink
from gateway.doctor.page import look_at_page
from gateway.errors import ConfigError
from gateway.limits import MAX_DOCTOR_FILES
from gateway.status import GatewayStatus
from gateway.telemetry.listener import read_token
from hw.vitals import read_vitals
from transports.libp2p import address as libp2p
from transports.link import TransportState
from transports.websocket import address as websocket

PATIENCE_S = 5.0  # seconds a site or a broker may take


class Address(Protocol):
    """Where to listen or to call."""

    @property
    def host(self) -> str:
        """An IP address or a name."""

    @property
    def port(self) -> int:
        """Of TCP."""


async def gather_host(config: Config, status: GatewayStatus | None, *, root: Path = Path("/")) -> HostFacts:
    """Return what can be seen; never raises for anything that is missing.

    Args:
        config: what the operator decided.
        status: of the running gateway, None if none runs.
        root: where ``sys`` and ``proc`` are.

    """
    state = config.gateway.state_dir
    called, brokers = await asyncio.gather(asyncio.gather(*(_call(*one) for one in _peers(config))), log_in(config.mqtt))
    return HostFacts(
        vitals=read_vitals(state, root),
        gateway_runs=status is not None,
        exposed=tuple(path.name for path in exposed(state)),
        can_write=_can_write(state),
        ports=tuple(_ports(config)),
        called=tuple(called),
        brokers=brokers,
        rules=_rules(config),
        page=look_at_page(config, status, time.time()),
        metrics_trouble=_metrics_trouble(config),
        libp2p_wanted=config.transports.libp2p.enabled,
        libp2p=None if status is None else _uplink(status),
    )


def exposed(state: Path) -> list[Path]:
    """Return the files right in the state directory that others can open: keys always, the rest where others get in at all."""
    try:
        is_open = bool(state.stat().st_mode & 0o077)
        modes = [(path, path.lstat().st_mode) for path in sorted(state.iterdir())[:MAX_DOCTOR_FILES]]
    except OSError:
        return []
    return [path for path, mode in modes if stat.S_ISREG(mode) and mode & 0o077 and (is_open or path.suffix == ".key")]


def look_at_port(transport: str, address: Address) -> Port:
    """Return how it is with a port, by trying to take it for a moment."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            known = {errno.EADDRINUSE: PortState.TAKEN, errno.EACCES: PortState.FORBIDDEN}
            return Port(transport, address.port, known.get(error.errno or 0, PortState.ELSEWHERE))
    return Port(transport, address.port, PortState.FREE)


def _ports(config: Config) -> Iterator[Port]:
    chosen = config.transports
    for name, enabled, listen, parse in (
        ("libp2p", chosen.libp2p.enabled, chosen.libp2p.listen, libp2p.parse_listen),
        ("websocket", chosen.websocket.enabled, chosen.websocket.listen, websocket.parse_listen),
        ("page", config.page.enabled, config.page.listen, websocket.parse_listen),
        ("metrics", True, config.metrics.listen, websocket.parse_listen),
    ):
        for text in listen if enabled else ():
            place: Address = parse(text)
            if place.port:
                yield look_at_port(name, place)


def _peers(config: Config) -> Iterator[tuple[str, int, Address]]:
    chosen = config.transports
    parse: Callable[[str], Address]
    for name, enabled, peers, parse in (
        ("libp2p", chosen.libp2p.enabled, chosen.libp2p.peers, libp2p.parse_peer),
        ("websocket", chosen.websocket.enabled, chosen.websocket.peers, websocket.parse_peer),
    ):
        for number, text in enumerate(peers if enabled else (), start=1):
            yield name, number, parse(text)


async def _call(transport: str, place: int, address: Address) -> Called:
    """See how long a site's port takes to answer; nothing is said there."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except TimeoutError:
        return Called(transport, place, None, f"not within {PATIENCE_S:.0f} s")
    except socket.gaierror:
        return Called(transport, place, None, "its name is not known here")
    except OSError as error:
        return Called(transport, place, None, os.strerror(error.errno).lower() if error.errno else "the connection failed")
    took = time.monotonic() - began
    await hang_up(writer)
    return Called(transport, place, took)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection at once, whatever the other end thinks of it."""
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


def _rules(config: Config) -> Rules:
    file = config.policy.file
    if file == default_policy_file(config.gateway.state_dir) and not os.path.lexists(file):
        return Rules()
    try:
        return Rules(len(load_policy(file).rules), file=str(file))
    except InvalidPolicyError as error:
        return Rules(trouble=error.summary, file=str(file))


def _metrics_trouble(config: Config) -> str:
    try:
        for file in config.metrics.token_files:
            read_token(file)
    except ConfigError as error:
        return str(error)
    return ""


def _can_write(state: Path) -> bool:
    place = next((one for one in (state, *state.parents) if one.exists()), None)
    return place is not None and os.access(place, os.W_OK | os.X_OK)


def _uplink(status: GatewayStatus) -> Uplink | None:
    seen = status.transports.get("libp2p")
    if seen is None:
        return None
    is_public = any(_is_public(address) for address in seen.addresses)
    return Uplink(seen.state is not TransportState.DOWN, seen.links, is_public, seen.sentence, seen.remedy)


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.split("/")[2]).is_global
    except (ValueError, IndexError):
        return False
