"""Board posts and prekeys reach other islands in open mode, late and after a restart too, and in consent mode they do not."""

import pytest

from gateway.bridge.engine import BridgeMode
from gateway.bridge.place import Place
from gateway.limits import HISTORY_LIFETIME_S, PREKEY_HISTORY_S
from gateway.mesh.events import Remember
from gateway.mesh.records import HistoryKept, KeyPinned
from gateway.wire.types import MessageType
from tests.bridge.sites import Site, Sites
from tests.mesh.nodes import Node, board, id_of, prekeys

DAY_S = 86_400.0


def kept(sites: Sites, name: str) -> set[bytes]:
    return {one.packet_id for one in sites[name].engine.mesh.kept(sites.now)}


def told(site: Site, kind: type) -> tuple:
    return tuple(notice for notice in site.notices if isinstance(notice, kind))


def posted(sites: Sites, name: str) -> set[bytes]:
    """Somebody near a site posts a notice for three days and leaves prekeys; returns their packet IDs."""
    ada = Node("ada", sites)
    frames = [ada.packet(MessageType.BOARD, board(ada, expires_s=3 * DAY_S)), ada.packet(MessageType.PREKEYS, prekeys(ada))]
    sites.radio(name, ada.announce())
    for frame in frames:
        sites.radio(name, frame)
    return set(map(id_of, frames))


def test_they_cross_when_they_are_said() -> None:
    sites = Sites("A", "B")
    sites.join("A", "B")
    ids = posted(sites, "A")
    assert kept(sites, "B") == ids


@pytest.mark.timeout(30)
def test_a_post_of_somebody_who_has_left_crosses_a_day_later() -> None:
    sites = Sites("A", "B")
    posted(sites, "A")
    sites.run(DAY_S)
    sites.join("A", "B")
    (post,) = sites["B"].engine.mesh.kept(sites.now)
    assert post.frame[1] == MessageType.BOARD  # nobody there can tell whose the prekeys are


def test_prekeys_cross_as_long_as_they_live_to_a_site_that_knows_their_owner() -> None:
    sites = Sites("A", "B")
    ids = posted(sites, "A")
    sites.radio("B", Node("ada", sites).announce())
    sites.run(HISTORY_LIFETIME_S + 3600)
    assert HISTORY_LIFETIME_S + 3600 < PREKEY_HISTORY_S
    sites.join("A", "B")
    assert kept(sites, "B") == ids


def test_after_a_restart_they_are_given_to_a_site_that_missed_them() -> None:
    sites = Sites("A")
    ids = posted(sites, "A")
    again = Sites("A", "B", identities={"A": sites["A"].engine.mesh.identity})
    again.radio("B", Node("ada", again).announce())
    again.give("A", Remember(told(sites["A"], HistoryKept), pins=told(sites["A"], KeyPinned)))
    again.join("A", "B")
    assert kept(again, "B") == ids


@pytest.mark.parametrize("mode", [BridgeMode.CONSENT, BridgeMode.OFF])
def test_in_consent_mode_they_stay_because_nobody_signed_them_for_the_bridge(mode: BridgeMode) -> None:
    sites = Sites("A", "B", mode=mode, place=Place("u4pruy"))
    sites.join("A", "B")
    posted(sites, "A")
    assert kept(sites, "B") == set()
