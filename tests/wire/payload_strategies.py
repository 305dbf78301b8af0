"""Hypothesis strategies for the values of the payload codecs, shared by the test files."""

from hypothesis import settings
from hypothesis import strategies as st

from gateway.limits import MAX_BOARD_LIFETIME_MS
from gateway.wire import announce, board, carrier, courier, file, group, nostr, ping, prekeys, private, voice, vouch

properties = settings(deadline=None, max_examples=60, database=None)

ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
key = st.binary(min_size=32, max_size=32)
signature = st.binary(min_size=64, max_size=64)
peer_id = st.binary(min_size=8, max_size=8)
geohash = st.text(ALPHABET, min_size=1, max_size=12)


def utf8(limit, least=0):
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=limit).filter(
        lambda text: len(text.encode()) <= limit
    )


announces = st.builds(
    announce.Announce,
    nickname=utf8(60),
    noise_public_key=key,
    signing_public_key=key,
    neighbors=st.lists(peer_id, max_size=10).map(tuple),
    capabilities=st.none() | u64,
    bridge_geohash=st.none() | geohash,
    unknown=st.lists(st.tuples(st.integers(7, 255), st.binary(max_size=255)), max_size=3).map(tuple),
)
posts = st.tuples(u64, st.integers(1, MAX_BOARD_LIFETIME_MS)).flatmap(
    lambda times: st.builds(
        board.BoardPost,
        post_id=st.binary(min_size=16, max_size=16),
        geohash=st.just("") | geohash,
        content=utf8(100, least=1),
        author_key=key,
        nickname=utf8(30),
        created_ms=st.just(min(times[0], 2**64 - 1 - times[1])),
        expires_ms=st.just(min(times[0], 2**64 - 1 - times[1]) + times[1]),
        flags=u8,
        signature=signature,
    )
)
tombstones = st.builds(
    board.BoardTombstone, post_id=st.binary(min_size=16, max_size=16), author_key=key, deleted_ms=u64, signature=signature
)
carriers = st.builds(
    carrier.NostrCarrier, direction=st.sampled_from(carrier.Direction), geohash=geohash, event=st.binary(min_size=1, max_size=300)
)
courier_envelopes = st.builds(
    courier.CourierEnvelope,
    recipient_tag=st.binary(min_size=16, max_size=16),
    expiry_ms=u64,
    ciphertext=st.binary(min_size=1, max_size=300),
    copies=st.integers(1, 8),
    prekey_id=st.none() | u32,
)
files = st.builds(file.FileTransfer, content=st.binary(min_size=1, max_size=400), file_name=st.none() | utf8(40), mime=st.none() | utf8(40))
group_messages = st.builds(
    group.GroupMessage,
    group_id=st.binary(min_size=16, max_size=16),
    epoch=u32,
    nonce=st.binary(min_size=12, max_size=12),
    ciphertext=st.binary(min_size=16, max_size=300),
)
group_texts = st.builds(
    group.GroupText,
    message_id=utf8(40),
    sender_key=key,
    nickname=utf8(40),
    timestamp_ms=u64,
    content=utf8(100),
    signature=signature,
)
members = st.builds(group.GroupMember, fingerprint=key, signing_key=key, nickname=utf8(64))
group_states = st.builds(
    group.GroupState,
    group_id=st.binary(min_size=16, max_size=16),
    name=utf8(40),
    key=key,
    epoch=u32,
    roster=st.lists(members, min_size=1, max_size=4).map(tuple),
    creator=key,
    signature=signature,
)
pings = st.builds(ping.Ping, nonce=peer_id, origin_ttl=u8)
bundles = st.builds(
    prekeys.PrekeyBundle,
    noise_public_key=key,
    prekeys=st.lists(st.builds(prekeys.Prekey, prekey_id=u32, public_key=key), min_size=1, max_size=8, unique_by=lambda p: p.prekey_id).map(
        tuple
    ),
    generated_at_ms=u64,
    signature=signature,
)
bursts = st.builds(
    voice.VoiceBurst,
    burst_id=peer_id,
    seq=u16,
    body=st.just(voice.VoiceStart())
    | st.just(voice.VoiceCanceled())
    | st.builds(voice.VoiceEnd, data_packets=u16, duration_ms=u32)
    | st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8).map(tuple).map(voice.VoiceFrames),
)
vouches = (
    st.lists(st.builds(vouch.Vouch, fingerprint=key, signing_key=key, timestamp_ms=u64, signature=signature), min_size=1, max_size=16)
    .map(tuple)
    .map(vouch.VouchBatch)
)
hex_keys = st.text("0123456789abcdefABCDEF", min_size=64, max_size=64)
nonces = st.binary(min_size=16, max_size=16)
noise_payloads = st.one_of(
    st.builds(private.PrivateMessage, message_id=utf8(255), content=utf8(255)),
    st.builds(private.Delivered, message_id=utf8(60, least=1)),
    st.builds(private.ReadReceipt, message_id=utf8(60, least=1)),
    st.builds(private.PeerState, capabilities=u64, signing_public_key=key),
    st.builds(private.VerifyChallenge, noise_key_hex=hex_keys, nonce=nonces),
    st.builds(private.VerifyResponse, noise_key_hex=hex_keys, nonce=nonces, signature=signature),
    st.builds(private.GroupInvite, state=group_states),
    st.builds(private.GroupKeyUpdate, state=group_states),
    st.builds(private.UnknownNoisePayload, payload_type=st.sampled_from([0, 4, 5, 0x22, 0xFF]), data=st.binary(max_size=50)),
    bursts,
    vouches,
    files,
)


def hex_digits(size):
    return st.binary(min_size=size, max_size=size).map(bytes.hex)


events = st.builds(
    nostr.NostrEvent,
    event_id=hex_digits(32),
    pubkey=hex_digits(32),
    created_at=st.integers(0, 2**63 - 1),
    kind=st.integers(0, 2**63 - 1),
    tags=st.lists(st.lists(utf8(20), max_size=4).map(tuple), max_size=4).map(tuple),
    content=utf8(100),
    sig=hex_digits(64),
)

# codec -> (values, encode, decode)
CODECS = {
    "announce": (announces, announce.encode_announce, announce.decode_announce),
    "board": (posts | tombstones, board.encode_board, board.decode_board),
    "carrier": (carriers, carrier.encode_carrier, carrier.decode_carrier),
    "courier": (courier_envelopes, courier.encode_courier, courier.decode_courier),
    "file": (files, file.encode_file, file.decode_file),
    "group message": (group_messages, group.encode_group_message, group.decode_group_message),
    "group text": (group_texts, group.encode_group_text, group.decode_group_text),
    "group state": (group_states, group.encode_group_state, group.decode_group_state),
    "noise payload": (noise_payloads, private.encode_noise_payload, private.decode_noise_payload),
    "nostr event": (events, nostr.encode_event, nostr.decode_event),
    "ping": (pings, ping.encode_ping, ping.decode_ping),
    "prekeys": (bundles, prekeys.encode_prekeys, prekeys.decode_prekeys),
    "voice": (bursts, voice.encode_voice, voice.decode_voice),
    "vouches": (vouches, vouch.encode_vouches, vouch.decode_vouches),
}
