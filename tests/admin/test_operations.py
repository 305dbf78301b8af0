"""Work that takes longer than a request."""

import asyncio

import aiohttp

from gateway.admin.access.roles import Role
from gateway.admin.api import application
from gateway.admin.limits import MAX_OPERATIONS, MAX_OPERATIONS_RUNNING
from gateway.admin.operations import FindingDocument, Operations
from gateway.admin.problems import NOT_HERE, ProblemError
from tests.admin.listening import known, serving

FOUND = (FindingDocument("radio.power", "hci0", "fail", "It is off.", "Switch it on."),)


class Examiner:
    """Takes as long as it is let."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    async def doctor(self, progress):
        progress(0.5, "Half of it.")
        await self.may_end.wait()
        return FOUND

    async def scan(self, request, _progress):
        if request.seconds == 1:
            raise TypeError("a secret")
        raise ProblemError(NOT_HERE, "There is no radio.")

    async def bundle(self):
        return b"packed"


async def ask(session, method, path):
    async with session.request(method, path, json={} if method == "POST" else None) as response:
        return response.status, await response.json(), response.headers


async def finished(session, place):
    while True:
        _, found, _ = await ask(session, "GET", place)
        if found["state"] != "running":
            return found


async def test_work_is_begun_watched_and_remembered_and_only_so_much_at_a_time() -> None:
    examiner = Examiner()
    operations = Operations(examiner, lambda: None, _names())
    app = application(operations.answers(), known(Role.OPERATOR))
    async with serving(app) as base, aiohttp.ClientSession(base) as session:
        begun = [await ask(session, "POST", "/api/v1/diagnostics/doctor") for _ in range(MAX_OPERATIONS_RUNNING + 1)]
        assert [status for status, _, _ in begun] == [202] * MAX_OPERATIONS_RUNNING + [409]
        place = begun[0][2]["Location"]
        await asyncio.sleep(0)
        _, half, _ = await ask(session, "GET", place)
        assert (half["state"], half["progress"], half["sentence"]) == ("running", 0.5, "Half of it.")
        examiner.may_end.set()
        done = await finished(session, place)
        assert (done["state"], done["findings"][0]["remedy"]) == ("done", "Switch it on.")
        for _ in range(MAX_OPERATIONS + 3):
            await finished(session, (await ask(session, "POST", "/api/v1/diagnostics/doctor"))[2]["Location"])
        assert len((await ask(session, "GET", "/api/v1/operations"))[1]["operations"]) == MAX_OPERATIONS
        assert (await ask(session, "GET", place))[1]["code"] == "unknown_operation"
    await operations.close()


async def test_work_that_fails_says_why_and_gives_nothing_away() -> None:
    operations = Operations(Examiner(), lambda: None, _names())
    app = application(operations.answers(), known(Role.OPERATOR))
    async with serving(app) as base, aiohttp.ClientSession(base) as session:
        _, begun, _ = await ask(session, "POST", "/api/v1/diagnostics/scan")
        failed = await finished(session, f"/api/v1/operations/{begun['id']}")
        assert (failed["state"], failed["sentence"]) == ("failed", "There is no radio.")
        async with session.post("/api/v1/diagnostics/scan", json={"seconds": 1}) as response:
            begun = await response.json()
        failed = await finished(session, f"/api/v1/operations/{begun['id']}")
        assert failed["state"] == "failed"
        assert "secret" not in failed["sentence"]


def _names():
    numbers = iter(range(1000))
    return lambda size: next(numbers).to_bytes(size, "big")
