from pathlib import Path

import pytest

from tests.transports.libp2p_rigs import PATIENCE, configs, transport
from transports.conformance import CHECKS, Bench, Check


@pytest.mark.timeout(60)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_libp2p_conforms(check: Check, tmp_path: Path) -> None:
    def make() -> tuple[object, object]:
        left, right = configs(tmp_path)
        return transport(left), transport(right)

    await check(Bench(make, patience_s=PATIENCE, quiet_s=2.0))  # type: ignore[arg-type]
