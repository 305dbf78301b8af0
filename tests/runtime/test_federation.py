"""The room that carries out what the federation decides: nothing is told before it is kept, and nothing waits without a cap."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.bridge.membership_book import Book, decode_book
from gateway.bridge.tickets import Refusal, issue
from gateway.errors import ConfigError
from gateway.limits import MAX_PRESENTING, MAX_RPC_WAITING, MAX_RPC_WAITING_BYTES
from gateway.mesh.effects import SiteMet, SiteParted, SiteSpoke
from gateway.mesh.events import CatchUpSite, MeshEvent, PartWithSite, TellSite
from gateway.runtime.bookfile import BookFile
from gateway.runtime.doors import Doors
from gateway.runtime.federation import JOIN_S, LOOK_S, RETRY_S, Federation, found_membership
from gateway.store.audit import Action, Actor
from gateway.wire import federation as wire
from gateway.wire.federation import AskHistory, AskStatus, Hello, Status
from gateway.wire.ticket import Scope, Ticket, encode
from tests.testing.virtual_loop import run as run_in_virtual_time
from transports.gate import Table
from transports.libp2p.identity import peer_id_from

NOW = 1_800_000_000
HOW = Status(3, 1, 0, 60)


class Gate:
    """A transport that is told who may link."""

    def __init__(self) -> None:
        self.tables: list[Table] = []

    def renew(self, table: Table) -> None:
        self.tables.append(table)

    @property
    def members(self) -> set[str]:
        return set(self.tables[-1].members) if self.tables else set()


class Disk(BookFile):
    """A file that can be made unwritable, and keeps what was known of the doors at each writing."""

    def __init__(self, path: Path, gate: Gate) -> None:
        super().__init__(path)
        self._gate = gate
        self.is_full = False
        self.writings: list[set[str]] = []

    def save(self, data: bytes) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.writings.append(self._gate.members)
        super().save(data)


class Other:
    """Another gateway, as far as its key goes."""

    def __init__(self, name: str) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
        self.key = self.private.public_key().public_bytes_raw()
        self.peer = peer_id_from(self.key)

    def ticket(self, *addresses: str) -> Ticket:
        return issue(self.private.sign, self.key, bytes(16), NOW, 3600, addresses=addresses)


HUT, BARN = Other("hut"), Other("barn")


class Rig:
    def __init__(self, directory: Path, configured: tuple[str, ...] = ()) -> None:
        self.gate = Gate()
        self.disk = Disk(directory / "federation.book", self.gate)
        self.given: list[MeshEvent] = []
        self.reports: list[str] = []
        self.forgotten: list[tuple[str, bool]] = []  # and whether the doors were shut by then
        self.unix: int | None = NOW
        hello = Hello(1, 1, bytes(8), "meshgate test")
        membership = found_membership(b"hall".ljust(32, b"."), self.disk.load(), hello, configured)
        doors = Doors({"libp2p": self.gate}, {"libp2p": dict.fromkeys(configured, ())})
        self.noted: list[tuple[object, ...]] = []
        self.room = Federation(
            membership,
            self.disk,
            doors,
            lambda: self.unix,
            lambda: HOW,
            self.reports.append,
            self._forget,
            lambda *what: self.noted.append(what),
        )

    def _forget(self, peer: str) -> None:
        self.forgotten.append((peer, peer not in self.gate.members))

    async def ticket(self, **changes: object) -> Ticket:
        made: list[Ticket] = []

        def decide() -> object:
            ticket, effects = self.room.membership.invite(bytes([len(self.reports)]) * 16, NOW, 3600, **changes)
            made.append(ticket)
            return effects

        assert await self.room.decide(decide) is None
        return made[0]

    def told(self, kind: type) -> list:
        bodies = [event.body for event in self.given if isinstance(event, TellSite)]
        return [message for message in map(wire.decode, bodies) if isinstance(message, kind)]


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    rig.room.start(rig.given.append)
    task = asyncio.create_task(rig.room.run())
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def play(scene: Callable[[], object]) -> None:
    run_in_virtual_time(scene())


async def idle(rig: Rig) -> None:
    """Wait until everything that was put before this is done."""
    assert await rig.room.decide(list) is None


def test_a_ticket_is_kept_as_used_before_whoever_shows_it_is_let_in(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            ticket = await rig.ticket()
            assert await rig.room.judge(HUT.peer, encode(ticket)) == ""
            assert rig.gate.members == {HUT.peer}
            assert rig.disk.writings[-1] == set()
            assert [one.bearers for one in decode_book(rig.disk.path.read_bytes()).used] == [(HUT.key,)]

    play(scene)


def test_each_wrong_ticket_is_refused_with_its_word_and_changes_nothing(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            good = encode(await rig.ticket(audience=HUT.key))
            before = rig.disk.path.read_bytes()
            forged = good[:-1] + bytes((good[-1] ^ 1,))
            shown = {
                good: "foreign_audience",
                forged: "forged",
                good[:-9]: "truncated",
                encode(BARN.ticket()): "foreign_issuer",
                b"x": "unknown_version",
            }
            for ticket, word in shown.items():
                assert await rig.room.judge(BARN.peer, ticket) == word
            assert await rig.room.judge(HUT.peer, good) == ""
            used = rig.disk.path.read_bytes()
            rig.unix = NOW + 3600
            assert await rig.room.judge(BARN.peer, good) == "expired"
            assert rig.disk.path.read_bytes() == used != before
            assert rig.gate.members == {HUT.peer}

    play(scene)


def test_a_used_ticket_is_refused_after_a_restart(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            ticket = encode(await rig.ticket())
            assert await rig.room.judge(HUT.peer, ticket) == ""
        async with running(Rig(tmp_path)) as again:
            assert again.gate.members == {HUT.peer}
            assert await again.room.judge(BARN.peer, ticket) == "replayed"

    play(scene)


def test_the_door_is_open_to_guests_only_while_there_are_tickets(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            await idle(rig)
            assert not rig.gate.tables[-1].guests
            await rig.ticket()
            assert rig.gate.tables[-1].guests
            rig.unix = NOW + 3600
            await asyncio.sleep(LOOK_S + 1)
            assert not rig.gate.tables[-1].guests

    play(scene)


def test_a_disk_that_cannot_be_written_lets_nobody_in_and_keeps_nobody_from_being_shut_out(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            ticket = await rig.ticket(uses=2)
            assert await rig.room.judge(HUT.peer, encode(ticket)) == ""
            rig.disk.is_full = True
            revoked = asyncio.create_task(rig.room.decide(lambda: rig.room.membership.revoke(HUT.key, NOW)))
            waiting = asyncio.create_task(rig.room.judge(BARN.peer, encode(ticket)))
            await asyncio.sleep(RETRY_S / 2)
            assert rig.gate.members == set()
            assert rig.forgotten == [(HUT.peer, True)]
            assert not revoked.done()
            assert not waiting.done()
            assert "No space left on device" in rig.room.trouble
            rig.disk.is_full = False
            assert await waiting == ""
            assert (await revoked, rig.room.trouble, rig.gate.members) == (None, "", {BARN.peer})
            assert set(rig.forgotten) == {(HUT.peer, True)}

    play(scene)


def test_a_guest_that_left_while_others_were_served_is_not_let_in(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            ticket = encode(await rig.ticket())
            guest = asyncio.create_task(rig.room.judge(HUT.peer, ticket))
            await asyncio.sleep(0)
            guest.cancel()
            await asyncio.gather(guest, return_exceptions=True)
            assert await rig.room.judge(BARN.peer, ticket) == ""
            assert rig.gate.members == {BARN.peer}

    play(scene)


def test_only_so_many_wait_with_a_ticket(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            waiting = [asyncio.create_task(rig.room.judge(HUT.peer, b"x")) for _ in range(MAX_PRESENTING + 3)]
            words = await asyncio.gather(*waiting)
            assert words.count(Refusal.TOO_MANY_TRIES.value) == 3
            assert await rig.room.judge(HUT.peer, b"x") == "unknown_version"

    play(scene)


def test_what_a_gateway_says_waits_only_so_long_a_queue(tmp_path):
    async def scene() -> None:
        rig = Rig(tmp_path)
        for _ in range(MAX_RPC_WAITING + 5):
            rig.room.take(SiteSpoke(HUT.peer, b"x"))
        assert rig.room.membership.counts.unused["waiting"] == 5
        rig.room.take(SiteSpoke(BARN.peer, bytes(MAX_RPC_WAITING_BYTES)))
        assert rig.room.membership.counts.unused["waiting"] == 6
        async with running(rig):
            await idle(rig)
            rig.room.take(SiteSpoke(HUT.peer, b"x"))
            assert rig.room.membership.counts.unused["waiting"] == 6

    play(scene)


def test_a_member_is_greeted_and_answered_and_a_babbler_is_parted_with(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path, configured=(HUT.peer,))) as rig:
            rig.room.take(SiteMet(HUT.peer))
            await idle(rig)
            assert rig.told(Hello)[0].software == "meshgate test"
            for question in (AskStatus(), AskHistory(7)):
                rig.room.take(SiteSpoke(HUT.peer, wire.encode(question)))
            await idle(rig)
            assert rig.told(Status) == [HOW]
            assert CatchUpSite(HUT.peer, 7) in rig.given
            rig.room.take(SiteSpoke(HUT.peer, b"babble"))
            await idle(rig)
            assert isinstance(rig.given[-1], PartWithSite)
            rig.room.take(SiteParted(HUT.peer))
            await idle(rig)
            assert not rig.room.membership.is_linked(HUT.key)

    play(scene)


def test_only_a_member_with_the_right_to_history_is_told_what_it_missed(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            assert await rig.room.judge(HUT.peer, encode(await rig.ticket(scope=Scope.LINK))) == ""
            assert not rig.room.may_be_told(HUT.peer)
            assert not rig.room.may_be_told(BARN.peer)
            assert not rig.room.may_be_told("no peer ID")

    play(scene)


def test_a_ticket_is_shown_where_it_says_until_the_other_gateway_has_answered(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            ticket = HUT.ticket("/ip4/192.0.2.7/tcp/4001", "carrier pigeon")
            assert await rig.room.decide(lambda: rig.room.membership.join(ticket, NOW)) is None
            (called,) = rig.gate.tables[-1].members.values()
            assert called.addresses == (f"/ip4/192.0.2.7/tcp/4001/p2p/{HUT.peer}",)
            assert called.ticket == encode(ticket)
            rig.room.told(HUT.peer, "")
            assert rig.gate.tables[-1].members[HUT.peer].ticket == b""

    play(scene)


def test_a_gateway_that_does_not_take_the_ticket_is_given_up_with_its_word(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            outcome = rig.room.outcome(HUT.peer)
            await rig.room.decide(lambda: rig.room.membership.join(HUT.ticket("/ip4/192.0.2.7/tcp/4001"), NOW))
            rig.room.told(HUT.peer, "quota_used_up")
            assert await outcome == "quota_used_up"
            assert rig.gate.members == set()
            rig.room.told(HUT.peer, "quota_used_up")  # over the other transport
            await idle(rig)

    play(scene)


def test_a_gateway_that_never_answers_is_given_up(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            outcome = rig.room.outcome(HUT.peer)
            await rig.room.decide(lambda: rig.room.membership.join(HUT.ticket("/ip4/192.0.2.7/tcp/4001"), NOW))
            await asyncio.sleep(JOIN_S + LOOK_S + 1)
            assert await outcome == "no_answer"
            assert rig.gate.members == set()

    play(scene)


def test_no_report_has_a_secret_in_it(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            ticket = await rig.ticket()
            await rig.room.judge(HUT.peer, encode(ticket))
            await rig.room.judge(BARN.peer, encode(ticket))
            await rig.room.decide(lambda: rig.room.membership.join(BARN.ticket("/ip4/192.0.2.7/tcp/4001"), NOW))
            rig.room.told(BARN.peer, "forged")
            await idle(rig)
            for secret in (ticket.nonce.hex(), ticket.signature.hex(), encode(ticket).hex(), repr(ticket.nonce)):
                assert not any(secret in report for report in rig.reports)
            assert len(rig.reports) >= 3

    play(scene)


def test_who_joins_and_who_goes_is_noted_once_and_without_a_name(tmp_path):
    async def scene() -> None:
        async with running(Rig(tmp_path)) as rig:
            ticket = await rig.ticket()
            for who, shown in ((BARN, b"x"), (HUT, encode(ticket)), (HUT, encode(ticket))):
                await rig.room.judge(who.peer, shown)
            await rig.room.decide(lambda: rig.room.membership.revoke(HUT.key, NOW))
            assert rig.noted == [(Actor.SYSTEM, Action.MEMBER_JOINED), (Actor.SYSTEM, Action.MEMBER_LEFT)]

    play(scene)


def test_a_mistake_of_ours_is_raised(tmp_path):
    async def scene() -> None:
        rig = Rig(tmp_path)
        rig.room.start(rig.given.append)
        task = asyncio.create_task(rig.room.run())
        rig.room._put(type("Job", (), {"peer": "", "done": None, "decide": lambda _self: 1 / 0})())
        with pytest.raises(ZeroDivisionError):
            await task

    play(scene)


class TestBookFile:
    def test_what_was_saved_is_loaded_and_nobody_else_may_read_it(self, tmp_path):
        file = BookFile(tmp_path / "book")
        assert file.load() == Book() or file.load().encode() == Book().encode()
        file.save(Book(version=7).encode())
        assert file.load().version == 7
        assert file.path.stat().st_mode & 0o777 == 0o600
        assert [path.name for path in tmp_path.iterdir()] == ["book"]

    @pytest.mark.parametrize("damaged", [b"", b"\x93", Book(version=3).encode()[:-1], Book().encode() + b"x"])
    def test_a_damaged_book_is_an_error_and_not_an_empty_one(self, tmp_path, damaged):
        (tmp_path / "book").write_bytes(damaged)
        with pytest.raises(ConfigError, match="damaged"):
            BookFile(tmp_path / "book").load()

    def test_a_writing_that_fails_leaves_the_old_book(self, tmp_path, monkeypatch):
        file = BookFile(tmp_path / "book")
        file.save(Book(version=7).encode())

        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            file.save(Book(version=8).encode())
        assert file.load().version == 7
        assert [path.name for path in tmp_path.iterdir()] == ["book"]
