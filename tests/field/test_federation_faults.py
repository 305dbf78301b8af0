"""What went wrong with tickets, credits and routers before this one, each as a test that would have caught it.

The doc of a test names the fault and where it was.
"""

import inspect
from dataclasses import replace
from hashlib import sha256

import pytest

from gateway.bridge import membership, policy, tickets
from gateway.bridge.allowances import Allowances
from gateway.bridge.credits import Credits
from gateway.bridge.policy import BUILT_IN, Action, Per, Policy, Rule, decide
from gateway.bridge.tickets import Refusal, UsedTickets, examine
from gateway.limits import MAX_CREDIT_ORIGINS, MAX_POLICY_BUCKETS, MAX_SITES, MAX_USED_TICKETS
from gateway.wire.ticket import EVERYTHING, Scope, signed_bytes
from tests.bridge.federation import NOW, Federation
from tests.bridge.packets import facts


class TestTickets:
    """AIVillage betanet/access_tickets.py."""

    @pytest.mark.parametrize("constant", [b"", b"betanet", b"access_ticket", b"secret"])
    def test_a_ticket_signed_with_a_hash_is_forged(self, constant: bytes) -> None:
        """Its check fell through to SHA-256 of the data and a constant, which anybody can make."""
        world = Federation("hall")
        ticket = world.invite("hall")
        digest = sha256(signed_bytes(ticket) + constant).digest()
        for signature in (digest * 2, digest + bytes(32), bytes(64)):
            forged = replace(ticket, signature=signature)
            assert examine(forged, b"b" * 32, {ticket.issuer: EVERYTHING}, Scope.LINK, NOW) is Refusal.FORGED

    @pytest.mark.parametrize("module", [tickets, membership, policy])
    def test_what_is_offered_exists(self, module: object) -> None:
        """Its package exported a manager that did not exist and became None."""
        named = [name for name, value in vars(module).items() if not name.startswith("_") and value is None]
        assert named == []
        assert inspect.isclass(tickets.UsedTickets)

    def test_used_tickets_do_not_grow_without_bound(self) -> None:
        """Its stores had no cap."""
        world, used = Federation("hall"), UsedTickets()
        ticket = world.invite("hall")
        for number in range(MAX_USED_TICKETS + 50):
            used.use(replace(ticket, nonce=number.to_bytes(16)), b"b" * 32, NOW)
        assert len(used) == MAX_USED_TICKETS


class TestMembers:
    """AIVillage communications/protocol.py, and brokers with one password for everybody."""

    def test_knowing_two_names_lets_nobody_in(self) -> None:
        """Its key was a hash of both names, so whoever knew them could read everything."""
        world = Federation("hall", "hut")
        hall, hut = world["hall"], world["hut"]
        for shown in (sha256(hall.key + hut.key).digest(), hall.key + hut.key, hut.key, b""):
            assert isinstance(hall.membership.present(hut.key, shown, NOW, 0.0), Refusal)

    def test_a_restart_neither_loses_members_nor_brings_back_who_was_shut_out(self) -> None:
        """Its queue was stored in one form and read in another: after a restart, nothing was left."""
        world = Federation("hall", "hut", "barn")
        for name in ("hut", "barn"):
            world.bring_in("hall", name)
        world.revoke("hall", "barn")
        world.restart("hall")
        assert world.allowed("hall") == {"hut"}


class TestCredits:
    """AIVillage credit_manager.py, and a chunk store that never forgot."""

    def test_inventing_senders_and_sites_fills_nothing(self) -> None:
        """The chunk store of its transport manager kept everything of everybody for ever."""
        ledger = Credits(250.0)
        for number in range(3_000):
            ledger.admit(number.to_bytes(8), b"a", 0.001, 0.0)
            ledger.admit(b"", number.to_bytes(8), 0.001, 0.0)
        assert len(ledger.status(0.0)) <= 2 * (MAX_SITES + 2) + MAX_CREDIT_ORIGINS + 1

    def test_nothing_outside_is_needed_to_earn(self) -> None:
        """Its credits needed a wallet and a database server."""
        ledger = Credits(250.0)
        ledger.earn(b"", 100.0, 0.0)
        assert ledger.status(0.0)[0].headroom_ms > 0


class TestRouter:
    """AIVillage message_router.py and transport_manager.py."""

    def test_a_decision_says_which_rule_made_it(self) -> None:
        """Its router was a dictionary and a call; nobody could tell why a message went anywhere."""
        verdict = decide(facts(), Policy(Action.ALLOW, (Rule("quiet", Action.DENY),)))
        assert (verdict.rule, '"quiet"' in verdict.sentence) == ("quiet", True)
        assert decide(facts(), BUILT_IN).rule == "default"

    def test_limits_on_invented_senders_fill_nothing(self) -> None:
        """Per-sender state without a cap."""
        limit = policy.Limit(1, 1_000, Per.ORIGIN)
        rules = Policy(Action.DENY, (Rule("slow", Action.LIMIT, limit=limit),))
        allowances = Allowances()
        for number in range(MAX_POLICY_BUCKETS + 2_000):
            allowances.admit(decide(facts(), rules), facts(), number.to_bytes(8), 0.0)
        assert len(allowances) <= MAX_POLICY_BUCKETS + 1
