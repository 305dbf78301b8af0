import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.transports.libp2p_rigs import PATIENCE, configs, transport
from transports.conformance import CHECKS, Bench, Check, cancellation_leaves_nothing
from transports.link import Transport

# All but one run side by side, because most of their time is the children's import; that one counts tasks.
SIDE_BY_SIDE = [check for check in CHECKS if check is not cancellation_leaves_nothing]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("checks", [SIDE_BY_SIDE, [cancellation_leaves_nothing]], ids=["most", "cancellation"])
async def test_libp2p_conforms(checks: Sequence[Check], tmp_path: Path) -> None:
    def make() -> tuple[Transport, Transport]:
        left, right = configs(tmp_path)
        return transport(left), transport(right)

    bench = Bench(make, patience_s=PATIENCE, quiet_s=2.0)
    async with asyncio.TaskGroup() as group:
        for check in checks:
            group.create_task(_run(check, bench), name=check.__name__)


async def _run(check: Check, bench: Bench) -> None:
    await check(bench)
