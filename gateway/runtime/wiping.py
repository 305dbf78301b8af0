"""A wipe while the gateway runs: it is asked for at any time, and done when nobody writes any more."""

import asyncio

from gateway.admin.wipe import WipeDocument
from gateway.config import Config
from gateway.runtime.erase import erase


class Wiping:
    """Ends the gateway and erases what it knows, once.

    Args:
        config: says what there is to erase.

    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._stop = asyncio.Event()
        self._done: asyncio.Future[WipeDocument] | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether somebody has asked for it."""
        return self._done is not None

    def begin(self, stop: asyncio.Event) -> None:
        """Use `stop` to end the gateway."""
        self._stop = stop

    async def wipe(self) -> WipeDocument:
        """End, erase what this gateway knows, and say what was erased; whoever is started next is somebody else."""
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
            self._stop.set()
        return await asyncio.shield(self._done)

    async def finish(self) -> None:
        """Erase if somebody has asked for it; every file has to be closed by now."""
        if self._done is not None:
            self._done.set_result(await asyncio.to_thread(erase, self._config))
