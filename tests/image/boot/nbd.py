"""A card as a disk over the network block device protocol, on a Unix socket, for one machine at a time.

Specification: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md (fixed newstyle handshake, simple replies).
A machine that asks while there is no power gets no answer, and does not hear that the line is closed either: it is switched off too.
"""

import contextlib
import errno
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final

from tests.image.boot.card import SECTOR, Card, PowerLostError

GREETING, OPTION, OPTION_REPLY = b"NBDMAGIC", b"IHAVEOPT", 0x0003E889045565A9
REQUEST, REPLY = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
HAS_FLAGS, SENDS_FLUSH, SENDS_FUA = 1, 4, 8
FLAGS: Final = HAS_FLAGS | SENDS_FLUSH | SENDS_FUA
EXPORT_NAME, ABORT, INFO, GO = 1, 2, 6, 7
ACK, INFORMATION, UNSUPPORTED = 1, 3, (1 << 31) + 1
INFO_EXPORT, INFO_BLOCK_SIZE = 0, 3
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FUA: Final = 1
LONGEST: Final = 32 << 20  # bytes of one request


@contextlib.contextmanager
def exported(card: Card, path: Path) -> Iterator[None]:
    """Serve a card while the block lasts, to one machine after the other."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = Thread(target=_serve, args=(card, listener), name=f"card {path.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            path.unlink()


def _serve(card: Card, listener: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the listener was shut down
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as line, contextlib.suppress(EOFError, ConnectionError):
                if _shake_hands(card, line):
                    _answer(card, line)


def _take(line: BinaryIO, length: int) -> bytes:
    data = line.read(length)
    if len(data) < length:
        raise EOFError
    return data


def _shake_hands(card: Card, line: BinaryIO) -> bool:
    """Agree with a client; whether it wants the disk."""
    line.write(GREETING + OPTION + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
    line.flush()
    (wishes,) = struct.unpack(">I", _take(line, 4))
    while True:
        magic, option, length = struct.unpack(">8sII", _take(line, 16))
        if magic != OPTION or length > LONGEST:
            return False
        _take(line, length)
        if option == EXPORT_NAME:
            line.write(struct.pack(">QH", card.size, FLAGS) + (b"" if wishes & NO_ZEROES else bytes(124)))
            line.flush()
            return True
        if option in {GO, INFO}:
            _reply(line, option, INFORMATION, struct.pack(">HQH", INFO_EXPORT, card.size, FLAGS))
            _reply(line, option, INFORMATION, struct.pack(">HIII", INFO_BLOCK_SIZE, SECTOR, 4096, LONGEST))
        _reply(line, option, ACK if option in {GO, INFO, ABORT} else UNSUPPORTED)
        if option in {GO, ABORT}:
            return option == GO


def _reply(line: BinaryIO, option: int, kind: int, data: bytes = b"") -> None:
    line.write(struct.pack(">QIII", OPTION_REPLY, option, kind, len(data)) + data)
    line.flush()


def _answer(card: Card, line: BinaryIO) -> None:
    """Do what is asked until the client goes."""
    while True:
        magic, flags, kind, cookie, offset, length = struct.unpack(">IHHQQI", _take(line, 28))
        if magic != REQUEST or kind == DISCONNECT:
            return
        data, error = _take(line, length) if kind == WRITE else b"", 0
        answer = b""
        try:
            if kind == READ and length <= LONGEST:
                answer = card.read(offset, length)
            elif kind == WRITE:
                card.write(offset, data, at_once=bool(flags & FUA))
            elif kind == FLUSH:
                card.flush()
            else:
                error = errno.EINVAL
        except ValueError:
            error = errno.EINVAL
        except PowerLostError:
            continue
        line.write(struct.pack(">IIQ", REPLY, error, cookie) + answer)
        line.flush()
