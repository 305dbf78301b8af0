"""What is written down of the decisions, how much of it at most, and how it is found again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from gateway.errors import Reason
from gateway.limits import DECISION_BURST, DECISION_RATE
from gateway.mesh.effects import PeerLost, Receipt
from gateway.mesh.records import Decided, Judged, Verb
from gateway.runtime.recorder import Recorder
from gateway.runtime.writer import StoreWriter
from gateway.store.store import open_store
from tests.store.stores import NOW, opened
from tests.testing.virtual_loop import run

ID = bytes(range(16))
SITE = b"far site"


def play(tmp_path: Path, story: Callable[[Recorder], Awaitable[None]], wall_ms: int | None = NOW) -> None:
    async def main() -> None:
        writer = StoreWriter(lambda _distrust: open_store(tmp_path / "store.db", Random(1)), lambda: NOW, print)
        running = asyncio.create_task(writer.run())
        try:
            await story(Recorder(writer, lambda: wall_ms, lambda: {SITE.hex(): "Hut"}))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    run(main())


def test_a_decision_is_found_at_once_by_its_beginning_and_names_the_hop_as_people_do(tmp_path: Path) -> None:
    async def story(recorder: Recorder) -> None:
        recorder.take(Decided(ID, Verb.HEARD, "ble:7", "verified", detail="message 9 bytes ttl 7"), 0.0)
        recorder.take(Decided(ID, Verb.SENT, SITE, "open"), 0.0)
        recorder.take(Decided(ID, Verb.STAYED, "", "", Reason.BUDGET), 0.0)
        told = await recorder.why(ID.hex()[:6].upper())
        assert told.id == ID.hex()
        assert [(step.hop, step.rule, step.reason) for step in told.steps] == [
            ("ble", "verified", ""),
            (SITE.hex(), "open", ""),
            ("", "", "budget"),
        ]
        assert told.steps[1].sentence == "Sent to Hut, because the bridge is open."

    play(tmp_path, story)


def test_what_begins_alike_is_listed_the_latest_first_and_other_names_of_the_same_are_left_out(tmp_path: Path) -> None:
    first, second, name = b"\xab\xcd" + bytes(14), b"\xab\xcd" + bytes(13) + b"\1", b"\xab\xcd" + bytes(13) + b"\2"

    async def story(recorder: Recorder) -> None:
        for subject in (first, second):
            recorder.take(Decided(subject, Verb.HEARD, detail="message 9 bytes ttl 7"), 0.0)
        recorder.take(Decided(second, Verb.KNOWN_AS, "", detail=name), 0.0)
        recorder.take(Decided(name, Verb.KNOWN_AS, "", detail=second), 0.0)
        told = await recorder.why("abcd")
        assert (told.id, len(told.candidates)) == ("", 2)
        assert told.candidates[0].what == "public message, 9 bytes"
        assert told.candidates[1].id == first.hex()
        assert (await recorder.why(first.hex())).id == first.hex()
        assert [one.id for one in (await recorder.latest(9)).latest] == [second.hex(), first.hex()]
        with pytest.raises(ValueError, match="4 characters"):
            await recorder.why("abc")
        assert (await recorder.why("ffff")).candidates == ()

    play(tmp_path, story)


def test_the_identity_of_a_site_is_shown_with_its_capitals(tmp_path: Path) -> None:
    async def story(recorder: Recorder) -> None:
        recorder._names = lambda: {"12D3KooWAbC": "Hut"}
        recorder.take(Decided("12D3KooWAbC", Verb.ROUTE, "libp2p", detail="it is the only link"), 0.0)
        assert (await recorder.why("12d3")).id == "12D3KooWAbC"

    play(tmp_path, story)


def test_receipts_and_shapes_are_written_and_nothing_else(tmp_path: Path) -> None:
    async def story(recorder: Recorder) -> None:
        recorder.take(Receipt(b"somebody", "7F3A-UUID", "delivered"), 0.0)
        recorder.take(Judged(ID, 2, 99, False, True, b"ada-----", SITE, "crossed"), 0.0)
        recorder.take(PeerLost(b"somebody", "left"), 0.0)
        told = await recorder.why("7f3a")
        assert [step.sentence for step in told.steps] == ["The phone it was for has it."]

    play(tmp_path, story)
    with opened(tmp_path / "store.db") as store:
        (shape,) = store.shapes.between(0, NOW + 1)
        assert (shape.packet_id, shape.verdict, shape.via) == (ID, "crossed", SITE)
        assert shape.origin != b"ada-----"
        assert len(store.database.rows("SELECT * FROM decision")) == 1


def test_refusals_leave_room_for_the_rest_and_what_is_too_much_is_counted(tmp_path: Path) -> None:
    async def story(recorder: Recorder) -> None:
        burst = int(DECISION_BURST)
        for number in range(burst):
            recorder.take(Decided(number.to_bytes(16), Verb.REFUSED, reason=Reason.SIGNATURE), 0.0)
        assert recorder.unrecorded == burst // 2 - 1
        for number in range(burst):
            recorder.take(Decided(number.to_bytes(16), Verb.HEARD), 0.0)
        assert recorder.unrecorded == burst // 2 - 1 + burst // 2 + 1
        before = recorder.unrecorded
        recorder.take(Decided(ID, Verb.HEARD), 1.5 / DECISION_RATE)
        assert recorder.unrecorded == before

    play(tmp_path, story)


def test_nothing_is_recorded_while_the_time_of_day_is_not_known(tmp_path: Path) -> None:
    async def story(recorder: Recorder) -> None:
        recorder.take(Decided(ID, Verb.HEARD), 0.0)
        assert (await recorder.latest(9)).latest == ()

    play(tmp_path, story, wall_ms=None)
