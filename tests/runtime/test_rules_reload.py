"""The operator's rules among what SIGHUP has read anew: refused by name, a condition while they cannot be used, taken when mended.

In virtual time (tests.testing.virtual_loop).
"""

import asyncio
import os
from pathlib import Path

from gateway.config.policy import default_policy_file
from gateway.runtime.rulebook import LOOK_S
from gateway.telemetry.health import Name
from tests.runtime.gateways import Site, play

WRONG = 'default = "denny"\n'
RIGHT = 'default = "deny"\n'


def test_rules_that_cannot_be_used_are_a_condition_until_they_are_mended(tmp_path: Path) -> None:
    async def scene() -> None:
        site = Site(tmp_path)
        gateway = site.gateway
        running = asyncio.create_task(site.run_for(60.0))
        await asyncio.sleep(1)
        file = default_policy_file(tmp_path)
        file.write_text(WRONG)
        gateway.reload()
        assert not gateway.reloads.successful
        gateway.status()
        assert {Name.POLICY_REFUSED, Name.RELOAD_REFUSED} <= {one.name for one in gateway.health.conditions}

        file.write_text(RIGHT)
        os.utime(file, ns=(1, 1))
        await asyncio.sleep(3 * LOOK_S)
        gateway.status()
        assert not {Name.POLICY_REFUSED, Name.RELOAD_REFUSED} & {one.name for one in gateway.health.conditions}
        assert gateway.reloads.successful
        assert any("in force now" in report for report in site.reports)
        await running

    play(scene)
