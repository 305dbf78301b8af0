from pathlib import Path

import pytest

from tests.transports.websocket.rigs import PATIENCE, pair, transport
from transports.conformance import CHECKS, Bench, Check
from transports.link import Transport

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("turned", [False, True], ids=["called", "calling"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_websocket_conforms_whoever_called(check: Check, turned: bool, tmp_path: Path) -> None:
    def make() -> tuple[Transport, Transport]:
        left, right = map(transport, pair(tmp_path, both_call=False))
        return (right, left) if turned else (left, right)

    await check(Bench(make, patience_s=PATIENCE, quiet_s=0.3))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_websocket_conforms_when_both_call(check: Check, tmp_path: Path) -> None:
    def make() -> tuple[Transport, Transport]:
        left, right = map(transport, pair(tmp_path))
        return left, right

    await check(Bench(make, patience_s=PATIENCE, quiet_s=0.3))
