"""meshgate.toml on the boot partition: what the owner wants of the box, checked as a whole before any of it is done."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hw.firstboot import limits
from hw.firstboot.errors import RefusedError

TABLE: Final = "appliance"
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_HEX_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")
_SSH_KEY: Final = re.compile(r"(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]{32,}={0,3}( [^\x00-\x1f\x7f]*)?")
_ROWS: Final = ("0123456789", "9876543210", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "QWERTYUIOP", "QWERTZUIOP", "ASDFGHJKL", "ZXCVBNM", "YXCVBNM")
_ROW: Final = 4  # letters that follow each other anywhere like this are one
_WORDS: Final = ("MESHGATE", "BITCHAT", "PASSWORD", "PASSWORT", "RASPBERRY", "SETUP", "ADMIN", "LETMEIN", "CHANGEME")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What stands in the file.

    Attributes:
        box: what the box keeps and does at every start: hostname, timezone, wifi, hotspot, authorized_keys, show_setup_code, read_only.
        once: what is used up and not kept: setup_code, ticket, mqtt_password.
        settings: tables of the gateway's own configuration, not checked here.

    """

    box: dict[str, object]
    once: dict[str, str]
    settings: dict[str, object]


def parse(data: bytes, zones: Path = Path("/usr/share/zoneinfo")) -> Wishes:
    """Return what the file wants.

    Args:
        data: of the file.
        zones: where the time zones are.

    Raises:
        RefusedError: it cannot be used; the sentence names the key, and never a value that may be secret.

    """
    if len(data) > limits.MAX_CARD:
        raise RefusedError(f"The file has more than {limits.MAX_CARD >> 10} kB.")
    try:
        found = tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
        depth = _depth(found)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RefusedError(f"Line {line} is not valid UTF-8: save the file as UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise RefusedError(f"The file is not valid TOML: {error}.") from None
    except RecursionError:
        raise RefusedError("Lists or tables are nested too deeply.") from None
    if depth > limits.MAX_NESTING:
        raise RefusedError("Lists or tables are nested too deeply.")
    wanted = found.pop(TABLE, {})
    if not isinstance(wanted, dict):
        raise RefusedError(f"{TABLE} has to be a table: [{TABLE}]")
    box = _taken(wanted, {**_BOX, "timezone": lambda value, name: check_timezone(value, name, zones)}, TABLE, also=_ONCE)
    once = {name: str(value) for name, value in _taken(wanted, _ONCE, TABLE, also=_BOX).items()}
    return Wishes(box, once, found)


Check = Callable[[object, str], object]
"""Takes a value and the name of its key, and returns it as it is kept; raises `RefusedError`."""


def _taken(
    found: Mapping[str, object], checks: Mapping[str, Check], table: str, also: Mapping[str, Check] | None = None
) -> dict[str, object]:
    for name in found:
        if name not in checks and name not in (also or {}):
            known = ", ".join(sorted({*checks, *(also or {})}))
            raise RefusedError(f"There is no key {name[:40]!r} in [{table}]. There are: {known}.")
    return {name: checks[name](value, f"{table}.{name}") for name, value in found.items() if name in checks}


def _text(value: object, name: str, most: int, least: int = 1) -> str:
    if not isinstance(value, str):
        raise RefusedError(f"{name} has to be a text in quotes.")
    if not least <= len(value) <= most:
        raise RefusedError(f"{name} has to have {least} to {most} characters, and has {len(value)}.")
    if any(ord(one) < 0x20 or ord(one) == 0x7F for one in value):
        raise RefusedError(f"{name} has a character in it that cannot be seen, such as a line break.")
    return value


def check_flag(value: object, name: str) -> bool:
    """Accept true or false."""
    if not isinstance(value, bool):
        raise RefusedError(f"{name} has to be true or false, without quotes.")
    return value


def check_hostname(value: object, name: str) -> str:
    """Accept one label of a host name."""
    text = _text(value, name, limits.MAX_HOSTNAME)
    if not _LABEL.fullmatch(text):
        raise RefusedError(f"{name} may have letters, digits and -, and has to begin and end with a letter or digit.")
    return text.lower()


def check_timezone(value: object, name: str, zones: Path) -> str:
    """Accept a time zone that this system knows."""
    text = _text(value, name, limits.MAX_TIMEZONE)
    if not _ZONE.fullmatch(text) or not (zones / text).is_file():
        raise RefusedError(f"{name} is no time zone that this box knows, such as Europe/Berlin.")
    return text


def check_keys(value: object, name: str) -> list[object]:
    """Accept public keys of ssh, without options."""
    lines = value if isinstance(value, list) else [value]
    if len(lines) > limits.MAX_SSH_KEYS:
        raise RefusedError(f"{name} has more than {limits.MAX_SSH_KEYS} keys.")
    for number, line in enumerate(lines, 1):
        if not _SSH_KEY.fullmatch(_text(line, name, limits.MAX_SSH_KEY).strip()):
            raise RefusedError(f"Number {number} of {name} is no public key of ssh: it begins with ssh-ed25519, ssh-rsa or ecdsa-.")
    return [str(line).strip() for line in lines]


def check_wifi_password(value: object, name: str) -> str:
    """Accept a password of WPA, or the key itself."""
    text = _text(value, name, limits.MAX_WIFI_PASSWORD + 1, limits.MIN_WIFI_PASSWORD)
    if len(text) > limits.MAX_WIFI_PASSWORD and not _HEX_KEY.fullmatch(text):
        raise RefusedError(f"{name} has to have {limits.MIN_WIFI_PASSWORD} to {limits.MAX_WIFI_PASSWORD} characters.")
    if not text.isascii():
        raise RefusedError(f"{name} may have only the characters of ASCII: that is all Wi-Fi knows.")
    return text


def check_country(value: object, name: str) -> str:
    """Accept the code of a country."""
    text = _text(value, name, 2, 2).upper()
    if not _COUNTRY.fullmatch(text):
        raise RefusedError(f"{name} has to be the two letters of a country, such as DE.")
    return text


def check_ssid(value: object, name: str) -> str:
    """Accept the name of a Wi-Fi network."""
    text = _text(value, name, limits.MAX_SSID)
    if len(text.encode(errors="replace")) > limits.MAX_SSID:
        raise RefusedError(f"{name} has more than {limits.MAX_SSID} bytes.")
    return text


def check_wifi(value: object, name: str) -> dict[str, object]:
    """Accept the table of the Wi-Fi network."""
    table = _table(value, name)
    taken = _taken(table, {"ssid": check_ssid, "password": check_wifi_password, "country": check_country, "hidden": check_flag}, name)
    if "ssid" not in taken and taken.keys() - {"country"}:
        raise RefusedError(f"{name}.ssid is missing: which network?")
    return taken


def check_hotspot(value: object, name: str) -> dict[str, object]:
    """Accept the table of the box's own Wi-Fi network."""
    taken = _taken(_table(value, name), {"enabled": check_flag, "key": check_wifi_password, "open": check_flag}, name)
    if taken.get("open") and "key" in taken:
        raise RefusedError(f"{name} has a key and is to be open: one of them only.")
    return taken


def _table(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise RefusedError(f"{name} has to be a table: [{name}]")
    return value


def check_code(value: object, name: str) -> str:
    """Accept a setup code that nobody guesses; returns it as the page compares it."""
    text = _text(value, name, limits.MAX_CODE)
    code = "".join(text.split()).replace("-", "").upper()
    if not (code.isascii() and code.isalnum()):
        raise RefusedError(f"{name} may have letters A to Z, digits, spaces and -.")
    if len(code) < limits.MIN_CODE:
        raise RefusedError(f"{name} is too short: it has to have {limits.MIN_CODE} letters and digits.")
    if len(set(code)) < limits.MIN_DIFFERENT or _is_row(code) or any(word in code for word in _WORDS):
        raise RefusedError(f"{name} is too easy to guess: take letters and digits that mean nothing.")
    return code


def _is_row(code: str) -> bool:
    """Whether most of it is a row of keys or of the alphabet."""
    pieces = [code[at : at + _ROW] for at in range(len(code) - _ROW + 1)]
    in_rows = sum(any(piece in row for row in _ROWS) for piece in pieces)
    return in_rows * 2 >= len(pieces)


def check_ticket(value: object, name: str) -> str:
    """Accept what may be a ticket; whether it is one, the gateway says."""
    return _text(value, name, limits.MAX_TICKET).strip()


def check_password(value: object, name: str) -> str:
    """Accept a password of a broker: one line."""
    text = _text(value, name, limits.MAX_PASSWORD)
    if len(text.encode(errors="replace")) > limits.MAX_PASSWORD:
        raise RefusedError(f"{name} has more than {limits.MAX_PASSWORD} bytes.")
    return text


def _depth(value: object) -> int:
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, within), default=0)


_BOX: Final[Mapping[str, Check]] = {
    "hostname": check_hostname,
    "timezone": lambda value, name: check_timezone(value, name, Path("/usr/share/zoneinfo")),
    "wifi": check_wifi,
    "hotspot": check_hotspot,
    "authorized_keys": check_keys,
    "show_setup_code": check_flag,
    "read_only": check_flag,
}
_ONCE: Final[Mapping[str, Check]] = {"setup_code": check_code, "ticket": check_ticket, "mqtt_password": check_password}
