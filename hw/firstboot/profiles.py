"""Profiles of NetworkManager in the form it reads (nm-settings-keyfile(5)), kept in /run: they are written anew at every start."""

import uuid
from collections.abc import Mapping
from typing import Final

PROFILES: Final = "run/NetworkManager/system-connections"
WIFI: Final = "meshgate-wifi"
HOTSPOT: Final = "meshgate-hotspot"
_SPACE: Final = uuid.UUID("9c9f0d0e-5a0c-4b1e-8f55-2d1f5a3a6f10")  # of our names, so that a profile has the same number at each start


def home_profile(wifi: Mapping[str, object]) -> str:
    """Return the profile of the owner's Wi-Fi network, empty if none is wanted."""
    if "ssid" not in wifi:
        return ""
    lines = [*_head(WIFI), "autoconnect=true", "autoconnect-retries=0", "", "[wifi]", "mode=infrastructure", _ssid(str(wifi["ssid"]))]
    if wifi.get("hidden"):
        lines.append("hidden=true")
    if "password" in wifi:
        # WPA3 where the router has it: NetworkManager chooses the better of the two for wpa-psk.
        lines += ["", "[wifi-security]", "key-mgmt=wpa-psk", f"psk={_escaped(str(wifi['password']))}"]
    return "\n".join([*lines, "", "[ipv4]", "method=auto", "", "[ipv6]", "method=auto", ""])


def hotspot_profile(device: str, name: str, key: str, addresses: tuple[str, str]) -> str:
    """Return the profile of the box's own network.

    Args:
        device: of the radio, such as ``wlan0``.
        name: of the network.
        key: of WPA2, empty for an open network.
        addresses: of the box there: the page's, and the one every name leads to.

    """
    lines = [*_head(HOTSPOT), "autoconnect=false", f"interface-name={device}", "", "[wifi]", "mode=ap", "band=bg", _ssid(name)]
    if key:
        lines += ["", "[wifi-security]", "key-mgmt=wpa-psk", "proto=rsn;", "pairwise=ccmp;", "group=ccmp;", f"psk={_escaped(key)}"]
    lines += [
        "",
        "[ipv4]",
        "method=shared",
        f"address1={addresses[0]}/24",
        f"address2={addresses[1]}/24",
        "",
        "[ipv6]",
        "method=disabled",
        "",
    ]
    return "\n".join(lines)


def _head(name: str) -> list[str]:
    return ["[connection]", f"id={name}", f"uuid={uuid.uuid5(_SPACE, name)}", "type=wifi"]


def _ssid(text: str) -> str:
    """Return the line of a network's name, as numbers: no character of it can mean something else then."""
    return "ssid=" + "".join(f"{byte};" for byte in text.encode())


def _escaped(text: str) -> str:
    """Return a text as a value of GKeyFile."""
    shown = text.replace("\\", "\\\\")
    led = len(shown) - len(shown.lstrip(" "))
    return "\\s" * led + shown[led:]
