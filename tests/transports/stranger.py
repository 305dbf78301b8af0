"""A libp2p host with bad manners, run as a program of its own; prints what became of it as JSON.

stranger.py ID      SEED                 print the peer ID py-libp2p derives
stranger.py VISIT   SEED MULTIADDR       connect, and open every protocol there is
stranger.py GARBAGE SEED MULTIADDR       the same, with garbage; then garbage below the protocols
stranger.py COME    SEED MULTIADDR N     connect and leave N times, three at a time
stranger.py PLAIN   SEED MULTIADDR       connect without encryption
stranger.py GUEST   SEED MULTIADDR HEX   ask for the protocol of guests and say these bytes; prints what comes back
stranger.py IDLE    SEED MULTIADDR N     come as N guests at once, and say nothing; prints how many were heard out
"""

import json
import os
import sys

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.transport.tcp.tcp import TCP
from multiaddr import Multiaddr

WORDS = {"/meshgate/link/1": 4, "/meshsub/1.2.0": 2, "/ipfs/id/1.0.0": 1, "/ipfs/id/push/1.0.0": 1, "/ipfs/ping/1.0.0": 1}
GARBAGE = [b"\x21" + bytes(range(33)), os.urandom(5_000), b"\xff" * 70, b"\x00\x00\x00\x01\x7f"]


async def main(what: str, seed: bytes, *rest: str) -> dict[str, object]:
    key = create_new_key_pair(seed)
    plain = what == "PLAIN"
    security = InsecureTransport(key) if plain else NoiseTransport(key, noise_privkey=create_noise_key_pair().private_key)
    host = new_host(key_pair=key, sec_opt={PLAINTEXT_PROTOCOL_ID if plain else NOISE_ID: security})
    there = Multiaddr(rest[0])
    them = info_from_p2p_addr(there).peer_id
    swarm = host.get_network()
    swarm.retry_config.max_retries = 0
    done: dict[str, object] = {"id": str(ID.from_pubkey(key.public_key))}

    async def connect() -> bool:
        try:
            with trio.fail_after(5):
                await swarm.dial_addr(there, them)
                return True
        except Exception:  # noqa: BLE001 - whatever it was, there is no connection
            return False

    async def leave() -> None:
        while connections := swarm.get_connections(them):
            for connection in connections:
                await connection.muxed_conn.secured_conn.close()
            await connections[0].event_closed.wait()
            await trio.lowlevel.checkpoint()

    async def speak(protocol: str, words: list[bytes]) -> str:
        try:
            with trio.fail_after(0.5):
                stream = await host.new_stream(them, [protocol])
                for word in words:
                    await stream.write(word)
                while await stream.read(4_096):
                    pass
                return "answered"
        except Exception as error:  # noqa: BLE001 - its name is the result
            return type(error).__name__

    async def guest(words: bytes | None) -> str:
        raw = await TCP().dial(there)
        try:
            secured = await swarm.upgrader.upgrade_security(raw, is_initiator=True, peer_id=them)
            communicator = MultiselectCommunicator(secured)
            await MultiselectClient().handshake(communicator)
            await MultiselectClient().try_select(communicator, "/meshgate/join/1")
            if words is not None:
                await secured.write(words)
            size = int.from_bytes(await secured.read(4))
            return (await secured.read(size)).hex()
        except Exception as error:  # noqa: BLE001 - its name is the result
            return type(error).__name__
        finally:
            await raw.close()

    if what == "GUEST":
        return done | {"answer": await guest(bytes.fromhex(rest[1]))}
    if what == "IDLE":
        ends: list[float] = []

        async def idle() -> None:
            began = trio.current_time()
            await guest(None)
            ends.append(trio.current_time() - began)

        async with trio.open_nursery() as nursery:
            for _ in range(int(rest[1])):
                nursery.start_soon(idle)
        return done | {"seconds": sorted(ends)}
    async with host.run(listen_addrs=[]):
        if what == "COME":
            came: list[bool] = []

            async def come() -> None:
                came.append(await connect())

            for _ in range(int(rest[1]) // 3):
                async with trio.open_nursery() as nursery:
                    for _ in range(3):
                        nursery.start_soon(come)
                await leave()
            return {"came": sum(came)}
        done["connected"] = await connect()
        for protocol in WORDS:
            for words in [[word] for word in GARBAGE[: WORDS[protocol]]] if what == "GARBAGE" else [[]]:
                if what == "GARBAGE":
                    await leave()
                    await connect()
                done[f"{protocol} {len(done)}"] = await speak(protocol, words)
        if what == "GARBAGE":
            below = 0
            for word in [bytes(12), b"\x00\x07\x00\x00" + bytes(8), b"\x00\x00\x00\x01" + bytes(7) + b"\x05abc", b"\x00\x01\xff\xff" * 9]:
                await leave()
                below += await connect()
                for connection in swarm.get_connections(them):
                    await connection.muxed_conn.secured_conn.write(word)  # not of the multiplexer
                    await trio.sleep(0.05)
                    await connection.muxed_conn.secured_conn.conn.read_writer.read_write_closer.write(word * 9)  # not of Noise
            done["below"] = below
        done["still connected"] = bool(swarm.get_connections(them))
        print(json.dumps(done), flush=True)
        os._exit(0)
    return done


if __name__ == "__main__":
    print(json.dumps(trio.run(lambda: main(sys.argv[1], bytes.fromhex(sys.argv[2]), *sys.argv[3:]))))
