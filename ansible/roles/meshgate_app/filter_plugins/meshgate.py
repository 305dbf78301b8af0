"""Filters of the role: a configuration as TOML, and the ports of a configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^\[\]:]+):(?P<port>\d+)")
_MULTIADDR = re.compile(r"/(ip4|ip6)/(?P<host>[^/]+)/tcp/(?P<port>\d+)")
_TRANSPORTS = {"libp2p": "other sites over libp2p", "websocket": "other sites over WebSocket"}


def toml(settings: Mapping[str, Any]) -> str:
    """Write settings as TOML: the values of a table first, then the tables in it."""
    return "\n".join(_lines(settings, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    values = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if path and values:
        yield f"\n[{'.'.join(map(_key, path))}]"
    for key, value in values.items():
        yield f"{_key(key)} = {_value(value, (*path, key))}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*path, key))


def _key(key: str) -> str:
    return str(key) if _BARE.fullmatch(str(key)) else _text(str(key))


def _value(value: Any, path: tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one, path) for one in value)}]"
    raise AnsibleFilterError(f"{'.'.join(path)} cannot be written into the configuration: {value!r}")


def _text(value: str) -> str:
    # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def ports(config: Mapping[str, Any], *, port_80: bool = False) -> list[dict[str, Any]]:
    """List what other machines may call: the TCP ports of everything that is switched on and listens beyond this machine.

    Args:
        config: what `meshgate config show --json` has under ``config``, defaults included.
        port_80: whether systemd waits there for the page.

    Returns:
        For each a ``port``, ``what`` it is for, and ``page``: whether it is one of the page.

    """
    found: dict[int, str] = {}
    if config["page"]["enabled"]:
        if port_80:
            found[80] = "page"
        for address in config["page"]["listen"]:
            _add(found, _ADDRESS, address, "page")
    for name, what in _TRANSPORTS.items():
        if config["transports"][name]["enabled"]:
            for address in config["transports"][name]["listen"]:
                _add(found, _MULTIADDR if name == "libp2p" else _ADDRESS, address, what)
    for address in config["metrics"]["listen"]:
        _add(found, _ADDRESS, address, "metrics")
    return [{"port": port, "what": what, "page": what == "page"} for port, what in sorted(found.items())]


def _add(found: dict[int, str], form: re.Pattern[str], address: str, what: str) -> None:
    match = form.fullmatch(address)
    if match is None:
        raise AnsibleFilterError(f"{address} is no address whose port could be opened ({what})")
    host, port = match["host"].strip("[]"), int(match["port"])
    is_local = host in {"localhost", "::1"} or host.startswith("127.")
    if port and not is_local:
        found.setdefault(port, what)


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"meshgate_toml": toml, "meshgate_ports": ports}
