"""Which transports let whom in, whom they call, and what they show: the members, as each transport has to know them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from gateway.limits import MAX_TICKET_ADDRESS, MAX_TICKET_ADDRESSES
from transports.gate import Called, Gated, Table
from transports.libp2p.address import parse_peer as parse_multiaddr
from transports.websocket.address import parse_peer as parse_url


class _Place(Protocol):
    @property
    def peer_id(self) -> str | None: ...


_SPELLINGS: Final[Mapping[str, tuple[str, str, Callable[[str], _Place]]]] = {
    "libp2p": ("/", "/p2p/", parse_multiaddr),
    "websocket": ("wss://", "#", parse_url),
}
"""How the addresses of a transport begin, what stands before the peer ID at their end, and what reads them."""
_LOCAL: Final = ("/ip4/127.", "/ip6/::1/", "wss://127.", "wss://[::1]")
_ANY: Final = {"wss://0.0.0.0:": "wss://{}:", "wss://[::]:": "wss://[{}]:", "/ip4/0.0.0.0/": "/ip4/{}/", "/ip6/::/": "/ip6/{}/"}
"""How "every address of this machine" is written, and how one of them."""


class Doors:
    """The transports to other sites.

    Args:
        gated: transports by name.
        configured: by transport: the members of its configuration, each with its addresses. Whoever is in one of these lists may
            use the transports in whose lists it is, and no other, whatever a ticket says.

    """

    def __init__(self, gated: Mapping[str, Gated], configured: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        self._gated = dict(gated)
        self._configured = configured
        self._tables: dict[str, Table] = {}

    @property
    def configured(self) -> frozenset[str]:
        """Peer IDs of everybody in a configuration."""
        return frozenset(peer for members in self._configured.values() for peer in members)

    def can_call(self, addresses: Iterable[str]) -> bool:
        """Say whether one of these addresses is of a transport that is switched on."""
        return any(address.startswith(_SPELLINGS[name][0]) for address in addresses for name in self._gated)

    def renew(self, admitted: Iterable[str], places: Mapping[str, Iterable[str]], tickets: Mapping[str, bytes], *, guests: bool) -> None:
        """Tell every transport who may link, if that has changed.

        Args:
            admitted: peer IDs.
            places: where they are called besides what is configured, with peer IDs, of any transport.
            tickets: what is to be shown there.
            guests: whether others may come with a ticket.

        """
        admitted = tuple(admitted)
        for name, gated in self._gated.items():
            own = self._configured.get(name, {})
            allowed = [peer for peer in admitted if peer in own or peer not in self.configured]
            table = Table({peer: Called(self._addresses(name, peer, places), tickets.get(peer, b"")) for peer in allowed}, guests)
            if self._tables.get(name) != table:
                self._tables[name] = table
                gated.renew(table)

    def _addresses(self, name: str, peer: str, places: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
        start = _SPELLINGS[name][0]
        found = (*self._configured.get(name, {}).get(peer, ()), *(place for place in places.get(peer, ()) if place.startswith(start)))
        return tuple(dict.fromkeys(found))


def configured(members: Iterable[str], peers: Iterable[str], mark: str) -> dict[str, tuple[str, ...]]:
    """Return the members a configuration lists for one transport, each with its addresses; `mark` stands before the ID in these."""
    called = tuple(peers)
    return {member: tuple(address for address in called if address.endswith(mark + member)) for member in members}


def with_peer(address: str, peer: str) -> str:
    """Return an address of a ticket as a transport calls it; raises `ValueError` if it is none, or leads to somebody else."""
    for start, mark, parse in _SPELLINGS.values():
        if address.startswith(start):
            whole = address if mark in address else address + mark + peer
            if parse(whole).peer_id != peer:
                raise ValueError(f"{address!r} leads to another gateway than the one that made the ticket.")
            return whole
    raise ValueError(f"{address!r} is not an address such as /ip4/192.0.2.7/tcp/4001 or wss://gate.example:8443.")


def without_peer(address: str) -> str:
    """Return an address as it stands in a ticket, which names its issuer anyway."""
    for start, mark, _ in _SPELLINGS.values():
        if address.startswith(start):
            return address.partition(mark)[0]
    return address


def for_ticket(addresses: Iterable[str], own: Iterable[str] = ()) -> tuple[str, ...]:
    """Choose from the addresses where this gateway listens those that a ticket has room for and others can call.

    What only this machine can call is chosen where there is nothing else, as on a test bench.

    Args:
        addresses: where it listens.
        own: IP addresses of this machine, in place of "all of them".

    """
    own = tuple(own)
    addresses = [address for address in addresses if not address.endswith(("/tcp/0", ":0"))]  # any free port, and it is not known yet which
    concrete = [one for address in map(without_peer, addresses) for one in _concrete(address, own)]
    fitting = [address for address in dict.fromkeys(concrete) if len(address.encode()) <= MAX_TICKET_ADDRESS]
    far = [address for address in fitting if not address.startswith(_LOCAL)] or fitting
    ways = [[address for address in far if address.startswith(start)] for start, _, _ in _SPELLINGS.values()]
    turns = [way[index] for index in range(MAX_TICKET_ADDRESSES) for way in ways if index < len(way)]
    return tuple(turns[:MAX_TICKET_ADDRESSES])


def _concrete(address: str, own: Iterable[str]) -> list[str]:
    for anywhere, somewhere in _ANY.items():
        if address.startswith(anywhere):
            hosts = [host for host in own if (":" in host) is ("::" in anywhere)]
            return [somewhere.format(host) + address.removeprefix(anywhere) for host in hosts]
    return [address]
