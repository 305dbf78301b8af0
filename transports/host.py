"""What counts as one place that strangers come from."""

import ipaddress


def host_of(address: str) -> str:
    """Return an IPv4 address as it is, and the /64 an IPv6 address is in: whoever has one has all of it."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
