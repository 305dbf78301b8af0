"""What the bridge tells about each packet, so that somebody can ask why; and what it never tells."""

import pytest

from gateway.bridge.engine import BridgeMode
from gateway.bridge.place import Place
from gateway.errors import Reason
from gateway.limits import MAX_DOWN_PENDING, MAX_QUEUED_PER_DEPOSITOR, MAX_SITES_TOLD, ORIGIN_BURST
from gateway.mesh.records import Decided, Judged, Verb
from gateway.wire.carrier import Direction
from gateway.wire.nostr import stable_message_id
from gateway.wire.packet import packet_id, peek
from gateway.wire.types import MessageType
from tests.bridge.islands import CELL, TURN_S, copy_packet, enveloped, introduced, islands, joined
from tests.bridge.sites import EPOCH, Author, Site, Sites, known_identities

TEXT = "meet me at the old mill"
NAME = "Ada Lovelace"


def id_of(frame: bytes) -> bytes:
    return packet_id(frame, peek(frame))


def told(site: Site, subject: bytes) -> list[Decided]:
    """What a site told about one ID, other names left out."""
    return [one for one in site.notices if isinstance(one, Decided) and one.subject == subject and one.verb is not Verb.KNOWN_AS]


def verbs(site: Site, subject: bytes) -> list[Verb]:
    return [one.verb for one in told(site, subject)]


def names(site: Site, subject: bytes) -> set[bytes | str]:
    return {one.detail for one in site.notices if isinstance(one, Decided) and one.subject == subject and one.verb is Verb.KNOWN_AS}


def verdicts(site: Site) -> list[tuple[bytes, str]]:
    return [(one.packet_id, one.verdict) for one in site.notices if isinstance(one, Judged)]


def author(sites: Sites, name: str = "A") -> Author:
    """Somebody whose announce a gateway has heard."""
    ada = Author(next(iter(known_identities().values())), int((EPOCH + sites.now) * 1000))
    sites.radio(name, ada.announce(NAME))
    return ada


class TestOpenMode:
    """Packets cross as they are."""

    def test_a_message_is_heard_sent_arrives_and_goes_on_the_air_under_one_id(self) -> None:
        sites = Sites("A", "B")
        sites.join("A", "B")
        ada = author(sites)
        said = ada.say(TEXT)
        sites.radio("A", said)
        heard, sent = told(sites["A"], id_of(said))
        arrived, on_air = told(sites["B"], id_of(said))
        assert (heard.verb, heard.hop, heard.rule) == (Verb.HEARD, "radio:phone", "verified")
        assert heard.detail == f"message {len(said)} bytes ttl 7"
        assert (sent.verb, sent.hop, sent.rule) == (Verb.SENT, sites["B"].engine.site_id, "open")
        assert (arrived.verb, arrived.hop) == (Verb.ARRIVED, sites["A"].engine.site_id)
        assert (on_air.verb, on_air.detail) == (Verb.ON_AIR, "links 1")
        assert verdicts(sites["A"]) == verdicts(sites["B"]) == [(id_of(said), "crossed")]

    def test_the_id_phones_know_it_by_leads_there(self) -> None:
        sites = Sites("A")
        ada = author(sites)
        said = ada.say(TEXT)
        sites.radio("A", said)
        name = bytes.fromhex(stable_message_id(ada.identity.peer_id, ada.now_ms, TEXT))
        assert names(sites["A"], name) == {id_of(said)}
        assert names(sites["A"], id_of(said)) == {name}

    def test_where_no_site_is_linked_it_stays_and_is_sent_as_missed_later(self) -> None:
        sites = Sites("A", "B")
        ada = author(sites)
        said = ada.say(TEXT)
        sites.radio("A", said)
        sites.join("A", "B")
        assert [(one.verb, one.rule) for one in told(sites["A"], id_of(said))] == [(Verb.HEARD, "no_site"), (Verb.SENT, "missed")]

    def test_a_site_in_between_says_that_it_passed_it_on(self) -> None:
        sites = Sites("A", "B", "C")
        sites.join("A", "B")
        sites.join("B", "C")
        said = author(sites).say(TEXT)
        sites.radio("A", said)
        passed = told(sites["B"], id_of(said))[-1]
        assert (passed.verb, passed.hop, passed.rule) == (Verb.SENT, sites["C"].engine.site_id, "passed_on")

    def test_what_is_too_old_for_the_air_is_said_to_be_kept(self) -> None:
        sites = Sites("A", "B")
        ada = author(sites)
        said = ada.say(TEXT)
        sites.radio("A", said)
        sites.run(300)
        ada.now_ms = int((EPOCH + sites.now) * 1000)
        sites.radio("A", ada.announce())
        sites.join("A", "B")
        assert verbs(sites["B"], id_of(said)) == [Verb.ARRIVED, Verb.KEPT]

    def test_a_packet_for_somebody_nobody_knows_stays_with_the_reason(self) -> None:
        sites = Sites("A", "B")
        sites.join("A", "B")
        ada = author(sites)
        sealed = ada.bare(MessageType.NOISE_ENCRYPTED, b"sealed", b"nobody--")
        sites.radio("A", sealed)
        heard, stayed = told(sites["A"], id_of(sealed))
        assert heard.rule == "sealed"
        assert (stayed.verb, stayed.reason) == (Verb.STAYED, Reason.UNKNOWN_RECIPIENT)
        assert verdicts(sites["A"]) == [(id_of(sealed), "unknown_recipient")]

    def test_a_budget_that_is_used_up_is_told(self) -> None:
        sites = Sites("A", "B")
        sites.join("A", "B")
        ada = author(sites)
        for number in range(int(ORIGIN_BURST) + 1):
            last = ada.bare(MessageType.NOISE_ENCRYPTED, bytes([number]), b"nobody--")
            sites.radio("A", last)
        assert told(sites["A"], id_of(last))[-1].reason is Reason.BUDGET

    def test_what_every_site_has_is_said_to_be_lacked_by_nobody(self) -> None:
        sites = Sites("A", "B")
        sites.join("A", "B")
        ada = author(sites)
        said = ada.say(TEXT)
        sites["A"].engine.provenance.add(id_of(said), [sites["B"].engine.site_id], sites.now)
        sites.radio("A", said)
        assert [(one.verb, one.rule) for one in told(sites["A"], id_of(said))][-1] == (Verb.STAYED, "nobody_lacks_it")

    def test_of_many_sites_so_many_are_named_and_the_rest_counted(self) -> None:
        others = [f"S{number}" for number in range(MAX_SITES_TOLD + 3)]
        sites = Sites("A", *others)
        for other in others:
            sites.join("A", other)
        said = author(sites).say(TEXT)
        sites.radio("A", said)
        sent = [one for one in told(sites["A"], id_of(said)) if one.verb is Verb.SENT]
        assert len(sent) == MAX_SITES_TOLD + 1
        assert (sent[-1].hop, sent[-1].detail) == ("", "sites 3")

    def test_a_site_whose_bridge_is_off_tells_that_it_did_not_take_it(self) -> None:
        sites = Sites("A", "B")
        sites.join("A", "B")
        sites["B"].engine.mode = BridgeMode.OFF
        said = author(sites).say(TEXT)
        sites.radio("A", said)
        (refused,) = told(sites["B"], id_of(said))
        assert (refused.verb, refused.hop, refused.reason) == (Verb.REFUSED, sites["A"].engine.site_id, Reason.BRIDGE_OFF)
        assert verdicts(sites["B"]) == [(id_of(said), "bridge_off")]


@pytest.mark.parametrize(
    ("mode", "place", "rule"),
    [
        (BridgeMode.OFF, Place(), Reason.BRIDGE_OFF),
        (BridgeMode.CONSENT, Place(), "no_cell"),
        (BridgeMode.CONSENT, Place(CELL), Reason.NO_CONSENT),
    ],
)
def test_a_message_that_stays_says_why(mode: BridgeMode, place: Place, rule: str) -> None:
    sites = Sites("A", "B", mode=mode, place=place)
    sites.join("A", "B")
    said = author(sites).say(TEXT)
    sites.radio("A", said)
    assert [(one.verb, one.rule) for one in told(sites["A"], id_of(said))] == [(Verb.HEARD, rule)]
    assert verdicts(sites["A"]) == [(id_of(said), str(rule))]


class TestConsentMode:
    """Events cross that were handed in."""

    def test_the_way_of_an_event_from_the_deposit_to_the_far_radio(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, TEXT)
        packet = ada.deposit(sites, "A", event)
        sites.run(TURN_S)
        name = bytes.fromhex(event.event_id)[:16]
        assert verbs(sites["A"], id_of(packet)) == [Verb.HEARD]
        assert names(sites["A"], id_of(packet)) == {name}
        assert [(one.verb, one.rule) for one in told(sites["A"], name)] == [(Verb.DEPOSITED, "consent"), (Verb.SENT, "consent")]
        assert verbs(sites["B"], name) == [Verb.ARRIVED, Verb.WAITING, Verb.PUT_DOWN]
        assert id_of(next(frame for frame in sites["B"].air if frame[1] == MessageType.NOSTR_CARRIER)) in names(sites["B"], name)
        hint = bytes.fromhex(event.tag("m")[0])
        assert hint in names(sites["A"], name)
        assert hint in names(sites["B"], name)
        assert verdicts(sites["A"]) == verdicts(sites["B"]) == [(name, "crossed")]

    def test_a_deposit_that_is_refused_says_why(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        packet = ada.deposit(sites, "A", ada.copy(sites, TEXT, age=1_000))
        assert [(one.verb, one.reason) for one in told(sites["A"], id_of(packet))] == [(Verb.HEARD, None), (Verb.REFUSED, Reason.EXPIRED)]
        sites["A"].engine.mode = BridgeMode.OPEN
        packet = ada.deposit(sites, "A", ada.copy(sites, TEXT))
        assert told(sites["A"], id_of(packet))[-1].reason is Reason.BRIDGE_OFF

    def test_a_deposit_waits_for_a_site_and_the_one_too_many_is_dropped(self) -> None:
        sites = islands("A")
        ada = introduced(sites, "A", 1)
        events = [ada.copy(sites, f"{number} {TEXT}") for number in range(MAX_QUEUED_PER_DEPOSITOR + 1)]
        for event in events:
            ada.deposit(sites, "A", event)
        first, last = (bytes.fromhex(event.event_id)[:16] for event in (events[0], events[-1]))
        assert verbs(sites["A"], first) == [Verb.DEPOSITED, Verb.WAITING]
        assert [(one.verb, one.reason) for one in told(sites["A"], last)] == [
            (Verb.DEPOSITED, None),
            (Verb.DROPPED, Reason.QUEUE_FULL),
        ]
        assert told(sites["A"], first)[-1].rule == "no_site"

    def test_a_deposit_that_waited_in_vain_is_said_to_be_too_old(self) -> None:
        sites = islands("A", "B")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, TEXT)
        ada.deposit(sites, "A", event)
        sites.run(1_000)
        sites.join("A", "B")
        last = told(sites["A"], bytes.fromhex(event.event_id)[:16])[-1]
        assert (last.verb, last.reason) == (Verb.DROPPED, Reason.EXPIRED)

    def test_another_gateway_that_is_quicker_is_told_of(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, TEXT)
        sites.from_site("A", "B", enveloped(event, b"somebody"))
        sites.radio("A", copy_packet(ada.packets, event))
        assert verbs(sites["A"], bytes.fromhex(event.event_id)[:16]) == [Verb.ARRIVED, Verb.WAITING, Verb.LEFT_TO_OTHERS]

    def test_an_original_that_is_here_makes_the_copy_needless(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        sites.radio("A", ada.packets.say(TEXT))
        event = ada.events.message(CELL, ada.peer_id, ada.packets.now_ms, TEXT, bytes(32))
        sites.from_site("A", "B", enveloped(event, b"somebody"))
        assert verbs(sites["A"], bytes.fromhex(event.event_id)[:16]) == [Verb.ARRIVED, Verb.ALREADY_HERE]

    def test_a_channel_that_is_not_served_is_named_as_the_reason(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        event = ada.events.channel_message("9q8yy", EPOCH, TEXT, bytes(32))
        sites.from_site("A", "B", enveloped(event, b"somebody", way=Direction.TO_GATEWAY, cell="9q8yy"))
        assert verbs(sites["A"], bytes.fromhex(event.event_id)[:16]) == [Verb.ARRIVED, Verb.NOT_SERVED]

    def test_more_than_may_wait_for_the_radio_is_dropped_with_the_reason(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        events = [ada.copy(sites, f"{number} {TEXT}") for number in range(MAX_DOWN_PENDING + 1)]
        for event in events:
            sites.from_site("A", "B", enveloped(event, b"somebody"))
        last = told(sites["A"], bytes.fromhex(events[0].event_id)[:16])[-1]
        assert (last.verb, last.reason) == (Verb.DROPPED, Reason.QUEUE_FULL)

    def test_what_a_site_brings_wrongly_is_refused_with_the_reason_and_a_copy_is_not_told_of_again(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        event, late = ada.copy(sites, TEXT), ada.copy(sites, TEXT, age=1_000)
        for one in (event, event, late):
            sites.from_site("A", "B", enveloped(one, b"somebody"))
        assert verbs(sites["A"], bytes.fromhex(event.event_id)[:16]) == [Verb.ARRIVED, Verb.WAITING]
        (refused,) = told(sites["A"], bytes.fromhex(late.event_id)[:16])
        assert (refused.verb, refused.hop, refused.reason) == (Verb.REFUSED, b"somebody", Reason.EXPIRED)

    def test_a_presence_is_nothing_to_ask_about(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        before = len(sites["A"].notices)
        ada.deposit(sites, "A", ada.events.presence(CELL, EPOCH, bytes(32)))
        assert not [one for one in sites["A"].notices[before:] if isinstance(one, Decided | Judged)]
        assert not [one for one in sites["B"].notices if isinstance(one, Decided | Judged)]


class TestTheMesh:
    """What the radio brings and is not taken."""

    def test_a_forged_message_is_refused_once_and_said_to_be_passed_on(self) -> None:
        sites = Sites("A")
        said = author(sites).say(TEXT)
        forged = said[:-1] + bytes((said[-1] ^ 1,))
        sites.radio("A", forged)
        (refused,) = told(sites["A"], id_of(said))
        assert (refused.verb, refused.rule, refused.reason) == (Verb.REFUSED, "relay", Reason.SIGNATURE)
        sites.radio("A", forged)
        sites.radio("A", said)
        assert verbs(sites["A"], id_of(said)) == [Verb.REFUSED, Verb.HEARD]

    def test_a_message_of_another_time_is_refused_before_its_signature_is_looked_at(self) -> None:
        sites = Sites("A")
        ada = author(sites)
        ada.now_ms -= 500_000
        late = ada.say(TEXT)
        sites.radio("A", late)
        (refused,) = told(sites["A"], id_of(late))
        assert (refused.rule, refused.reason) == ("", Reason.WINDOW)

    def test_announces_copies_and_our_own_are_not_told_of(self) -> None:
        sites = Sites("A")
        ada = author(sites)
        said = ada.say(TEXT)
        sites.radio("A", said)
        before = [one for one in sites["A"].notices if isinstance(one, Decided | Judged)]
        broken = ada.announce()
        for frame in (said, said, ada.announce(), broken[:-1] + b"\0", sites["A"].air[0]):
            sites.radio("A", frame)
        assert [one for one in sites["A"].notices if isinstance(one, Decided | Judged)] == before


def test_neither_texts_nor_nicknames_nor_peer_ids_of_people_are_ever_told() -> None:
    everything: list[Decided] = []
    peers: set[bytes] = set()
    for sites in (Sites("A", "B"), joined("AB")):
        if len(sites["A"].links) == 0:
            sites.join("A", "B")
        ada = introduced(sites, "A", 1)
        open_ada = author(sites)
        peers |= {ada.peer_id, open_ada.identity.peer_id}
        sites.radio("A", open_ada.say(TEXT))
        sites.radio("A", open_ada.bare(MessageType.NOISE_ENCRYPTED, b"sealed", ada.peer_id))
        event = ada.copy(sites, TEXT)
        ada.deposit(sites, "A", event)
        ada.deposit(sites, "A", ada.copy(sites, TEXT, age=1_000))
        sites.run(TURN_S)
        everything += [one for site in sites.sites.values() for one in site.notices if isinstance(one, Decided)]
    assert len(everything) > 20
    for one in everything:
        hop = one.hop.hex() if isinstance(one.hop, bytes) else one.hop
        detail = one.detail.hex() if isinstance(one.detail, bytes) else one.detail
        subject = one.subject.hex() if isinstance(one.subject, bytes) else one.subject
        line = f"{hop} {detail} {subject} {one.rule}"
        for private in (TEXT, NAME, "phone 1", *(peer.hex() for peer in peers)):
            assert private not in line
