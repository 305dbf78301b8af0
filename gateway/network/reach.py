"""The transports of a program: the same as a gateway's, with members that are named one by one."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from random import Random

from gateway.network.config import NetworkConfig
from gateway.network.peers import LIBP2P, WEBSOCKET, listening
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.transport import Libp2pTransport
from transports.link import Transport
from transports.websocket.config import WebSocketConfig
from transports.websocket.transport import WebSocketTransport

KEY, CERTIFICATE, CERTIFICATE_KEY = "identity.key", "websocket.crt", "websocket.key"
_ANY_PORT = {LIBP2P: ("/ip4/127.0.0.1/tcp/0",), WEBSOCKET: ("127.0.0.1:0",)}


def build(config: NetworkConfig, folder: Path, rng: Random, report: Callable[[str], None]) -> list[Transport]:
    """Return the transports of a configuration, none of which runs yet.

    Args:
        config: what the program decided.
        folder: where the key and the certificate are, or are to be made.
        rng: source of the jitter between calls.
        report: told what a person should read.

    Raises:
        ModuleNotFoundError: libp2p is to be used and is not installed.
        IdentityError: the key cannot be used.
        CertificateError: the certificate or its key cannot be used.

    """
    listen = _ANY_PORT | listening(config.listen)

    def notice(name: str) -> Callable[[str, str], None]:
        return lambda level, sentence: report(f"{name}: {sentence}") if level in ("warning", "error") else None

    made: list[Transport] = []
    for name in config.transport_priority:
        if name == LIBP2P:
            if find_spec("libp2p") is None:
                raise ModuleNotFoundError("Meshgate was installed without libp2p. Install it with: pip install 'meshgate[libp2p]'")
            libp2p = Libp2pConfig(folder / KEY, listen[name])
            made.append(Libp2pTransport(libp2p, rng, notice(name)))
        else:
            websocket = WebSocketConfig(folder / KEY, folder / CERTIFICATE, folder / CERTIFICATE_KEY, listen[name])
            made.append(WebSocketTransport(websocket, rng, notice(name)))
    return made
