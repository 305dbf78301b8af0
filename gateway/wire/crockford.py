"""Bytes as letters and digits that survive being read aloud: Douglas Crockford's base 32.

No I, L, O or U; when read, small letters are as good as capitals, O is 0, I and L are 1, and spaces and
hyphens are nothing. All of it is in the alphanumeric set of QR codes, which takes 5.5 bits a letter.
Source: crockford.com/base32.html.
"""

from typing import Final

from gateway.errors import DecodeError, Reason

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS: Final = 5  # a letter
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_NOTHING: Final = str.maketrans("", "", "- \t\r\n")


def encode(data: bytes) -> str:
    """Return the text for some bytes; missing bits at the end are zero."""
    letters = -(-len(data) * 8 // _BITS)
    return encode_number(int.from_bytes(data) << (letters * _BITS - len(data) * 8), letters)


def decode(text: str) -> bytes:
    """Return the bytes in a text; bits at its end that fill no byte are dropped. Raises `DecodeError` (TEXT)."""
    value, letters = decode_number(text)
    size = letters * _BITS // 8
    return (value >> (letters * _BITS - size * 8)).to_bytes(size)


def encode_number(value: int, letters: int) -> str:
    """Return a number below 32 ** `letters` as that many letters."""
    return "".join(ALPHABET[value >> _BITS * place & 0x1F] for place in reversed(range(letters)))


def decode_number(text: str) -> tuple[int, int]:
    """Return the number in a text, and how many letters it has. Raises `DecodeError` (TEXT)."""
    value, letters = 0, text.translate(_NOTHING).upper()
    for letter in letters:
        if letter not in _VALUES or not text.isascii():  # capitals of some other letters are ours
            raise DecodeError(Reason.TEXT, "a character that cannot be there")
        value = value << _BITS | _VALUES[letter]
    return value, len(letters)
