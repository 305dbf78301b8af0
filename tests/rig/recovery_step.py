"""Takes one step of the recovery ladder, for `python -m`: STEP ADAPTER [SOCKET]; prints how it went as JSON."""

import asyncio
import json
import sys
from pathlib import Path

from hw.bluez.bus import BluezBus, Change
from hw.bluez.remedies import Remedies
from hw.bluez.steps import Step
from hw.recover.client import RecoverySocket


async def main(step: str, adapter: str, socket: str = "") -> None:
    bus = await BluezBus.connect()
    powered: list[bool] = []

    def look(change: Change) -> None:
        if change.path.endswith(adapter) and "Powered" in change.values:
            powered.append(change.values["Powered"])

    bus.watch(look)
    remedies = Remedies(bus, f"/org/bluez/{adapter}", RecoverySocket(Path(socket)) if socket else None)
    blocked = remedies.blocked()
    outcome = await remedies.take(Step(step))
    print(json.dumps({"outcome": outcome, "why": remedies.why, "powered": powered, "blocked": [blocked, remedies.blocked()]}))
    await bus.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
