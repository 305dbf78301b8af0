"""The demo, as everybody's first command."""

import json

import pytest

from tests.app.processes import meshgate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def demo(*arguments: object) -> tuple[int | None, dict]:
    async with meshgate("demo", "--json", *arguments) as process:
        out, err = await process.communicate()
    assert process.returncode is not None, err.decode()
    return process.returncode, json.loads(out)


async def test_a_minute_of_talk_loses_nothing_and_repeats_nothing() -> None:
    code, result = await demo("--seconds", 60)
    assert code == 0
    assert result["lost"] == result["duplicates"] == 0
    assert result["sent"] == result["delivered"] > 100
    assert result["private"]["sent"] == result["private"]["delivered"] > 10
    assert set(result) >= {"sent", "delivered", "lost", "duplicates", "latency_ms", "private", "transports"}
    assert set(result["latency_ms"]) == {"p50", "p99"}
    for island in result["transports"].values():
        assert island["crossed_out"] > 0
        assert island["crossed_in"] > 0


async def test_a_minute_of_talk_survives_the_killing_of_a_libp2p_process() -> None:
    code, result = await demo("--seconds", 60, "--kill-node")
    assert code == 0
    assert result["killed_nodes"] == 1
    assert result["lost"] == result["duplicates"] == 0
    assert result["private"]["sent"] == result["private"]["delivered"] > 10
    assert sum(island["restarts"] for island in result["transports"].values()) == 1


async def test_half_a_minute_of_talk_over_websocket_loses_nothing_and_repeats_nothing() -> None:
    code, result = await demo("--transport", "websocket", "--seconds", 30)
    assert code == 0
    assert result["lost"] == result["duplicates"] == result["order"]["overtaken"] == 0
    assert result["sent"] == result["delivered"] > 50
    for island in result["transports"].values():
        assert island["frames_out"] > 0
        assert "restarts" not in island  # there is no libp2p process


async def test_the_talk_moves_to_websocket_when_libp2p_is_gone_for_good_and_back_when_it_returns() -> None:
    code, result = await demo("--failover", "--seconds", 60)
    assert result["failover"]["moved_s"] <= 10
    assert result["failover"]["returned_s"] is not None
    assert result["lost"] == result["duplicates"] == result["order"]["overtaken"] == 0
    assert result["sent"] == result["delivered"] > 100
    assert code == 0
    for island in result["transports"].values():
        assert island["websocket"]["frames_out"] > 20  # what was said meanwhile
        assert island["libp2p"]["links_up"] == 2
