"""NIP-01, to the letter, and whatever a relay may say beside it."""

import json
from contextlib import suppress
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.testing.faults import broken_copies
from transports.limits import NOSTR_FRAME, NOSTR_MESSAGE
from transports.nostr.protocol import (
    Answer,
    Aside,
    Closed,
    Eose,
    Event,
    Filter,
    NostrError,
    Word,
    answer_frame,
    decode_frame,
    decode_message,
    event_frame,
    request,
)

ID = "ab" * 32


def test_a_subscription_asks_for_kinds_and_tags_since_a_while_ago() -> None:
    filters = (Filter((20_000, 20_001), "r", ("u4pruy", "u4pruz"), 900, 200), Filter((20_000,), "g", ("u4",), 900, 200))
    assert json.loads(request("name", filters, 1_800_000_000)) == [
        "REQ",
        "name",
        {"kinds": [20_000, 20_001], "#r": ["u4pruy", "u4pruz"], "since": 1_799_999_100, "limit": 200},
        {"kinds": [20_000], "#g": ["u4"], "since": 1_799_999_100, "limit": 200},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["EVENT", "sub", {"id": 1, "x": [" "]}]', Event("sub", b'{"id":1,"x":[" "]}')),
        (f'["OK", "{ID}", true, ""]', Answer(ID, True, Word.OTHER)),
        (f'["OK","{ID}",false,"rate-limited: slow down"]', Answer(ID, False, Word.RATE_LIMITED)),
        (f'["OK","{ID}",true,"duplicate: have it"]', Answer(ID, True, Word.DUPLICATE)),
        (f'["OK","{ID}",false]', Answer(ID, False, Word.OTHER)),
        (f'["OK","{ID}",false,7]', Answer(ID, False, Word.OTHER)),
        ('["EOSE","sub"]', Eose("sub")),
        ('["CLOSED","sub","auth-required: who are you"]', Closed("sub", Word.AUTH_REQUIRED)),
        ('["NOTICE","hello"]', Aside("NOTICE")),
        ('["AUTH","challenge"]', Aside("AUTH")),
    ],
)
def test_what_a_relay_says_is_read(text: str, message: object) -> None:
    assert decode_message(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '"EVENT"',
        '["EVENT"]',
        '["EVENT","sub"]',
        '["EVENT","sub","event"]',
        '["EVENT",1,{}]',
        '["EVENT","sub",{},1]',
        '["EVENT","sub",{"content":"\\ud800"}]',
        '["EVENT","sub",{"created_at":NaN}]',
        '["EVENT","sub",{"created_at":1e999}]',
        f'["OK","{ID}","true",""]',
        f'["OK","{ID}",1,""]',
        '["OK","ab",true,""]',
        f'["OK","{ID.upper()}",true,""]',
        '["OK"]',
        '["EOSE"]',
        '["EOSE",{}]',
        '["COUNT","sub",{}]',
        "[" * 50_000,
        f'["EVENT","sub",{{"created_at":{"9" * 5_000}}}]',
        '["NOTICE","' + "x" * NOSTR_MESSAGE + '"]',
        '["EVENT","sub",{"content":"' + "x" * NOSTR_FRAME + '"}]',
    ],
)
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(NostrError):
        decode_message(text)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8).map(json.dumps))
def test_whatever_a_relay_says_is_read_or_refused(text: str) -> None:
    with suppress(NostrError):
        decode_message(text)


def test_broken_copies_of_true_messages_are_read_or_refused() -> None:
    rng = Random(5)
    for text in ('["EVENT","sub",{"id":"1","tags":[["r","u4"]]}]', f'["OK","{ID}",false,"error: x"]', '["EOSE","sub"]'):
        for broken in islice(broken_copies(text.encode(), rng), 400):
            with suppress(NostrError):
                decode_message(broken.decode(errors="replace"))
            with suppress(NostrError):
                decode_frame(broken)


def test_no_word_of_the_relays_own_is_kept() -> None:
    message = decode_message(f'["OK","{ID}",false,"<b>you</b>: are a fool"]')
    assert message == Answer(ID, False, Word.OTHER)
    assert answer_frame(message) == f'["OK","{ID}",false,"other"]'.encode()


def test_a_frame_is_an_event_or_an_answer() -> None:
    assert decode_frame(event_frame(b'{"id":1}')) == b'{"id":1}'
    answer = Answer(ID, True, Word.DUPLICATE)
    assert decode_frame(answer_frame(answer)) == answer
    for wrong in (b"", b"[]", b'["EVENT",', b'["OK",\xff]', b'["OK",1]', b'["EOSE","sub"]', b'["EVENT",' + b"x" * NOSTR_FRAME + b"]"):
        with pytest.raises(NostrError):
            decode_frame(wrong)
