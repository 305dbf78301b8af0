"""The pages of the demo's gateways: where they are, and the code that opens them while nobody has set them up."""

import socket
from typing import Final

from gateway.admin.page import Page

HOSTS: Final = ("127.0.0.1", "127.0.0.2")
"""One for each gateway: browsers keep cookies by host whatever the port, so that two on one host would log each other out."""
FIRST_PORT: Final = 8480
_PORTS: Final = 20  # tried, one after the other


def free_place(host: str) -> str | None:
    """Return the address and the first free port from `FIRST_PORT` on; None if there is none, or this machine has no such address."""
    for port in range(FIRST_PORT, FIRST_PORT + _PORTS):
        try:
            with socket.create_server((host, port)):
                return f"{host}:{port}"
        except OSError:
            continue
    return None


class Door:
    """Knows at any time how to come into the page of a gateway.

    Args:
        page: None if the gateway has none.

    """

    def __init__(self, page: Page | None) -> None:
        self._page = page
        self._code = ""

    def look(self) -> tuple[str, str]:
        """Return the page's address, empty while there is none, and the setup code, empty once somebody has a passphrase."""
        page = self._page
        address = page.addresses()[:1] if page is not None else ()
        if page is None or not address:
            return "", ""
        entrance = page.entrance
        if entrance.vault.is_set_up:
            self._code = ""
        elif not entrance.code.is_open(entrance.now()):
            self._code = entrance.code.issue(entrance.now())
        return address[0], self._code


def sentence(name: str, address: str, code: str) -> str:
    """Return where the page of a gateway is and how to come in, in words."""
    return f"The page of {name}: {address}" + (f" (setup code {code})" if code else "")
