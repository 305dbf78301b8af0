"""Source routes (spec section 9.3): choosing one, and following one somebody else chose."""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping

from gateway.limits import MAX_PEERS, MAX_ROUTE_HOPS

ANSWER_S = 10.0  # seconds within which something must come back from a recipient reached by a route
REST_S = 60.0  # seconds of flooding after that


def plan(edges: Mapping[bytes, set[bytes]], start: bytes, goal: bytes, may_forward: Callable[[bytes], bool]) -> tuple[bytes, ...] | None:
    """Find the fewest intermediate hops between two peers.

    Args:
        edges: mutually announced neighbours by peer ID.
        start: our peer ID.
        goal: the recipient.
        may_forward: whether a peer can be a hop (it has been seen speaking version 2).

    Returns:
        The hops, without both ends; None if there is no way of at most `MAX_ROUTE_HOPS`
        hops, or if the peers are neighbours and need no route.

    """
    queue: deque[tuple[bytes, ...]] = deque([(start,)])
    visited = {start}
    while queue:
        path = queue.popleft()
        for neighbor in sorted(edges.get(path[-1], ())):
            if neighbor == goal:
                return path[1:] or None
            if neighbor not in visited and len(path) <= MAX_ROUTE_HOPS and may_forward(neighbor):
                visited.add(neighbor)
                queue.append((*path, neighbor))
    return None


def next_hop(route: tuple[bytes, ...], own_id: bytes, recipient: bytes) -> bytes | None:
    """Return the peer a routed packet goes to from here.

    A node named in the route passes the packet to the one after it, the last to the
    recipient; a node that is not named tries the first hop. None if the route names a
    hop twice and must be dropped.
    """
    if len(set(route)) != len(route):
        return None
    if own_id not in route:
        return route[0]
    index = route.index(own_id) + 1
    return route[index] if index < len(route) else recipient


class Unanswered:
    """Recipients that were sent something along a route and have been silent since."""

    def __init__(self) -> None:
        self._since: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._since)

    def sent(self, recipient: bytes, now: float) -> None:
        """Note that something went out along a route."""
        self._since.setdefault(recipient, now)
        if len(self._since) > MAX_PEERS:
            self._since.popitem(last=False)

    def heard(self, peer_id: bytes) -> None:
        """Note that something came back."""
        self._since.pop(peer_id, None)

    def failed(self, recipient: bytes, now: float) -> bool:
        """Say whether to flood, because the last route brought nothing back."""
        waited = now - self._since.get(recipient, now)
        if waited >= ANSWER_S + REST_S:
            del self._since[recipient]
        return ANSWER_S <= waited < ANSWER_S + REST_S
