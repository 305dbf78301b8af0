"""A whole gateway whose bridge is open says so on the board of its island, as phones show it, and says it no more when it is closed."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.bridge.open import OPEN_NOTICE
from gateway.mesh.engine import Mesh
from gateway.testing.island import Island
from gateway.wire.board import BoardTombstone, decode_board
from gateway.wire.packet import payload_of, peek
from gateway.wire.types import MessageType
from tests.runtime.gateways import PHONES, Site, play

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
