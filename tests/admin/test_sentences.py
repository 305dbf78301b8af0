"""Every decision there can be is a sentence a person understands."""

import pytest

from gateway.admin.sentences import REASONS, STAYS, sentence_of, short
from gateway.errors import Reason
from gateway.mesh.records import ASKED_ABOUT, Verb
from gateway.store.decisions import Decision
from gateway.wire.types import type_name
from transports.nostr.protocol import Word

SITE = "af0c21fc3eb7138d"
IDENTITY = "12D3KooWBtfsk3rTBqgALqPDKN7pgxow3GvKiRdFyoK2L4mZ6LZQ"


def said(verb: str, hop: str = "radio", rule: str = "", reason: str = "", detail: str = "", **names: str) -> str:
    return sentence_of(Decision("aabb", 0, hop, verb, rule, reason, detail), names)


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("detail", ["", "seconds", "message 101 bytes ttl 7 seconds 0.3", "links 2"])
def test_whatever_was_noted_it_becomes_one_sentence_or_two(verb: Verb, detail: str) -> None:
    sentence = said(verb, detail=detail, reason=Reason.SIGNATURE)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert ".." not in sentence


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words_that_end_a_sentence(reason: Reason) -> None:
    words = REASONS[reason]
    assert words[0].islower()
    assert not words.endswith(".")
    assert said(Verb.REFUSED, SITE, reason=reason) == f"Not taken from site {SITE}: {words}."


@pytest.mark.parametrize("kind", sorted(ASKED_ABOUT))
def test_every_type_somebody_can_ask_about_has_a_name_in_words(kind: int) -> None:
    assert type_name(kind) == "message" or type_name(kind) not in said(Verb.HEARD, detail=f"{type_name(kind)} 9 bytes ttl 1")


@pytest.mark.parametrize("rule", sorted(STAYS))
def test_every_rule_by_which_something_stays_is_told_where_it_was_heard_and_where_it_stayed(rule: str) -> None:
    assert STAYS[rule] in said(Verb.STAYED, rule=rule)
    assert "No other site" in said(Verb.HEARD, rule=rule) or STAYS[rule] in said(Verb.HEARD, rule=rule)


def test_the_usual_ones_read_well() -> None:
    shape = "message 101 bytes ttl 1"
    assert (
        said(Verb.HEARD, "ble", "verified", detail=shape)
        == "Heard on the radio: a public message, 101 bytes, 1 hop left, and its signature holds."
    )
    assert said(Verb.HEARD, rule="sealed", detail="noiseEncrypted 90 bytes ttl 6").endswith(
        "something sealed for one person, 90 bytes, 6 hops left."
    )
    assert said(Verb.SENT, SITE, "open", **{SITE: "Hut"}) == "Sent to Hut, because the bridge is open."
    assert said(Verb.SENT, "", "open", detail="sites 3") == "Sent to 3 more sites, because the bridge is open."
    assert said(Verb.ACKNOWLEDGED, IDENTITY, detail="seconds 0.041") == "Acknowledged by site 12D3KooW…mZ6LZQ, 0.041 s after it was sent."
    assert said(Verb.ON_AIR, detail="links 1") == "Put on the radio, over 1 link."
    assert said(Verb.ON_AIR, detail="links 0") == "Nobody was linked over the radio to take it."
    assert said(Verb.ARRIVED, SITE, detail=shape + " seconds 0.3").endswith("That was 0.3 s after it set out, if both clocks are right.")
    assert said(Verb.DROPPED, SITE, reason="queue_full") == f"Given up for site {SITE}: too much was waiting already."
    assert said(Verb.ROUTE, "", detail="there is no link left") == "Not reached any more: there is no link left."


def test_the_way_of_a_letter_reads_well() -> None:
    shape = "courierEnvelope 240 bytes ttl 0"
    assert said(Verb.HELD, "", "phone", detail=shape).startswith(
        "A phone near here left it, for somebody who is away: courier mail, 240 bytes."
    )
    assert said(Verb.HELD, SITE, "site", detail=shape, **{SITE: "Hut"}).startswith("Hut gave it to us, for somebody who is away")
    assert said(Verb.COPIED, detail="copies 2") == "2 copies were given to a phone that carries mail."
    assert "which is hops away" in said(Verb.COPIED, rule="towards")
    assert said(Verb.SENT, SITE, "mail") == f"Sent to site {SITE}, because the person it is for was announced there."
    assert said(Verb.DELIVERED, "radio", "mail") == said(Verb.DELIVERED) == "The phone it was for has it."
    assert said(Verb.DELIVERED, SITE, "mail") == f"Delivered by site {SITE}, so it is kept here no more."
    assert said(Verb.REFUSED, SITE, "theirs") == f"Not taken by site {SITE}."
    assert said(Verb.DROPPED, "", "mail", Reason.EXPIRED) == "Given up: it is too old."


def test_a_row_of_a_newer_version_is_shown_as_far_as_it_goes() -> None:
    assert said("beamed", SITE) == f"beamed site {SITE}."


def test_long_identities_are_shortened_where_they_differ() -> None:
    assert short(SITE) == SITE
    assert short(IDENTITY) == "12D3KooW…mZ6LZQ"


def test_what_relays_did_reads_well() -> None:
    at = "relay relay.example"
    assert said(Verb.SENT, "nostr", "consent", detail=at) == "Sent to the relay relay.example, because its author signed it for the bridge."
    assert said(Verb.SENT, "nostr", "consent", detail="relay sites.example").startswith("Sent to the relay sites.example,")
    assert (
        said(Verb.ACKNOWLEDGED, "nostr", detail=f"{at} seconds 0.3") == "Acknowledged by the relay relay.example, 0.3 s after it was sent."
    )
    assert said(Verb.REJECTED, "nostr", "blocked", detail=at) == "Refused by the relay relay.example: it does not serve the author."
    assert said(Verb.LOST, "nostr", detail=at) == "Given up: the relay relay.example does not say whether it took it."
    assert said(Verb.DROPPED, "nostr", reason="expired") == "Given up for the Nostr relays: it is too old."
    assert said(Verb.ARRIVED, "nostr", "consent") == "Arrived from a Nostr relay, signed by its author for the bridge."
    assert said(Verb.REFUSED, "nostr", reason="signature", detail=at).startswith("Not taken from the relay relay.example: ")


@pytest.mark.parametrize("word", Word)
def test_every_word_of_a_relay_has_words_of_ours(word: Word) -> None:
    sentence = said(Verb.REJECTED, "nostr", word.value, detail="relay relay.example")
    assert sentence.startswith("Refused by the relay relay.example: it ")
    assert (word is Word.OTHER) == sentence.endswith("it does not say why.")


def test_what_is_no_longer_offered_is_told() -> None:
    assert said(Verb.DROPPED, "", "shelf", "expired") == "No longer offered to sites that lack it: it is too old."


def test_the_operators_rules_are_told_by_their_names() -> None:
    assert said(Verb.STAYED, SITE, "no files", Reason.POLICY) == f'Not sent to site {SITE}: the rule "no files" forbids it.'
    assert said(Verb.STAYED, "", "no files", Reason.POLICY, "sites 3") == 'Not sent to 3 more sites: the rule "no files" forbids it.'
    assert said(Verb.REFUSED, SITE, "slowly", Reason.POLICY_LIMIT, **{SITE: "Hut"}) == (
        'Not taken from Hut: the limit of the rule "slowly" is used up for now.'
    )
    assert said(Verb.STAYED, SITE, "default", Reason.POLICY).endswith("no rule of the policy fits it, and then nothing crosses.")
    assert said(Verb.STAYED, reason=Reason.AIR_TIME) == "Sent to no site: its share of the radio's air time is used up."
