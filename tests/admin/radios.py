"""A radio of a test's own: says what it is told to say, and remembers what it was asked."""

from hw.bluez.steps import Attempt, Outcome, Recovery, Step, Symptom
from transports.ble.status import AdapterStatus, HeardRow, LinkRow, RadioStatus
from transports.link import TransportState

LINK = LinkRow("ble:3", dialled=True, mtu=509, rssi=-61, age=130.04, silent_for=4.2, frames_in=12, frames_out=7)
MUTE = LinkRow("ble:4", dialled=False, mtu=182, rssi=None, age=3.0, silent_for=3.0, frames_in=0, frames_out=1)
ATTEMPT = Attempt(Step.NEW_SCANNER, Symptom.SCAN_FAILED, started=40.0, seconds=0.26, outcome=Outcome.OK)
RECOVERY = Recovery(Symptom.SCAN_FAILED, (Step.NEW_SCANNER,), ended=41.0, seconds=3.2)
TAGGED = HeardRow("hci0", is_random=True, rssi=-50, tag="00112233445566aa", times=9, linked=True)
PLAIN = HeardRow("hci0", is_random=False, rssi=-70, tag="", times=1, linked=False)


def adapter(name: str = "hci0", *links: LinkRow, history: tuple[Attempt, ...] = (), **changes) -> AdapterStatus:
    values = {
        "central": True,
        "peripheral": True,
        "state": TransportState.UP,
        "sentence": f"{name} searches for phones and lets itself be found; 2 devices linked.",
        "remedy": "",
        "scanning": True,
        "shown": True,
        "candidates": 5,
        "dialling": 0,
        "budget": 8,
        "refusals": 0,
        "recoveries": (),
    }
    return AdapterStatus(name=name, links=links, history=history, **(values | changes))


class Radio:
    """Every reset is noted in the history of its adapter with the outcome given for it."""

    def __init__(self, *adapters: AdapterStatus, heard: tuple[HeardRow, ...] = (), outcomes: dict[str, Outcome] | None = None) -> None:
        self.adapters = list(adapters)
        self.heard = heard
        self.outcomes = outcomes or {}
        self.asked: list[object] = []
        self.now = lambda: 0.0  # the time attempts are noted with

    def radio(self) -> RadioStatus:
        return RadioStatus(tuple(self.adapters), (), (), ())

    async def scan_report(self, seconds: float) -> tuple[HeardRow, ...]:
        self.asked.append(seconds)
        return self.heard

    async def reset(self, adapter: str | None, step: Step = Step.POWER_CYCLE) -> tuple[str, ...]:
        self.asked.append((adapter, step))
        sentences = []
        for index, one in enumerate(self.adapters):
            if adapter in (None, one.name):
                outcome = self.outcomes.get(one.name, Outcome.OK)
                note = Attempt(step, None, self.now(), 1.0, outcome)
                self.adapters[index] = _with(one, (*one.history, note))
                sentences.append(f"{one.name}: {outcome}.")
        return tuple(sentences)


def _with(one: AdapterStatus, history: tuple[Attempt, ...]) -> AdapterStatus:
    names = AdapterStatus.__slots__
    return AdapterStatus(**({name: getattr(one, name) for name in names} | {"history": history}))
