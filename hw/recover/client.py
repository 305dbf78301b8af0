"""Asks the helper that has root's rights for something; whoever asks needs none."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

from hw.recover.limits import ACTION_S, MAX_ANSWER
from hw.recover.protocol import Answer, Request, Verb, encode_request, parse_answer


class RecoverySocket:
    """The helper's socket, as its client sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def do(self, verb: Verb, adapter: str = "") -> Answer:
        """Ask for something and wait until it is done; says so if there is nobody to ask."""
        try:
            async with asyncio.timeout(ACTION_S):
                return await self._ask(Request(verb, adapter))
        except TimeoutError:
            return Answer(ok=False, why="The recovery helper did not answer.")
        except (FileNotFoundError, ConnectionRefusedError):
            return Answer(ok=False, why="The recovery helper is not running.", possible=False)
        except PermissionError:
            return Answer(ok=False, why="The recovery helper does not let this user in.", possible=False)
        except BlockingIOError:
            return Answer(ok=False, why="The recovery helper has too many callers.", possible=False)
        except (OSError, ValueError):
            return Answer(ok=False, why="The recovery helper broke off.")

    async def _ask(self, request: Request) -> Answer:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            connection.connect(str(self.path))  # to a file: at once or not at all
            with suppress(BrokenPipeError, ConnectionResetError):  # one that refuses us need not hear us first
                await loop.sock_sendall(connection, encode_request(request))
            line = b""
            while not line.endswith(b"\n"):
                part = await loop.sock_recv(connection, MAX_ANSWER + 1 - len(line))
                line += part
                if not part or len(line) > MAX_ANSWER:
                    raise ValueError("no answer")
            return parse_answer(line)
