"""The phones of the rig, and how a test in the guest plays with them over the air's control socket.

Each request is a JSON object with ``"op": "phone"`` and a verb in ``"do"``; the answer is a JSON object:

    add      name, platform, role, mtu, rotates, two_addresses, pace     the phone, switched on
    remove   name                                            {}          switched off and taken away
    say      name, text, expected (names; default: all)      message ID
    whisper  name, to, text                                  message ID
    talk     names (all), seconds, say_every, whisper_every  {}          they talk by themselves
    hush                                                     {}          and stop
    books                                                    {}          begin new books: what was said before counts no more
    status   name (all)                                      what `RigPhone.status` says
    log      name, since                                     messages received, with their times
    diary    name (all)                                      links that came up or went down: when, link, station, up, why not
    receipts name                                            private messages the other end has
    report   kind, sent_before                               lost, duplicates, latencies: of all, and per receiver
    rotate   name                                            the new address
    silent   name, silent                                    off the air, links and all, or back
    attack   name, kind, target, options                     {}          a stranger begins, see `tests.rig.hostile`
    relent   name                                            what it did, and it stops
    attacks                                                  what all have done so far
"""

import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from gateway.testing.ledger import Account, Ledger
from tests.rig import hostile_centrals, hostile_peripherals
from tests.rig.controllers import Station
from tests.rig.hostile import Attacks
from tests.rig.phone import RigPhone
from tests.rig.phone_platform import PLATFORMS, Pace, PhoneOptions, PhoneRole
from tests.rig.phone_talk import Talk

Request = dict[str, Any]


class Phones:
    """Every phone on one air, by name.

    Args:
        plug: puts a new controller of that name on the air.
        unplug: takes it away.
        seed: decides everything about the phones that is random.
        wall: unix seconds.

    """

    def __init__(
        self,
        plug: Callable[[str], Station],
        unplug: Callable[[Station], None],
        seed: str = "phones",
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.phones: dict[str, RigPhone] = {}
        self.talk = Talk(Random(seed), wall)
        self._wall = wall
        self._plug = plug
        self._unplug = unplug
        self._seed = seed
        self._made = 0
        self.attacks = Attacks(plug, unplug, hostile_centrals.KINDS | hostile_peripherals.KINDS, wall)
        self._verbs: dict[str, Callable[[Request], Awaitable[Any]]] = {
            "add": self._add,
            "remove": self._remove,
            "say": self._say,
            "whisper": self._whisper,
            "talk": self._talk,
            "hush": self._hush,
            "books": self._books,
            "status": self._status,
            "log": self._log,
            "diary": self._diary,
            "receipts": self._receipts,
            "report": self._report,
            "rotate": self._rotate,
            "silent": self._silent,
            "attack": self._attack,
            "relent": self._relent,
            "attacks": self._attacks,
        }

    async def handle(self, request: Request) -> Any:
        """Do what a request says; the answer can be written as JSON.

        Raises:
            ValueError: there is no such verb, or no such phone.

        """
        verb = self._verbs.get(request.get("do", ""))
        if verb is None:
            raise ValueError(f"no verb {request.get('do')!r}; there are {', '.join(self._verbs)}")
        return await verb(request)

    async def close(self) -> None:
        """Switch all off."""
        self.talk.stop()
        await self.attacks.close()
        for name in tuple(self.phones):
            await self._remove({"name": name})

    def _named(self, request: Request, key: str = "name") -> RigPhone:
        phone = self.phones.get(request.get(key, ""))
        if phone is None:
            raise ValueError(f"no phone {request.get(key)!r}")
        return phone

    async def _add(self, request: Request) -> Any:
        name = request["name"]
        if name in self.phones:
            raise ValueError(f"there is a phone {name!r} already")
        options = PhoneOptions(
            platform=PLATFORMS[request.get("platform", "ios")],
            role=PhoneRole[request.get("role", "both").upper()],
            mtu=request.get("mtu"),
            rotates=request.get("rotates", True),
            two_addresses=request.get("two_addresses", False),
            pace=Pace(**request.get("pace", {})),
        )
        self._made += 1
        rng = Random(f"{self._seed} {name} {self._made}")
        phone = RigPhone(name, self._plug(name), options, rng, self.talk.heard, self._wall)
        self.phones[name] = phone
        phone.start()
        return phone.status()

    async def _remove(self, request: Request) -> Any:
        phone = self._named(request)
        del self.phones[phone.name]
        try:
            await phone.stop()
        finally:
            self._unplug(phone.controller)
        return {}

    async def _say(self, request: Request) -> Any:
        expected = request.get("expected", list(self.phones))
        return {"id": self.talk.say(self._named(request), expected, request.get("text", ""))}

    async def _whisper(self, request: Request) -> Any:
        return {"id": self.talk.whisper(self._named(request), self._named(request, "to"), request.get("text", ""))}

    async def _talk(self, request: Request) -> Any:
        phones = [self._named({"name": name}) for name in request.get("names", list(self.phones))]
        self.talk.start(phones, request["seconds"], request.get("say_every", 0.0), request.get("whisper_every", 0.0))
        return {}

    async def _hush(self, _request: Request) -> Any:
        self.talk.stop()
        return {}

    async def _books(self, _request: Request) -> Any:
        self.talk.open_books()
        return {}

    async def _status(self, request: Request) -> Any:
        if "name" in request:
            return self._named(request).status()
        return {"phones": [phone.status() for phone in self.phones.values()]}

    async def _log(self, request: Request) -> Any:
        return {"log": self._named(request).log(request.get("since", 0))}

    async def _diary(self, request: Request) -> Any:
        phones = [self._named(request)] if "name" in request else self.phones.values()
        return {phone.name: list(phone.diary) for phone in phones}

    async def _receipts(self, request: Request) -> Any:
        return {"receipts": list(self._named(request).receipts)}

    async def _report(self, request: Request) -> Any:
        return report(self.talk.ledger, request.get("kind"), request.get("sent_before"))

    async def _rotate(self, request: Request) -> Any:
        phone = self._named(request)
        await phone.radio.rotate()
        return {"address": phone.radio.address}

    async def _silent(self, request: Request) -> Any:
        await self._named(request).radio.be_silent(request.get("silent", True))
        return {}

    async def _attack(self, request: Request) -> Any:
        self.attacks.start(request["name"], request["kind"], request.get("target", "hci0"), request.get("options", {}))
        return {}

    async def _relent(self, request: Request) -> Any:
        return await self.attacks.stop(request["name"])

    async def _attacks(self, _request: Request) -> Any:
        return self.attacks.report()


def report(ledger: Ledger, kind: str | None = None, sent_before: float | None = None) -> dict[str, Any]:
    """Balance the books, as the demo does: what came to somebody who should not have it counts as a duplicate."""
    receivers = sorted({name for sent in ledger.messages.values() for name in sent.expected})
    return {
        **_figures(ledger.account(kind, sent_before=sent_before)),
        "missing": [list(missing) for missing in ledger.missing()],
        "repeated": [[message_id, recipient, [round(at, 3) for at in times]] for message_id, recipient, times in ledger.repeated()],
        "by_receiver": {name: _figures(_alone(ledger, name).account(kind, sent_before=sent_before)) for name in receivers},
    }


def _figures(account: Account) -> dict[str, Any]:
    figures = {**account.to_json(), "p99_ms": round(account.percentile(99) * 1000, 1)}
    figures["duplicates"] += figures.pop("strays")
    return figures


def _alone(ledger: Ledger, name: str) -> Ledger:
    """The books as one receiver sees them."""
    alone = Ledger()
    for message_id, sent in ledger.messages.items():
        alone.sent(message_id, sent.kind, sent.sender, sent.expected & {name}, sent.at)
    alone.take_arrivals({message_id: {name: by[name]} for message_id, by in ledger.arrivals.items() if name in by})
    return alone
