"""What the doctor may put right by itself: only what loses nothing, and each only after it was said."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.doctor.facts import RadioFacts, Recovery
from gateway.doctor.reach import exposed
from hw.recover.client import RecoverySocket
from hw.recover.protocol import Verb


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that can be put right; `do` returns why it could not be, or nothing."""

    sentence: str
    do: Callable[[], Awaitable[str]]


def repairs(state: Path, radio: RadioFacts | None, recovery: Path) -> list[Repair]:
    """Return what can be put right here.

    Args:
        state: the state directory.
        radio: what was seen of Bluetooth, None if it is not wanted.
        recovery: the socket of the recovery service, which has the rights that this user has not.

    """
    found = [_close(path) for path in exposed(state)]
    if radio is not None and radio.recovery is Recovery.READY:
        found += _through(RecoverySocket(recovery), radio)
    return found


def _close(path: Path) -> Repair:
    async def do() -> str:
        try:
            await asyncio.to_thread(path.chmod, 0o600)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    return Repair(f"Close {path.name} to everybody but its owner (mode 0600).", do)


def _through(helper: RecoverySocket, radio: RadioFacts) -> Iterator[Repair]:
    # The switch of an adapter has its name; one for a whole board has another, and is left to people.
    for switch in radio.switches:
        if switch.soft and not switch.hard and switch.name.startswith("hci"):
            yield _asked(helper, f"Let {switch.name} send again (its rfkill switch is off).", Verb.UNBLOCK_RADIO, switch.name)
    if radio.installed and radio.trouble is not None and not radio.adapters and not radio.gateway_runs:
        yield _asked(helper, "Restart the Bluetooth service, which shows no adapter.", Verb.RESTART_BLUETOOTH)


def _asked(helper: RecoverySocket, sentence: str, verb: Verb, adapter: str = "") -> Repair:
    async def do() -> str:
        answer = await helper.do(verb, adapter)
        return "" if answer.ok else answer.why or "it did not work"

    return Repair(sentence, do)
