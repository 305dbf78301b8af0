from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.transports.libp2p_rigs import PATIENCE, configs, transport
from transports.conformance import CHECKS, Bench, Check, Witness, cancellation_leaves_nothing, comes_up_only_after_a_round_trip
from transports.link import Transport

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

NEED_THEIR_OWN = (comes_up_only_after_a_round_trip, cancellation_leaves_nothing)


class _SharedBench(Bench):
    """Hands out one pair again and again, because its children take seconds to start."""

    pair: tuple[Witness, Witness]

    @asynccontextmanager
    async def linked(self) -> AsyncIterator[tuple[Witness, Witness]]:
        for witness in self.pair:
            await witness.until(lambda: witness.up, "LinkUp")  # noqa: B023 - awaited here
            witness.clear()
        yield self.pair
        for witness in self.pair:
            witness.check()


def bench_in(folder: Path, kind: type[Bench]) -> Bench:
    def make() -> tuple[Transport, Transport]:
        left, right = configs(folder)
        return transport(left), transport(right)

    return kind(make, patience_s=PATIENCE, quiet_s=2.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    bench = bench_in(tmp_path_factory.mktemp("shared"), _SharedBench)
    async with Bench(bench.make, bench.patience_s).linked() as pair:
        object.__setattr__(bench, "pair", pair)
        yield bench


@pytest.mark.parametrize("check", [check for check in CHECKS if check not in NEED_THEIR_OWN], ids=lambda check: check.__name__)
async def test_libp2p_conforms(check: Check, shared: Bench) -> None:
    await check(shared)


@pytest.mark.parametrize("check", NEED_THEIR_OWN, ids=lambda check: check.__name__)
async def test_libp2p_conforms_from_start_to_stop(check: Check, tmp_path: Path) -> None:
    await check(bench_in(tmp_path, Bench))
