"""Makes the room for the federation, and the desk at which its operator asks."""

from collections.abc import Callable
from importlib.metadata import version

from gateway.admin.audit import Witness
from gateway.assembly.names import nicknames
from gateway.bridge.engine import GatewayEngine
from gateway.config import Config
from gateway.config.rules import members_of_websocket
from gateway.limits import MAX_SOFTWARE
from gateway.runtime.bookfile import BookFile
from gateway.runtime.doors import Doors, configured
from gateway.runtime.federation import Federation, found_membership
from gateway.runtime.federation_desk import FederationDesk
from gateway.wire.federation import Hello, Status
from transports.libp2p.identity import load_seed
from transports.libp2p.transport import Libp2pTransport
from transports.websocket.transport import WebSocketTransport

Ways = tuple[Libp2pTransport | None, WebSocketTransport | None]
"""What leads to other gateways."""


def federation(
    config: Config,
    engine: GatewayEngine,
    ways: Ways,
    randbytes: Callable[[int], bytes],
    unix: Callable[[], int | None],
    how: Callable[[], Status],
    report: Callable[[str], None],
    witness: Witness,
) -> tuple[Federation, FederationDesk] | tuple[None, None]:
    """Return the room and the desk; without a way to other gateways there is neither.

    Args:
        config: what the operator decided.
        engine: knows who is linked.
        ways: the transports that let members in.
        randbytes: source of names and codes.
        unix: Unix seconds, None while the time of day is not known.
        how: how this gateway is, for members that ask.
        report: told one sentence per change of state.
        witness: notes who joins and who goes.

    """
    gated = {one.name: one for one in ways if one is not None}
    if not gated:
        return None, None
    chosen = config.transports
    doors = Doors(
        gated,
        {
            "libp2p": configured(chosen.libp2p.members, chosen.libp2p.peers, "/p2p/"),
            "websocket": configured(members_of_websocket(config), chosen.websocket.peers, "#"),
        },
    )
    file = BookFile(config.gateway.state_dir / "federation.book")
    hello = Hello(1, 1, engine.mesh.identity.peer_id, f"meshgate {version('meshgate')}"[:MAX_SOFTWARE])
    membership = found_membership(load_seed(chosen.libp2p.identity_file), file.load(), hello, doors.configured)
    room = Federation(membership, file, doors, unix, how, report, engine.gate.forget, witness)
    return room, FederationDesk(room, randbytes, lambda: nicknames(engine), lambda: listening(config, ways), doors.configured)


def listening(config: Config, ways: Ways) -> list[str]:
    """Return where the transports listen, or will as soon as they run."""
    chosen = config.transports
    libp2p, websocket = ways
    found: list[str] = []
    if libp2p is not None:
        found += libp2p.status().addresses or chosen.libp2p.listen
    if websocket is not None:
        found += websocket.status().addresses or (f"wss://{address}" for address in chosen.websocket.listen)
    return found
