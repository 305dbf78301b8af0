"""A whole gateway whose bridge is open says so on the board of its island, as phones show it, and says it no more when it is closed.

In virtual time (tests.testing.virtual_loop).
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway import app
from gateway.assembly.announced import OPEN_MARK
from gateway.bridge.open import OPEN_NOTICE
from gateway.mesh.engine import Mesh
from gateway.store.audit import Actor
from gateway.testing.island import Island
from gateway.wire.board import BoardTombstone, decode_board
from gateway.wire.packet import payload_of, peek
from gateway.wire.types import MessageType
from tests.runtime.gateways import PHONES, Site, play
from tests.store.stores import opened
from tests.telemetry.world import VirtualTimeOfDay, wall

OPEN = ("bridge.mode=open",)
CONSENT = ("bridge.mode=consent", "bridge.cell=u4pruy")
A_WHILE = 60.0  # seconds


def shown(island: Island, phone: str) -> list[str]:
    """What a phone has on its board."""
    mesh = island.phones[phone].engine
    assert isinstance(mesh, Mesh)
    frames = [one.frame for one in mesh.kept(island.now) if one.frame[1] == MessageType.BOARD]
    notices = [decode_board(payload_of(frame, peek(frame))) for frame in frames]
    return [notice.content for notice in notices if not isinstance(notice, BoardTombstone)]


def names(island: Island, phone: str) -> set[str]:
    """What a phone calls those it hears."""
    mesh = island.phones[phone].engine
    assert isinstance(mesh, Mesh)
    return {peer.announce.nickname for peer in mesh.peers}


def audited(directory: Path) -> list[tuple[str, str, str]]:
    with opened(directory / "store.db") as store:
        return [(row.actor, row.action, row.detail) for row in reversed(store.audit.page(200))]


async def run(directory: Path, settings: Sequence[str], island: Island | None = None) -> Site:
    """Run a gateway for a while; the phones of the island go on."""
    site = Site(directory, lambda _effect, _now: None, lambda: True, *settings, island=island)
    await site.run_for(A_WHILE)
    return site


@pytest.mark.parametrize(("settings", "expected"), [(OPEN, [OPEN_NOTICE]), (CONSENT, []), (("bridge.mode=off",), [])])
def test_every_phone_shows_the_notice_once_while_the_bridge_is_open_and_not_otherwise(
    tmp_path: Path, settings: Sequence[str], expected: list[str]
) -> None:
    async def scene() -> None:
        site = await run(tmp_path, settings)
        assert [shown(site.island, phone) for phone in PHONES] == [expected] * len(PHONES)

    play(scene)


def test_after_a_restart_there_is_still_one_and_after_one_in_consent_mode_none(tmp_path: Path) -> None:
    async def scene() -> None:
        site = await run(tmp_path, OPEN)
        for _ in range(2):
            site = await run(tmp_path, OPEN, site.island)
            assert [shown(site.island, phone) for phone in PHONES] == [[OPEN_NOTICE]] * len(PHONES)
        await run(tmp_path, CONSENT, site.island)
        assert [shown(site.island, phone) for phone in PHONES] == [[]] * len(PHONES)

    play(scene)


def test_a_bridge_switched_off_takes_it_down_and_one_switched_on_puts_it_up_again_and_the_log_of_changes_has_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "TimeOfDay", VirtualTimeOfDay)  # whoever says something older than before is not believed

    async def scene() -> None:
        site = Site(tmp_path, lambda _effect, _now: None, lambda: True, *OPEN, wall=wall)
        running = asyncio.create_task(site.run_for(8 * A_WHILE))
        for on in (False, True):
            await asyncio.sleep(2 * A_WHILE)
            assert [shown(site.island, phone) for phone in PHONES] == [[] if on else [OPEN_NOTICE]] * len(PHONES)
            assert bool(site.gateway.status().bridge.notice) is not on
            await site.gateway.steering.switch_bridge(Actor.MQTT, on=on)
        await asyncio.sleep(2 * A_WHILE)
        assert [shown(site.island, phone) for phone in PHONES] == [[OPEN_NOTICE]] * len(PHONES)
        assert any(name.endswith(OPEN_MARK) for name in names(site.island, PHONES[0]))
        await running

    play(scene)
    assert audited(tmp_path) == [
        ("system", "gateway_started", "bridge open"),
        ("configuration", "bridge_opened", ""),
        ("mqtt", "bridge_switched", "off"),
        ("mqtt", "bridge_switched", "on"),
    ]


def test_in_consent_mode_nothing_says_that_the_bridge_is_open(tmp_path: Path) -> None:
    async def scene() -> None:
        site = await run(tmp_path, CONSENT)
        assert not site.gateway.status().bridge.notice
        assert not [name for name in names(site.island, PHONES[0]) if name.endswith(OPEN_MARK)]

    play(scene)
    assert audited(tmp_path) == [("system", "gateway_started", "bridge consent")]


def test_a_store_that_cannot_be_used_keeps_no_notice_down_and_the_log_says_that_the_bridge_is_open(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()  # whatever is there is no file

    async def scene() -> None:
        site = await run(tmp_path, OPEN)
        assert [shown(site.island, phone) for phone in PHONES] == [[OPEN_NOTICE]] * len(PHONES)
        assert [line for line in site.reports if line.startswith("The bridge is open, as the configuration says. This is not in the log")]

    play(scene)
