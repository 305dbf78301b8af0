"""The firewall while the hotspot is open: names, addresses and the page for whoever is in it, and nothing beyond the box."""

import json
from typing import Final

from hw.firstboot.commands import Run

TABLE: Final = "meshgate_hotspot"
MARK: Final = "meshgate hotspot"
PORTAL_PORT: Final = 8079
_OURS: Final = ("inet", "meshgate", "input")


def rules(device: str, page: str) -> str:
    """Return what nft is to read: every plain request to another address than the page's is led to the portal."""
    return f"""table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        iifname "{device}" ip daddr != {page} tcp dport 80 redirect to :{PORTAL_PORT}
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname "{device}" drop
        oifname "{device}" drop
    }}
}}
"""


def opened(device: str) -> str:
    """Return rules for the firewall of the machine, which drops what nobody has allowed; they go to its beginning."""
    place = " ".join(_OURS)
    tcp = f"{{ 53, 80, {PORTAL_PORT} }}"
    return (
        f'insert rule {place} iifname "{device}" udp dport {{ 53, 67 }} accept comment "{MARK}"\n'
        f'insert rule {place} iifname "{device}" tcp dport {tcp} accept comment "{MARK}"\n'
    )


class Openings:
    """Opens and closes.

    Args:
        run: starts programs.

    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def open(self, device: str, page: str) -> str:
        """Open for one device; returns why not, empty if it is open."""
        self.close()
        done = self._run(("nft", "-f", "-"), rules(device, page))
        if done.code == 0 and self._has_firewall():
            done = self._run(("nft", "-f", "-"), opened(device))
        return done.why if done.code else ""

    def is_open(self) -> bool:
        """Whether it still is: a firewall that was loaded anew has forgotten it."""
        return not self._has_firewall() or bool(self._handles())

    def close(self) -> None:
        """Close, whether it is open or not."""
        for handle in self._handles():
            self._run(("nft", "delete", "rule", *_OURS, "handle", str(handle)))
        self._run(("nft", "-f", "-"), f"table ip {TABLE}\ndelete table ip {TABLE}\n")

    def _has_firewall(self) -> bool:
        return self._run(("nft", "list", "chain", *_OURS)).code == 0

    def _handles(self) -> list[int]:
        done = self._run(("nft", "-j", "-a", "list", "chain", *_OURS))
        if done.code:
            return []
        try:
            found = [one["rule"] for one in json.loads(done.out)["nftables"] if "rule" in one]
            return [int(rule["handle"]) for rule in found if rule.get("comment") == MARK]
        except (ValueError, KeyError, TypeError):
            return []
