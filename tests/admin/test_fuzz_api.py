"""Requests made from the description, against a whole gateway: none breaks it, and no answer is one that is not described."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.admin import limits
from gateway.admin.access.roles import Role
from gateway.admin.openapi import description
from gateway.admin.table import TABLE
from gateway.app import Gateway
from gateway.cli.config import config_file, load_from
from gateway.testing.island import Island
from gateway.testing.radio import VirtualRadio
from tests.app.processes import write_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ENDLESS = "/api/v1/events"
ENDING = "/api/v1/wipe"
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


class Wanted:
    """What a command line would have asked for."""

    def __init__(self, path: Path) -> None:
        self.config = path
        self.overrides: list[str] = []


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where the page of a gateway is that runs in a thread of its own, and a token of an administrator."""
    found: list[tuple[str, str]] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()
    wanted = Wanted(write_site(tmp_path_factory.mktemp("fuzz") / "hut"))
    wanted.overrides = ["page.enabled=true", 'page.listen=["127.0.0.1:0"]']
    loaded = load_from(wanted)

    async def live() -> None:
        gateway = Gateway(loaded.config, [VirtualRadio(Island("seed", ("Ada", "Bela")))], file=config_file(wanted))
        running = asyncio.create_task(gateway.run(stop))
        page = gateway.page
        assert page is not None
        while not page.listener.bound:  # noqa: ASYNC110 -- the listener tells nobody
            await asyncio.sleep(0)
        await page.entrance.add_user("ada", Role.ADMIN, "correct horse battery staple")
        made = await page.entrance.tokens.make("requests", Role.ADMIN, 1, "")
        found.append((page.addresses()[0].rstrip("/"), made.shown))
        ready.set()
        await running

    with pytest.MonkeyPatch.context() as patch:
        for name in ("PAGE_RATE", "PAGE_BURST", "PAGE_RATE_ALL", "PAGE_BURST_ALL"):
            patch.setattr(limits, name, 1e6)  # or most answers would be that it is too much
        thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
        thread.start()
        assert ready.wait(20)
        yield found[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
    assert not thread.is_alive()


OPERATIONS = [(one.method, one.path) for one in TABLE if one.path.startswith("/api/") and one.path not in (ENDLESS, ENDING)]


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda one: one)
def test_no_request_breaks_it_and_no_answer_is_undeclared(door: tuple[str, str], method: str, path: str) -> None:
    base, shown = door[0], {"Authorization": f"Bearer {door[1]}"}
    schema = schemathesis.openapi.from_dict(msgspec.json.decode(msgspec.json.encode(description(TABLE))))
    operation = schema[path][method]
    few = settings(
        max_examples=25,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )

    @few
    @given(case=operation.as_strategy())
    def ask(case) -> None:
        case.call_and_validate(base_url=base, headers=shown, checks=CHECKS, timeout=40)

    ask()
