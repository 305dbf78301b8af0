"""What the operator asks of the federation is checked before anything is decided, and refused in words (tests.testing.virtual_loop)."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest

from gateway.admin.federation import FederationRefusal, InviteRequest, JoinRequest, RevokeRequest
from gateway.limits import MAX_TICKET_LIFETIME_S, MAX_TICKET_USES
from gateway.mesh.effects import SiteMet, SiteSpoke
from gateway.runtime.federation_desk import FederationDesk
from gateway.wire import federation as wire
from gateway.wire.federation import AskStatus, Capabilities, Status
from gateway.wire.ticket import encode, from_text, to_text
from tests.config.support import ALICE
from tests.runtime.test_federation import BARN, HUT, NOW, Rig, running
from tests.runtime.test_federation import idle as settled
from tests.testing.virtual_loop import run as run_in_virtual_time

LISTENING = ("/ip4/192.0.2.9/tcp/4001",)


@asynccontextmanager
async def desk(directory, names=None, listening=LISTENING, configured=()):
    async with running(Rig(directory, configured)) as rig:
        called = {HUT.peer: "hut", BARN.peer: "barn"} if names is None else names
        yield rig, FederationDesk(rig.room, Random(7).randbytes, lambda: called, lambda: listening, frozenset(configured))


async def refused(asked) -> tuple[int, str]:
    with pytest.raises(FederationRefusal) as caught:
        await asked
    assert str(caught.value).endswith(".")
    return caught.value.status, caught.value.code


def scene(directory, play_it, **options):
    async def main() -> None:
        async with desk(directory, **options) as (rig, the_desk):
            await play_it(rig, the_desk)

    run_in_virtual_time(main())


def test_an_invitation_has_what_was_wanted_and_is_listed_without_its_secrets(tmp_path):
    async def play_it(rig, asked):
        made = await asked.invite(InviteRequest(600, HUT.peer, 1, NOW + 9_000, ("link", "invite"), ()))
        ticket = from_text(made.ticket)
        assert (ticket.audience, ticket.until, ticket.addresses) == (HUT.key, NOW + 9_000, LISTENING)
        assert (made.scope, made.expires) == (("link", "invite"), NOW + 600)
        (listed,) = (await asked.show(ask=False)).invitations
        assert (listed.audience, listed.used, listed.uses) == (HUT.peer, 0, 1)
        assert made.code not in repr(listed)
        assert made.ticket not in repr(listed)

    scene(tmp_path, play_it)


@pytest.mark.parametrize(
    "wanted",
    [
        InviteRequest(valid_s=0),
        InviteRequest(valid_s=MAX_TICKET_LIFETIME_S + 1),
        InviteRequest(uses=0),
        InviteRequest(uses=MAX_TICKET_USES + 1),
        InviteRequest(until=NOW),
        InviteRequest(until=-1),
        InviteRequest(audience="hut"),
        InviteRequest(scope=("everything",)),
        InviteRequest(scope=("status",)),
        InviteRequest(addresses=("carrier pigeon",)),
        InviteRequest(addresses=(f"/ip4/192.0.2.9/tcp/4001/p2p/{ALICE}",)),
        InviteRequest(addresses=tuple(f"/ip4/192.0.2.{number}/tcp/4001" for number in range(1, 6))),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused_and_nothing_is_written(tmp_path, wanted):
    async def play_it(rig, asked):
        assert await refused(asked.invite(wanted)) == (400, "bad_request")
        assert not rig.disk.path.exists()

    scene(tmp_path, play_it)


def test_without_an_address_nobody_is_invited(tmp_path):
    async def play_it(_rig, asked):
        assert await refused(asked.invite(InviteRequest())) == (400, "no_address")

    scene(tmp_path, play_it, listening=())


def test_while_the_time_is_not_known_nobody_is_invited_and_no_ticket_is_used(tmp_path):
    async def play_it(rig, asked):
        rig.unix = None
        assert await refused(asked.invite(InviteRequest())) == (403, "clock")
        ticket = to_text(HUT.ticket("/ip4/192.0.2.7/tcp/4001"))
        assert await refused(asked.join(JoinRequest(ticket))) == (403, "clock")

    scene(tmp_path, play_it)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", (403, "misread")),
        ("AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", (403, "misread")),
        (to_text(HUT.ticket("/ip4/192.0.2.7/tcp/4001"))[:-12], (403, "truncated")),
        (to_text(HUT.ticket()), (400, "no_address")),
        (to_text(HUT.ticket("wss://192.0.2.7:8443")), (400, "no_way")),
    ],
)
def test_what_cannot_be_used_is_refused_and_nobody_is_called(tmp_path, text, answer):
    async def play_it(rig, asked):
        assert await refused(asked.join(JoinRequest(text))) == answer
        assert rig.gate.members == set()

    scene(tmp_path, play_it)


def test_who_joins_is_told_what_came_of_it_or_that_nothing_has_yet(tmp_path):
    async def play_it(rig, asked):
        text = to_text(HUT.ticket("/ip4/192.0.2.7/tcp/4001"))
        assert (await asked.join(JoinRequest(text, (), 5.0))).state == "waiting"
        assert (await asked.show(ask=False)).joining == (HUT.peer,)
        joining = asyncio.create_task(asked.join(JoinRequest(text)))
        await asyncio.sleep(1)
        rig.room.take(SiteMet(HUT.peer))
        rig.room.take(SiteSpoke(HUT.peer, wire.encode(wire.Welcome(wire.Scope.LINK, 0))))
        assert (await joining).state == "joined"
        again = asyncio.create_task(asked.join(JoinRequest(to_text(BARN.ticket("/ip4/192.0.2.8/tcp/4001")))))
        await asyncio.sleep(1)
        rig.room.told(BARN.peer, "expired")
        assert await refused(again) == (403, "expired")

    scene(tmp_path, play_it)


def test_a_code_is_shown_to_the_gateway_that_gave_it_and_to_nobody_else(tmp_path):
    async def play_it(rig, asked):
        code = wire_code(HUT)
        assert await refused(asked.join(JoinRequest(code))) == (400, "unknown_issuer")
        elsewhere = f"/ip4/192.0.2.7/tcp/4001/p2p/{BARN.peer}"
        assert await refused(asked.join(JoinRequest(code, (elsewhere,)))) == (403, "other_gateway")
        assert rig.gate.members == set()
        assert (await asked.join(JoinRequest(code, (f"/ip4/192.0.2.7/tcp/4001/p2p/{HUT.peer}",), 0.0))).peer_id == HUT.peer
        assert rig.gate.tables[-1].members[HUT.peer].ticket[0] == 0

    scene(tmp_path, play_it)


def wire_code(other) -> str:
    from gateway.wire.ticket import code_of  # noqa: PLC0415

    return code_of(other.ticket())


def test_somebody_is_named_by_name_by_id_or_by_its_beginning(tmp_path):
    async def play_it(rig, asked):
        for other in (HUT, BARN):
            ticket = from_text((await asked.invite(InviteRequest(audience=other.peer))).ticket)
            assert await rig.room.judge(other.peer, encode(ticket)) == ""
        assert asked._find("hut") == asked._find(HUT.peer[:14]) == asked._find(HUT.peer[8:14]) == HUT.peer
        for nobody in ("mill", "12D3KooW", HUT.peer[8:10]):
            assert await refused(asked.revoke(RevokeRequest(nobody))) == (404, "unknown_member")
        assert (await asked.revoke(RevokeRequest("hut"))).peer_id == HUT.peer
        assert rig.gate.members == {BARN.peer}
        (gone,) = (await asked.show(ask=False)).shut_out
        assert gone.peer_id == HUT.peer
        assert (await asked.revoke(RevokeRequest("hut", pardon=True))).peer_id == HUT.peer
        assert await refused(asked.revoke(RevokeRequest("barn", pardon=True))) == (404, "not_shut_out")
        assert await refused(asked.revoke(RevokeRequest((await asked.show(ask=False)).peer_id))) == (403, "own")

    scene(tmp_path, play_it)


def test_a_name_that_several_have_is_refused(tmp_path):
    async def play_it(rig, asked):
        for other in (HUT, BARN):
            ticket = from_text((await asked.invite(InviteRequest(audience=other.peer))).ticket)
            await rig.room.judge(other.peer, encode(ticket))
        assert await refused(asked.revoke(RevokeRequest("twin"))) == (400, "ambiguous")

    scene(tmp_path, play_it, names={HUT.peer: "twin", BARN.peer: "twin"})


def test_the_others_are_asked_how_they_are_and_waited_for_only_so_long(tmp_path):
    async def play_it(rig, asked):
        for other in (HUT, BARN):
            rig.room.take(SiteMet(other.peer))
            rig.room.take(SiteSpoke(other.peer, wire.encode(Capabilities(("status/1",)))))
        await settled(rig)
        asking = asyncio.create_task(asked.show(ask=True))
        await asyncio.sleep(0.1)
        assert len(rig.told(AskStatus)) == 2
        rig.room.take(SiteSpoke(HUT.peer, wire.encode(Status(4, 2, 0, 9))))
        members = {one.peer_id: one for one in (await asking).members}
        assert members[HUT.peer].status.phones == 4
        assert members[BARN.peer].status is None

    scene(tmp_path, play_it, configured=(HUT.peer, BARN.peer))


def test_who_leaves_forgets_everybody_but_those_in_its_configuration(tmp_path):
    async def play_it(rig, asked):
        ticket = from_text((await asked.invite(InviteRequest())).ticket)
        assert await rig.room.judge(BARN.peer, encode(ticket)) == ""
        left = await asked.leave()
        assert (left.left, left.staying) == ((BARN.peer,), (HUT.peer,))
        assert rig.gate.members == {HUT.peer}

    scene(tmp_path, play_it, configured=(HUT.peer,))
