"""Who is invited comes in, who is shut out stays out, everybody hears of it, and a restart changes nothing."""

from dataclasses import replace

import pytest

from gateway.bridge.membership_book import decode_book
from gateway.bridge.membership_events import (
    Admit,
    Close,
    Dial,
    HistoryAsked,
    Joined,
    Linked,
    Received,
    Save,
    StatusAsked,
    TurnedAway,
)
from gateway.bridge.membership_questions import CAPABILITIES
from gateway.bridge.tickets import Refusal
from gateway.errors import DecodeError
from gateway.limits import CODE_BURST, MAX_FEDERATION, MAX_INVITATIONS, MAX_JOINING, MAX_REVOKED, RPC_BURST
from gateway.wire import federation as wire
from gateway.wire.federation import CODE_MARK, Join, Welcome
from gateway.wire.roster import Listed, Revocations, Revoked, Roster, signed_bytes
from gateway.wire.ticket import EVERYTHING, ORDINARY, Scope, code_of, encode, from_text, read_code, to_text
from tests.bridge.federation import DAY, NOW, Federation


def note(world, name):
    return world[name].notes[-1]


def test_a_ticket_makes_two_gateways_members_of_each_other_and_both_remember():
    world = Federation("hall", "hut")
    world.join("hut", from_text(to_text(world.invite("hall"))))
    assert world.members("hall") == {"hut"}
    assert world.members("hut") == {"hall"}
    assert note(world, "hut") == Joined(world["hall"].key)
    for name in ("hall", "hut"):
        world.restart(name)
    assert (world.allowed("hall"), world.allowed("hut")) == ({"hut"}, {"hall"})


def test_members_of_one_gateway_become_members_of_each_other():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut")
    world.bring_in("hall", "barn")
    assert world.members("hut") == {"hall", "barn"}
    assert world.members("barn") == {"hall", "hut"}
    assert world.link("hut", "barn")


def test_what_is_decided_is_kept_before_it_is_done():
    world = Federation("hall", "hut")
    ticket = world.invite("hall")
    effects = world["hall"].membership.present(world["hut"].key, encode(ticket), NOW, 0.0)
    assert isinstance(effects[0], Save)
    assert Admit(world["hut"].key) in effects
    again = decode_book(effects[0].data)
    assert again.used.refusal(ticket, b"b" * 32, NOW) is Refusal.REPLAYED


def test_a_ticket_is_not_good_again_after_a_restart():
    world = Federation("hall", "hut", "barn")
    ticket = world.invite("hall")
    world.join("hut", ticket)
    world.restart("hall")
    world.join("barn", ticket)
    assert note(world, "barn") == TurnedAway(world["hall"].key, "replayed")
    assert world.members("hall") == {"hut"}
    assert world.members("barn") == set()
    assert world.allowed("barn") == set()


def refusals(world):
    """Tickets that hall must not take from hut, by the reason."""
    good = world.invite("hall")
    other = Federation("shed")
    yield Refusal.FORGED, encode(replace(good, uses=9))
    yield Refusal.TRUNCATED, encode(good)[:-1]
    yield Refusal.TRUNCATED, b""
    yield Refusal.UNKNOWN_VERSION, b"\x09" + encode(good)[1:]
    yield Refusal.MALFORMED, encode(good) + b"\0"
    yield Refusal.FOREIGN_ISSUER, encode(other.invite("shed"))
    yield Refusal.FOREIGN_AUDIENCE, encode(world.invite("hall", audience=b"x" * 32))
    yield Refusal.OUT_OF_SCOPE, encode(world.invite("hall", scope=Scope.STATUS))
    yield Refusal.UNKNOWN_CODE, bytes((CODE_MARK,)) + b"12345"
    yield Refusal.UNKNOWN_CODE, bytes((CODE_MARK,))


def test_every_bad_ticket_is_refused_with_its_reason_and_changes_nothing():
    world = Federation("hall", "hut")
    bad = list(refusals(world))
    hall, hut = world["hall"], world["hut"]
    before = hall.membership.book.encode()
    for refusal, shown in bad:
        assert hall.membership.present(hut.key, shown, NOW, 0.0) is refusal
    good = encode(world.invite("hall"))
    for refusal, unix in ((Refusal.NOT_YET_VALID, NOW - 1), (Refusal.EXPIRED, NOW + 3_600), (Refusal.CLOCK, None)):
        assert hall.membership.present(hut.key, good, unix, 0.0) is refusal
    hall.membership.book.invitations.popitem()
    assert hall.membership.book.encode() == before
    assert world.members("hall") == set()


def test_a_bad_ticket_is_refused_by_the_one_who_would_use_it_before_anything_is_dialled():
    world = Federation("hall", "hut")
    good = world.invite("hall")
    before = world["hut"].membership.book.encode()
    assert world.join("hut", replace(good, uses=9)) is Refusal.FORGED
    assert world.join("hut", world.invite("hall", audience=world["hall"].key)) is Refusal.FOREIGN_AUDIENCE
    assert world.join("hall", good) is Refusal.OWN
    world.unix = None
    assert world.join("hut", good) is Refusal.CLOCK
    assert world.invite("hall") is Refusal.CLOCK
    assert (world["hut"].membership.book.encode(), world.allowed("hut")) == (before, set())


def test_a_member_needs_no_ticket_and_uses_none_up():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut")
    ticket = world.invite("hall")
    assert world["hall"].membership.present(world["hut"].key, encode(ticket), NOW, 0.0) == []
    assert world["hall"].membership.present(world["hut"].key, b"", NOW, 0.0) == []
    world.join("barn", ticket)
    assert world.members("hall") == {"hut", "barn"}


def test_a_ticket_for_two_brings_in_two():
    world = Federation("hall", "hut", "barn", "shed")
    ticket = world.invite("hall", uses=2)
    for name in ("hut", "barn", "shed"):
        world.join(name, ticket)
    assert world.members("hall") == {"hut", "barn"}
    assert note(world, "shed") == TurnedAway(world["hall"].key, "quota_used_up")


def test_a_guest_for_the_weekend_is_gone_after_it():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "barn")
    world.bring_in("hall", "hut", until=NOW + 2 * DAY)
    world.link_all()
    assert world["hall"].membership.next_change(NOW) == NOW + 2 * DAY
    world.unix = NOW + 2 * DAY - 1
    world.tick()
    assert world.members("barn") == {"hall", "hut"}
    world.unix = NOW + 2 * DAY
    world.tick()
    assert world.members("hall") == {"barn"}
    assert world.members("barn") == {"hall"}
    assert world["hut"].key not in world["hall"].links | world["barn"].links


def test_while_the_time_is_not_known_whoever_has_a_date_to_leave_is_out():
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut", until=NOW + 2 * DAY)
    world.unix = None
    world.restart("hall")
    assert world.allowed("hall") == set()
    world.unix = NOW + DAY
    world.tick()
    assert world.allowed("hall") == {"hut"}


def test_what_guests_signed_is_kept_until_the_time_is_known_again():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut", scope=EVERYTHING, until=NOW + 2 * DAY)
    world.bring_in("hut", "barn")
    world.unix = None
    world.restart("hall")
    world.tick()
    assert world.members("hall") == set()
    world.unix = NOW + DAY
    world.tick()
    assert world.members("hall") == {"hut", "barn"}


def forged(world, author, kind, entries):
    """What `author` says in the name of hall, signed with its own key."""
    draft = kind(world["hall"].key, 99, entries)
    return replace(draft, signature=world[author].private.sign(signed_bytes(draft)))


def test_what_a_member_says_in_anothers_name_is_not_believed():
    world = Federation("hall", "hut", "barn", "thief")
    world.bring_in("hall", "hut")
    world.bring_in("hall", "barn", scope=EVERYTHING)
    world.link("hut", "barn")
    roster = wire.Membership(forged(world, "barn", Roster, (Listed(world["thief"].key, EVERYTHING, 0),)))
    shut_out = wire.ShutOut(forged(world, "barn", Revocations, (Revoked(world["hut"].key, 1, NOW),)))
    for name in ("hall", "hut"):
        before = world[name].membership.book.encode()
        for lie in (roster, shut_out):
            world.do(world[name], world[name].membership.handle(Received(world["barn"].key, wire.encode(lie)), NOW, 0.0))
        assert world[name].membership.book.encode() == before
    assert "thief" not in world.members("hall") | world.members("hut")
    assert "hut" in world.members("hall")


def test_a_revocation_reaches_members_that_are_not_linked_to_who_made_it():
    world = Federation("hall", "hut", "barn", "shed")
    for name in ("hut", "barn", "shed"):
        world.bring_in("hall", name)
    world.link_all()
    for name in ("barn", "shed"):
        world.unlink("hall", name)  # barn and shed hear of it through hut
    world.revoke("hall", "shed")
    for name in ("hall", "hut", "barn"):
        assert "shed" not in world.members(name) | world.allowed(name), name
    assert world["shed"].links == set()


def test_a_revocation_is_heard_of_later_by_who_was_away():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut")
    world.bring_in("hall", "barn")
    world.link("hut", "barn")
    world.unlink("hall", "hut")
    world.revoke("hall", "barn")
    assert "barn" in world.members("hut")
    assert world.link("hall", "hut")
    assert world.members("hut") == {"hall"}
    assert world["barn"].key not in world["hut"].links


def test_who_is_shut_out_needs_a_pardon_and_a_new_ticket_to_come_back():
    world = Federation("hall", "hut")
    early = world.invite("hall")
    world.bring_in("hall", "hut")
    world.revoke("hall", "hut")
    assert note(world, "hut") == TurnedAway(world["hall"].key, "revoked")
    assert world.members("hut") == set(), "it went on trusting who shut it out"
    world.join("hut", early)
    assert note(world, "hut") == TurnedAway(world["hall"].key, "revoked")
    assert world.invite("hall", audience=world["hut"].key) is Refusal.REVOKED
    world.restart("hall")
    assert world.invite("hall", audience=world["hut"].key) is Refusal.REVOKED
    world.do(world["hall"], world["hall"].membership.pardon(world["hut"].key, NOW))
    world.join("hut", world.invite("hall", audience=world["hut"].key))
    assert world.members("hall") == {"hut"}


def test_revoking_a_configured_gateway_counts_for_more_than_the_configuration():
    world = Federation("hall", "hut")
    world.configure("hall", "hut")
    assert world.allowed("hall") == {"hut"}
    world.revoke("hall", "hut")
    assert world.allowed("hall") == set()
    assert world["hall"].membership.revoke(world["hall"].key, NOW) is Refusal.OWN


def test_a_configured_gateway_may_link_and_not_invite():
    world = Federation("hall", "hut", "barn")
    world.configure("hall", "hut")
    world.configure("hut", "hall")
    world.link("hall", "hut")
    world.bring_in("hut", "barn")
    assert world.members("hall") == {"hut"}


def test_who_may_invite_brings_others_in_with_no_more_rights_than_its_own():
    world = Federation("hall", "hut", "barn", "shed")
    world.bring_in("hall", "hut", scope=Scope.LINK | Scope.INVITE, until=NOW + DAY)
    world.bring_in("hall", "shed")
    world.bring_in("hut", "barn", scope=EVERYTHING)
    barn = world["hall"].membership.members(NOW)[world["barn"].key]
    assert (barn.scope, barn.until, barn.via) == (Scope.LINK | Scope.INVITE, NOW + DAY, world["hut"].key)
    assert world.members("shed") == {"hall", "hut", "barn"}


def test_who_was_let_in_by_somebody_goes_when_that_one_is_shut_out():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut", scope=EVERYTHING)
    world.bring_in("hut", "barn")
    assert world.members("hall") == {"hut", "barn"}
    world.revoke("hall", "hut")
    assert world.members("hall") == set()


def test_who_was_trusted_and_shut_out_is_not_trusted_again_by_a_pardon():
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut")
    world.revoke("hut", "hall")
    world.do(world["hut"], world["hut"].membership.pardon(world["hall"].key, NOW))
    assert world.members("hut") == set()


def test_an_inviting_member_cannot_shut_out_who_let_it_in():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut", scope=EVERYTHING)
    world.bring_in("hall", "barn", scope=EVERYTHING)
    world.revoke("hut", "hall")
    world.revoke("hut", "barn")
    assert world.members("hall") == {"hut", "barn"}
    assert world.members("barn") == {"hall", "hut"}
    assert world.members("hut") == set()


def test_whom_the_inviter_shut_out_cannot_be_invited_by_its_members():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut", scope=EVERYTHING)
    world.bring_in("hall", "barn")
    world.revoke("hall", "barn")
    world.bring_in("hut", "barn")
    assert note(world, "barn") == TurnedAway(world["hut"].key, "revoked")
    assert world.members("hut") == {"hall"}


def test_who_leaves_is_gone_everywhere_and_knows_nobody():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut")
    world.bring_in("hall", "barn")
    world.link_all()
    world.leave("hut")
    assert world.members("hut") == world.allowed("hut") == set()
    assert world.members("hall") == {"barn"}
    assert world.members("barn") == {"hall"}
    world.restart("hut")
    assert world.allowed("hut") == set()


def test_a_code_does_what_its_ticket_does():
    world = Federation("hall", "hut")
    code = read_code(code_of(world.invite("hall")))
    assert code.is_of(world["hall"].key)
    world.do(world["hut"], world["hut"].membership.join_by_code(code.secret, world["hall"].key, ()))
    assert world.members("hall") == {"hut"}
    assert world["hut"].membership.join_by_code(code.secret, world["hut"].key, ()) is Refusal.OWN


def test_codes_cannot_be_guessed_and_the_ticket_itself_still_works_meanwhile():
    world = Federation("hall", "hut")
    ticket = world.invite("hall")
    hall, right = world["hall"].membership, bytes((CODE_MARK,)) + read_code(code_of(ticket)).secret
    answers = [hall.present(world["hut"].key, bytes((CODE_MARK,)) + number.to_bytes(5), NOW, 0.0) for number in range(100)]
    assert answers.count(Refusal.UNKNOWN_CODE) == CODE_BURST
    assert hall.present(world["hut"].key, right, NOW, 0.0) is Refusal.TOO_MANY_TRIES
    assert hall.present(world["hut"].key, right, NOW + 3_600, 60.0) is Refusal.UNKNOWN_CODE
    assert isinstance(hall.present(world["hut"].key, encode(ticket), NOW, 0.0), list)


def test_a_code_is_of_no_use_once_its_ticket_is():
    world = Federation("hall", "hut")
    shown = bytes((CODE_MARK,)) + read_code(code_of(world.invite("hall"))).secret
    assert isinstance(world["hall"].membership.present(world["hut"].key, shown, NOW, 0.0), list)
    assert world["hall"].membership.present(b"x" * 32, shown, NOW, 0.0) is Refusal.UNKNOWN_CODE


def test_over_a_link_that_lets_guests_in_a_ticket_is_shown_as_a_message():
    world = Federation("hall", "hut")
    hall, hut = world["hall"], world["hut"]
    hall.links.add(hut.key)
    hut.links.add(hall.key)
    hall.membership.handle(Linked(hut.key), NOW, 0.0)
    hut.membership.handle(Linked(hall.key), NOW, 0.0)
    world.join("hut", world.invite("hall"))
    assert (world.members("hall"), world.members("hut")) == ({"hut"}, {"hall"})
    assert world["hall"].membership.hello_of(hut.key) == (None, ())
    world.join("hut", world.invite("hall"))
    assert note(world, "hut") == Joined(hall.key), "who is a member already is welcome again"


def test_a_stranger_on_a_link_is_told_and_believed_nothing():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "barn")
    hall, hut = world["hall"].membership, world["hut"]
    hall.handle(Linked(hut.key), NOW, 0.0)
    hut.membership.book.members[world["barn"].key] = replace(hall.book.members[world["barn"].key])
    before = hall.book.encode()
    for message in (wire.Leave(), Welcome(EVERYTHING, 0), wire.Have(()), wire.Refused("revoked")):
        assert hall.handle(Received(hut.key, wire.encode(message)), NOW, 0.0) == []
    (answer,) = hall.handle(Received(hut.key, wire.encode(Join(b"x"))), NOW, 0.0)
    assert wire.decode(answer.data) == wire.Refused("unknown_version")
    assert hall.book.encode() == before


def test_what_is_no_message_ends_the_link_and_a_flood_is_passed_over():
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut")
    hall, key = world["hall"].membership, world["hut"].key
    (closed,) = hall.handle(Received(key, b"nonsense"), NOW, 1_000.0)
    assert isinstance(closed, Close)
    answers = [hall.handle(Received(key, b"nonsense"), NOW, 2_000.0) for _ in range(int(RPC_BURST) + 50)]
    assert sum(map(bool, answers)) == RPC_BURST
    assert hall.counts.unused.total() == RPC_BURST + 50 + 1
    assert hall.handle(Received(b"x" * 32, b""), NOW, 2_000.0) == []


def test_members_say_who_they_are_and_what_they_can():
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut")
    hello, capabilities = world["hall"].membership.hello_of(world["hut"].key)
    assert (hello.software, capabilities) == ("meshgate test", ("history/1",))


def test_a_gateway_restored_from_an_old_backup_lets_nobody_back_in():
    world = Federation("hall", "hut", "barn", "shed")
    for name in ("hut", "barn"):
        world.bring_in("hall", name, scope=EVERYTHING)
    backup = world["hall"].kept
    world.revoke("hall", "barn")
    world.bring_in("hall", "shed")
    version = world["hall"].membership.book.version
    world.restart("hall", backup)
    assert world.members("hall") == {"hut", "barn"}, "the backup is from before"
    world.link("hall", "hut")
    assert world.members("hall") == {"hut"}
    assert world["hall"].membership.book.version > version
    assert "barn" not in world.members("hut")
    world.do(world["hall"], world["hall"].membership.pardon(world["barn"].key, NOW))
    assert world.members("hall") == {"hut"}, "a pardon is no ticket"


def test_two_full_lists_of_one_gateway_are_joined_to_one_that_fits():
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut", scope=EVERYTHING)
    hall = world["hall"].membership
    backup = world["hall"].kept
    others = [number.to_bytes(32) for number in range(2 * MAX_REVOKED)]
    hall.book.revoked = {key: Revoked(key, 1, NOW) for key in others[: MAX_REVOKED - 1]}
    assert world.revoke("hall", "hut") is None
    lost = hall.book.revoked
    world.restart("hall", backup)
    hall = world["hall"].membership
    hall.book.revoked = {key: Revoked(key, 2, NOW) for key in others[MAX_REVOKED:]}
    draft = Revocations(hall.own, 50, tuple(lost[key] for key in sorted(lost)))
    said = wire.ShutOut(replace(draft, signature=world["hall"].private.sign(signed_bytes(draft))))
    hall.handle(Linked(world["hut"].key), NOW, 0.0)
    hall.handle(Received(world["hut"].key, wire.encode(said)), NOW, 0.0)
    assert hall.book.revoked.keys() == lost.keys(), "those who were only pardoned make room"
    assert decode_book(hall.book.encode()).encode() == hall.book.encode()


def test_caps_hold():
    world = Federation("hall", "hut")
    hall = world["hall"].membership
    for _ in range(MAX_INVITATIONS):
        world.invite("hall")
    assert world.invite("hall") is Refusal.MEMORY_FULL
    world.unix = NOW + 3_600
    ticket = world.invite("hall", uses=16)
    assert len(hall.book.invitations) == 1
    for number in range(MAX_FEDERATION):
        if number % 16 == 0:
            ticket = world.invite("hall", uses=16)
        assert isinstance(hall.present(number.to_bytes(32), encode(ticket), world.unix, 0.0), list)
    last = world.invite("hall")
    assert hall.present(b"x" * 32, encode(last), world.unix, 0.0) is Refusal.FEDERATION_FULL
    assert len(hall.members(world.unix)) == MAX_FEDERATION + 1
    for number in range(MAX_JOINING):
        hall.join_by_code(b"12345", b"%032d" % number, ())
    assert hall.join_by_code(b"12345", b"x" * 32, ()) is Refusal.FEDERATION_FULL


def test_a_full_list_of_revocations_forgets_nobody():
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut")
    hall = world["hall"].membership
    for number in range(MAX_REVOKED - 1):
        hall.book.revoked[number.to_bytes(32)] = Revoked(number.to_bytes(32), 1, NOW)
    assert world.revoke("hall", "hut") is None
    assert hall.revoke(b"x" * 32, NOW) is Refusal.REVOCATIONS_FULL
    assert len(hall.book.revoked) == MAX_REVOKED
    assert world["hall"].membership.book.revoked[world["hut"].key].round == 1


def test_shutting_out_and_pardoning_again_and_again_ends_with_the_last_word():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "barn")
    for _ in range(3):
        world.bring_in("hall", "hut")
        assert world.members("barn") == {"hall", "hut"}
        world.revoke("hall", "hut")
        world.revoke("hall", "hut")
        assert world.members("barn") == {"hall"}
        for _ in range(2):
            world.do(world["hall"], world["hall"].membership.pardon(world["hut"].key, NOW))
    assert world["hall"].membership.book.revoked[world["hut"].key].round == 6


@pytest.mark.parametrize("kept", [b"", b"\x90", b"\x9a\x02" + bytes(9), b"\xc0"])
def test_a_book_that_cannot_be_read_is_refused_instead_of_begun_anew(kept):
    with pytest.raises(DecodeError):
        decode_book(kept)


def test_a_book_survives_whole():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut", scope=EVERYTHING)
    world.bring_in("hut", "barn")
    world.invite("hall", audience=b"x" * 32, until=NOW + DAY)
    world.revoke("hall", "barn")
    for name in ("hall", "hut", "barn"):
        kept = world[name].kept
        assert decode_book(kept).encode() == kept
    for end in range(0, len(kept), 7):
        with pytest.raises(DecodeError):
            decode_book(kept[:end])
    assert decode_book(world["hall"].kept).invitations.keys() == world["hall"].membership.book.invitations.keys()
    assert ORDINARY & ~EVERYTHING == 0


def test_whom_a_gateway_joined_is_called_again_after_a_restart_where_the_ticket_said():
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut", addresses=("/ip4/192.0.2.7/tcp/4001",))
    again = decode_book(world["hut"].kept)
    assert again.places == {world["hall"].key: ("/ip4/192.0.2.7/tcp/4001",)}
    world.restart("hut")
    assert Dial(world["hall"].key, ("/ip4/192.0.2.7/tcp/4001",), b"") in world["hut"].membership.start(NOW)
    assert world["hall"].key in world["hut"].links
    world.revoke("hut", "hall")
    assert decode_book(world["hut"].kept).places == {}


def test_guests_are_expected_while_a_ticket_is_out_and_while_a_used_one_could_be_shown_again():
    world = Federation("hall", "hut")
    hall = world["hall"].membership
    assert not hall.expects_guests(NOW)
    world.bring_in("hall", "hut", lifetime_s=60)
    assert hall.book.invitations == {}
    assert hall.expects_guests(NOW + 59)
    assert not hall.expects_guests(NOW + 60)
    assert not hall.expects_guests(None)


@pytest.mark.parametrize(
    ("scope", "answers"),
    [
        (ORDINARY, [HistoryAsked, StatusAsked]),
        (Scope.LINK | Scope.STATUS, [StatusAsked]),
        (Scope.LINK | Scope.HISTORY, [HistoryAsked]),
        (Scope.LINK, []),
    ],
)
def test_a_member_is_answered_as_far_as_its_rights_go(scope, answers):
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut", scope=scope)
    questions = (wire.AskHistory(5), wire.AskStatus())
    effects = [
        effect
        for question in questions
        for effect in world["hall"].membership.handle(Received(world["hut"].key, wire.encode(question)), NOW, 0.0)
    ]
    assert [type(effect) for effect in effects] == answers


def test_nobody_is_answered_that_is_no_member():
    world = Federation("hall", "hut")
    hall, stranger = world["hall"].membership, world["hut"].key
    hall.handle(Linked(stranger), NOW, 0.0)
    for question in (wire.AskHistory(0), wire.AskStatus(), wire.Status(1, 2, 3, 4)):
        assert hall.handle(Received(stranger, wire.encode(question)), NOW, 0.0) == []


def test_who_is_let_in_asks_for_what_it_missed():
    world = Federation("hall", "hut")
    world.bring_in("hall", "hut")
    assert any(isinstance(note, HistoryAsked) for note in world["hall"].asked)


def test_only_members_that_can_be_asked_are_asked_how_they_are():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut")
    world.bring_in("hall", "barn")
    hall = world["hall"].membership
    assert hall.ask_status() == []
    hall.handle(Received(world["barn"].key, wire.encode(CAPABILITIES)), NOW, 0.0)
    assert [effect.key for effect in hall.ask_status()] == [world["barn"].key]


def test_whom_a_member_that_counts_shuts_out_is_named_with_who_did():
    world = Federation("hall", "hut", "barn")
    world.bring_in("hall", "hut")
    world.bring_in("hall", "barn")
    world.revoke("hall", "hut")
    assert world["barn"].membership.shut_out(NOW) == {world["hut"].key: world["hall"].key}
    assert world["hall"].membership.shut_out(NOW) == {world["hut"].key: world["hall"].key}
