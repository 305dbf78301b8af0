"""Keeps py-libp2p from looking for name servers: it does so while it is imported, and ends where there is no /etc/resolv.conf.

A box on a network without name servers, or in its own hotspot, has no such file. Nothing is lost: names in addresses are looked up by
`transports.libp2p.node_links`, through the system. To be imported before libp2p is.
"""

from typing import Any

import dns.asyncresolver


class Unconfigured(dns.asyncresolver.Resolver):
    """A resolver that knows no name server and asks none."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__(configure=False)


dns.asyncresolver.Resolver = Unconfigured  # type: ignore[misc]
