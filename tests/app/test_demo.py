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
