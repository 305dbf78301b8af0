"""What phones send besides text."""

from dataclasses import replace

from gateway.limits import FRAGMENT_CHUNK
from gateway.mesh.events import Whisper
from gateway.wire.board import BoardPost, encode_board
from gateway.wire.board import signed_bytes as board_bytes
from gateway.wire.courier import CourierEnvelope, encode_courier
from gateway.wire.file import FileTransfer, encode_file
from gateway.wire.fragment import Fragment, encode_fragment
from gateway.wire.group import GroupMessage, encode_group_message
from gateway.wire.packet import Packet, encode, peek
from gateway.wire.prekeys import Prekey, PrekeyBundle, encode_prekeys
from gateway.wire.prekeys import signed_bytes as prekey_bytes
from gateway.wire.types import MessageType
from tests.manners.stage import Author, Stage
from tests.mesh.nodes import noise


def file(author: Author, size: int) -> bytes:
    """A file for everybody that does not compress."""
    return author.packet(MessageType.FILE, encode_file(FileTransfer(noise(size), "IMG_1.jpg", "image/jpeg")), version=2)


def pieces_of(parcel: bytes) -> list[bytes]:
    """Its fragments, as many as it takes: iOS sends up to ten thousand."""
    header = peek(parcel)
    chunks = [parcel[start : start + FRAGMENT_CHUNK] for start in range(0, len(parcel), FRAGMENT_CHUNK)]
    return [
        encode(
            Packet(
                MessageType.FRAGMENT,
                header.ttl,
                header.timestamp_ms,
                header.sender_id,
                encode_fragment(Fragment(b"a parcel", index, len(chunks), header.type, chunk)),
                wire_payload=encode_fragment(Fragment(b"a parcel", index, len(chunks), header.type, chunk)),
            )
        )
        for index, chunk in enumerate(chunks)
    ]


def notice(author: Author) -> bytes:
    made = peek(author.announce()).timestamp_ms
    post = BoardPost(bytes(16), "", "found: one glove", author.identity.signing_public, author.name, made, made + 3_600_000, 0, bytes(64))
    signed = replace(post, signature=author.identity.signing_key.sign(board_bytes(post)))
    return author.packet(MessageType.BOARD, encode_board(signed))


def prekeys(author: Author) -> bytes:
    bundle = PrekeyBundle(author.identity.noise_public, (Prekey(1, noise(32)),), peek(author.announce()).timestamp_ms, bytes(64))
    signed = replace(bundle, signature=author.identity.signing_key.sign(prekey_bytes(bundle)))
    return author.packet(MessageType.PREKEYS, encode_prekeys(signed))


def group(author: Author) -> bytes:
    return author.packet(MessageType.GROUP, encode_group_message(GroupMessage(noise(16), 1, noise(12), noise(80))))


def courier(author: Author) -> bytes:
    envelope = CourierEnvelope(noise(16), peek(author.announce()).timestamp_ms + 3_600_000, noise(200))
    return author.packet(MessageType.COURIER, encode_courier(envelope), to=b"far away")


def to_the_gateway(stage: Stage, message_id: str) -> Whisper:
    return Whisper(stage.gateway.site_id, message_id, "psst")
