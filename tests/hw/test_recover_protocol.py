import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.recover.admission import Allowance, Allowed, Caller
from hw.recover.limits import BURST, MAX_ANSWER, MAX_REQUEST, REFILL_S, WHY_CHARS
from hw.recover.protocol import Answer, RefusedError, Request, Verb, encode_answer, encode_request, parse_answer, parse_request

texts = st.text(max_size=20)


@pytest.mark.parametrize(
    "request_", [Request(Verb.RESTART_BLUETOOTH), Request(Verb.RESET_ADAPTER, "hci0"), Request(Verb.UNBLOCK_RADIO, "hci99")]
)
def test_what_a_client_asks_is_what_the_helper_reads(request_: Request) -> None:
    line = encode_request(request_)
    assert parse_request(line) == request_
    assert line.count(b"\n") == 1
    assert len(line) <= MAX_REQUEST


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b'"restart-bluetooth"',
        b'["do","restart-bluetooth"]',
        b'[["do","restart-bluetooth"]]',
        b'{"do":"restart-bluetooth","do":"restart-bluetooth"}',
        b'{"do":"restart-bluetooth","adapter":"hci0"}',
        b'{"do":"restart-bluetooth","unit":"ssh.service"}',
        b'{"do":"RESTART-BLUETOOTH"}',
        b'{"do":"restart-bluetooth "}',
        b'{"do":["restart-bluetooth"]}',
        b'{"do":{"do":"restart-bluetooth"}}',
        b'{"do":1}',
        b'{"do":"reset-adapter"}',
        b'{"do":"reset-adapter","adapter":""}',
        b'{"do":"reset-adapter","adapter":null}',
        b'{"do":"reset-adapter","adapter":["hci0"]}',
        b'{"do":"reset-adapter","adapter":"hci"}',
        b'{"do":"reset-adapter","adapter":"hci100"}',
        b'{"do":"reset-adapter","adapter":"hci0\\n"}',
        b'{"do":"reset-adapter","adapter":"hci0\\u0000"}',
        b'{"do":"reset-adapter","adapter":"hci\\u0660"}',
        b'{"do":"reset-adapter","adapter":"../hci0"}',
        b'{"do":"reset-adapter","adapter":"hci0/../../net/eth0"}',
        b'{"do":"reset-adapter","adapter":"hci0;reboot"}',
        b'{"do":"reset-adapter","adapter":"$(reboot)"}',
        b'{"do":"reset-adapter","adapter":"hci0","root":"/tmp"}',
        '{"do":"reset-adapter","adapter":"hci\u0660"}'.encode(),
        b'\xff{"do":"restart-bluetooth"}',
        b'{"do":"restart-bluetooth"}x',
        b'{"do":"restart-bluetooth"}{"do":"restart-bluetooth"}',
        b"[" * (MAX_REQUEST - 1),
        b" " * MAX_REQUEST + b'{"do":"restart-bluetooth"}',
    ],
)
def test_everything_else_is_refused_as_a_whole(line: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_request(line)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=2 * MAX_REQUEST))
def test_no_bytes_make_it_raise_anything_but_a_refusal(line: bytes) -> None:
    with pytest.raises(RefusedError):
        parse_request(line)


@given(
    st.dictionaries(
        st.sampled_from(["do", "adapter", "unit", ""]),
        st.one_of(st.sampled_from([*(verb.value for verb in Verb), "hci0", "hci12"]), texts, st.none(), st.lists(texts)),
        max_size=3,
    )
)
def test_only_the_list_gets_through(fields: dict[str, object]) -> None:
    try:
        request = parse_request(json.dumps(fields).encode())
    except RefusedError:
        return
    assert fields == {"do": request.verb.value} | ({"adapter": request.adapter} if request.adapter else {})
    assert bool(request.adapter) == (request.verb is not Verb.RESTART_BLUETOOTH)
    assert request.adapter in ("", "hci0", "hci12") or request.adapter.removeprefix("hci").isdecimal()


@given(st.booleans(), st.text(max_size=2 * WHY_CHARS), st.booleans())
def test_an_answer_arrives_as_it_was_meant_and_is_short(ok: bool, why: str, possible: bool) -> None:
    assert parse_answer(encode_answer(Answer(ok, why, possible))) == Answer(ok, why[:WHY_CHARS], possible)
    assert len(encode_answer(Answer(ok, "x" * 10_000, possible))) <= MAX_ANSWER


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"ok":1,"possible":true,"why":""}', b'{"ok":true,"possible":true}', b"\xff"])
def test_what_is_no_answer_is_not_taken_for_one(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_answer(line)


def test_only_the_user_and_the_group_named_are_admitted() -> None:
    caller = Caller(pid=1, uid=990, gid=980)
    assert Allowed(uid=990).admits(caller)
    assert Allowed(gid=980).admits(caller)
    assert not Allowed(uid=980, gid=990).admits(caller)
    assert not Allowed().admits(caller)
    assert not Allowed(uid=990).admits(Caller(pid=1, uid=0, gid=0))  # not even root, unless it is named


def test_actions_are_rationed_and_the_ration_comes_back() -> None:
    bucket = Allowance(BURST, REFILL_S, now=0.0)
    assert bucket.is_full(0.0)
    assert [bucket.take(0.0) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert not bucket.is_full(REFILL_S)
    assert (bucket.take(REFILL_S), bucket.take(REFILL_S)) == (True, False)
    assert bucket.is_full(REFILL_S * (BURST + 1))
    taken = sum(bucket.take(10 * REFILL_S + second) for second in range(24 * 3600))
    assert taken <= BURST + 24 * 3600 / REFILL_S + 1
