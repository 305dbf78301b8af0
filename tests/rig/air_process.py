"""The air's own process: python -m tests.rig.air_process ADAPTERS CONTROL_SOCKET."""

import asyncio
import faulthandler
import gc
import signal
import sys

from tests.rig.air import Air
from tests.rig.air_adapters import Adapters
from tests.rig.air_control import AirControl


async def main(count: int, control: str) -> None:
    """Plug the adapters in and do what tests ask for."""
    air = Air()
    await AirControl(air, Adapters(air, count)).serve(control)


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)  # where it is, when it seems to hang
    gc.freeze()
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
