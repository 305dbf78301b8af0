"""The container of a bundle: a tar archive of which every header is known beforehand.

Any `tar` lists and unpacks it. We never parse one: from a member's name and size follows the one header that may stand
before it (POSIX ustar, mode 0644, owner 0, time 0), and anything else is refused. So no byte is without a meaning.
"""

from typing import Final

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
_CHECKSUM: Final = slice(148, 156)


def header(name: str, size: int) -> bytes:
    """Return the one header of a file.

    Args:
        name: at most 100 ASCII characters.
        size: bytes, below 8 GiB.

    """
    raw = bytearray(BLOCK)
    fields = (
        (0, name.encode("ascii")),
        (100, b"0000644\0"),  # mode
        (108, b"0000000\0"),  # uid
        (116, b"0000000\0"),  # gid
        (124, b"%011o\0" % size),
        (136, b"00000000000\0"),  # time
        (148, b" " * 8),
        (156, b"0"),  # a file
        (257, b"ustar\x0000"),
        (329, b"0000000\0"),  # device
        (337, b"0000000\0"),
    )
    for offset, value in fields:
        raw[offset : offset + len(value)] = value
    raw[_CHECKSUM] = b"%06o\0 " % sum(raw)
    return bytes(raw)


def size_in(raw: bytes) -> int:
    """Return the size a header tells, of which nothing is known yet; raises `ValueError` where none stands."""
    return int(raw[124:135].decode("ascii"), 8)


def padding(size: int) -> bytes:
    """Return the zeros after a file."""
    return bytes(-size % BLOCK)


def length(sizes: tuple[int, ...]) -> int:
    """Return the bytes of a whole archive with files of these sizes."""
    return sum(BLOCK + size + -size % BLOCK for size in sizes) + len(END)
