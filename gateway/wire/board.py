"""Board 0x23: signed notices that stay for days, and their deletion.

    01 kind: 1 post, 2 tombstone    02 post ID, 16                05 author's Ed25519 key, 32
    03 geohash, 0-12 [post]         04 content, 1-512 [post]      06 nickname, 0-64 [post]
    07 created, u64 ms [post]       08 expires, u64 ms [post]     09 flags, bit 0 urgent [post]
    0A signature, 64                0B deleted, u64 ms [tombstone]

TLVs have a length of two bytes, unknown ones are skipped. An empty geohash is the board of
the mesh itself. A post lives at most seven days. Source: BitChat iOS BoardPackets.swift.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_BOARD_CONTENT, MAX_BOARD_LIFETIME_MS, MAX_BOARD_NICKNAME, MAX_GEOHASH
from gateway.wire import fields
from gateway.wire.ed25519 import is_signed
from gateway.wire.tlv import read_tlv16, tlv16

POST_ID: Final = 16  # bytes
URGENT: Final = 0x01
_POST: Final = 1
_TOMBSTONE: Final = 2
_POST_DOMAIN: Final = b"bitchat-board-v1"
_TOMBSTONE_DOMAIN: Final = b"bitchat-board-del-v1"


@dataclass(frozen=True, slots=True)
class BoardPost:
    """A notice; times are Unix milliseconds."""

    post_id: bytes
    geohash: str
    content: str
    author_key: bytes
    nickname: str
    created_ms: int
    expires_ms: int
    flags: int
    signature: bytes

    @property
    def is_urgent(self) -> bool:
        """Urgent posts travel as far as announces."""
        return bool(self.flags & URGENT)


@dataclass(frozen=True, slots=True)
class BoardTombstone:
    """The author's wish that a post be forgotten; the time is Unix milliseconds."""

    post_id: bytes
    author_key: bytes
    deleted_ms: int
    signature: bytes


def signed_bytes(notice: BoardPost | BoardTombstone) -> bytes:
    """Return what the author signs."""
    if isinstance(notice, BoardTombstone):
        return _prefixed(_TOMBSTONE_DOMAIN, 1) + notice.post_id + fields.pack(notice.deleted_ms, fields.U64)
    return b"".join(
        (
            _prefixed(_POST_DOMAIN, 1),
            notice.post_id,
            _prefixed(notice.geohash.encode(), fields.U16),
            _prefixed(notice.content.encode(), fields.U16),
            notice.author_key,
            _prefixed(notice.nickname.encode(), fields.U16),
            fields.pack(notice.created_ms, fields.U64),
            fields.pack(notice.expires_ms, fields.U64),
            bytes((notice.flags,)),
        ),
    )


def _prefixed(value: bytes, size: int) -> bytes:
    return fields.pack(len(value), size) + value


def verify_board(notice: BoardPost | BoardTombstone) -> bool:
    """Tell whether the author named in the notice made it; a post not so made must not be relayed."""
    return is_signed(signed_bytes(notice), notice.signature, notice.author_key)


def decode_board(payload: bytes) -> BoardPost | BoardTombstone:
    """Return the notice in `payload`; raises `DecodeError` (TLV, TEXT, FIELD or OVERSIZED)."""
    tlvs = dict(read_tlv16(payload))
    kind = fields.unsigned(fields.need(tlvs, 0x01, "kind"), 1, "kind")
    post_id = fields.fixed(fields.need(tlvs, 0x02, "post ID"), POST_ID, "post ID")
    author = fields.fixed(fields.need(tlvs, 0x05, "author key"), fields.KEY, "author key")
    signature = fields.fixed(fields.need(tlvs, 0x0A, "signature"), fields.SIGNATURE, "signature")
    if kind == _TOMBSTONE:
        deleted = fields.unsigned(fields.need(tlvs, 0x0B, "deletion time"), fields.U64, "deletion time")
        return BoardTombstone(post_id, author, deleted, signature)
    if kind != _POST:
        raise DecodeError(Reason.FIELD, f"board kind {kind}")
    post = BoardPost(
        post_id,
        _text(tlvs, 0x03, MAX_GEOHASH, "geohash"),
        _text(tlvs, 0x04, MAX_BOARD_CONTENT, "content"),
        author,
        _text(tlvs, 0x06, MAX_BOARD_NICKNAME, "nickname"),
        fields.unsigned(fields.need(tlvs, 0x07, "creation time"), fields.U64, "creation time"),
        fields.unsigned(fields.need(tlvs, 0x08, "expiry"), fields.U64, "expiry"),
        fields.unsigned(fields.need(tlvs, 0x09, "flags"), 1, "flags"),
        signature,
    )
    fault = _fault(post)
    if fault:
        raise DecodeError(Reason.FIELD, fault)
    return post


def _text(tlvs: dict[int, bytes], kind: int, limit: int, name: str) -> str:
    return fields.text(fields.at_most(fields.need(tlvs, kind, name), limit, name), name)


def _fault(post: BoardPost) -> str | None:
    if not post.content:
        return "a post needs content"
    if post.geohash and not fields.is_geohash(post.geohash, MAX_GEOHASH):
        return "not a geohash"
    if not 0 < post.expires_ms - post.created_ms <= MAX_BOARD_LIFETIME_MS:
        return "a post lives up to seven days"
    return None


def encode_board(notice: BoardPost | BoardTombstone) -> bytes:
    """Return the payload; raises `ValueError` for a notice no decoder accepts."""
    sizes = (len(notice.post_id), len(notice.author_key), len(notice.signature))
    fields.check(ok=sizes == (POST_ID, fields.KEY, fields.SIGNATURE), what="post ID, key or signature of wrong size")
    if isinstance(notice, BoardTombstone):
        return b"".join(
            (
                tlv16(0x01, bytes((_TOMBSTONE,))),
                tlv16(0x02, notice.post_id),
                tlv16(0x05, notice.author_key),
                tlv16(0x0B, fields.pack(notice.deleted_ms, fields.U64)),
                tlv16(0x0A, notice.signature),
            ),
        )
    content, nickname = notice.content.encode(), notice.nickname.encode()
    fields.check(ok=len(content) <= MAX_BOARD_CONTENT and len(nickname) <= MAX_BOARD_NICKNAME, what="content or nickname too long")
    fault = _fault(notice)
    fields.check(ok=fault is None, what=fault or "")
    return b"".join(
        (
            tlv16(0x01, bytes((_POST,))),
            tlv16(0x02, notice.post_id),
            tlv16(0x03, notice.geohash.encode()),
            tlv16(0x04, content),
            tlv16(0x05, notice.author_key),
            tlv16(0x06, nickname),
            tlv16(0x07, fields.pack(notice.created_ms, fields.U64)),
            tlv16(0x08, fields.pack(notice.expires_ms, fields.U64)),
            tlv16(0x09, fields.pack(notice.flags, 1)),
            tlv16(0x0A, notice.signature),
        ),
    )
