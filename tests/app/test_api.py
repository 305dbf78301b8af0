"""The API of a whole gateway on an island of phones, over its control socket, in virtual time (tests.testing.virtual_loop)."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp

from tests.runtime.gateways import Site, play


@asynccontextmanager
async def running(directory, **more):
    """A gateway that has met the phones of its island, and somebody who asks it."""
    site = Site(directory, **more)
    serving = asyncio.create_task(site.gateway.run(site.stop))
    await asyncio.sleep(60)
    async with aiohttp.ClientSession("http://meshgate", connector=aiohttp.UnixConnector(str(site.socket))) as session:
        yield site, session
    site.stop.set()
    await serving


async def ask(session, method, path, **more):
    async with session.request(method, f"/api/v1/{path}", **more) as response:
        return response.status, json.loads(await response.read()), dict(response.headers)


def test_those_who_are_near_are_listed_with_what_is_known_of_them(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, session):
            _, found, _ = await ask(session, "GET", "peers")
            assert {one["nickname"] for one in found["peers"]} == {"Ada", "Bela"}
            assert found["total"] == 2
            assert {one["where"] for one in found["peers"]} <= {"near", "relayed"}
            first = found["peers"][0]
            assert first["last_seen"].endswith("Z")
            _, page, _ = await ask(session, "GET", "peers?limit=1")
            _, rest, _ = await ask(session, "GET", f"peers?limit=1&cursor={page['next']}")
            assert {page["peers"][0]["id"], rest["peers"][0]["id"]} == {one["id"] for one in found["peers"]}
            assert rest["next"] is None
            assert (await ask(session, "GET", f"peers/{first['id']}"))[1]["nickname"] == first["nickname"]
            assert (await ask(session, "GET", "peers/00"))[1]["code"] == "unknown_peer"
            _, graph, _ = await ask(session, "GET", "topology")
            own = site.gateway.identity.peer_id.hex()
            assert {node["id"] for node in graph["nodes"]} == {own, *(one["id"] for one in found["peers"])}
            near = {one["id"] for one in found["peers"] if one["where"] == "near"}
            assert {(edge["a"], edge["b"]) for edge in graph["edges"]} >= {tuple(sorted((own, one))) for one in near}

    play(scene)


def test_a_notice_reaches_the_phones_and_is_sent_once_for_each_key(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, session):
            wish, key = {"text": "Soup at six"}, {"Idempotency-Key": "k1"}
            status, receipt, headers = await ask(session, "POST", "messages", json=wish, headers=key)
            assert (status, receipt["state"], receipt["to"]) == (202, "sent", "island")
            assert headers["Location"] == f"/api/v1/messages/{receipt['id']}"
            assert (await ask(session, "POST", "messages", json=wish, headers=key))[1] == receipt
            status, problem, _ = await ask(session, "POST", "messages", json={"text": "Soup at seven"}, headers=key)
            assert (status, problem["code"]) == (409, "key_used")
            await asyncio.sleep(5)
            heard = [one.effect.text for one in site.island.heard("Ada") if type(one.effect).__name__ == "PublicMessage"]
            assert heard == ["Soup at six"]
            _, found, _ = await ask(session, "GET", f"messages/{receipt['id']}")
            assert (found["id"], found["state"]) == (receipt["id"], "local")
            _, story, _ = await ask(session, "GET", f"why/{receipt['id']}")
            assert [step["verb"] for step in story["steps"]][:1] == ["said"]

    play(scene)


def test_a_private_message_is_delivered_and_says_so(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, session):
            ada = site.island.phones["Ada"].peer_id.hex()
            status, receipt, _ = await ask(session, "POST", "messages", json={"text": "A test", "to": ada})
            assert (status, receipt["state"]) == (202, "queued")
            await asyncio.sleep(30)
            _, found, _ = await ask(session, "GET", f"messages/{receipt['id']}")
            assert found["state"] in {"delivered", "read"}
            for to in ("00" * 8, "Ada", "ü"):
                assert (await ask(session, "POST", "messages", json={"text": "A test", "to": to}))[1]["code"] == "unknown_peer"

    play(scene)


def test_nobody_can_take_the_air_from_the_phones(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (_, session):
            answers = [await ask(session, "POST", "messages", json={"text": f"Notice {n}"}) for n in range(8)]
            codes = [status for status, _, _ in answers]
            assert codes.count(202) == 5
            assert codes[5:] == [429] * 3
            assert answers[-1][2]["Retry-After"] == "5"
            assert (await ask(session, "POST", "messages", json={"text": "x" * 501}))[0] == 400
            assert (await ask(session, "POST", "messages", json={"text": "a\nb"}))[0] == 400

    play(scene)


def test_a_phone_that_is_there_answers_a_ping(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, session):
            ada = site.island.phones["Ada"].peer_id.hex()
            status, found, _ = await ask(session, "POST", "ping", json={"target": ada})
            assert (status, found["kind"], found["target"]) == (200, "peer", ada)
            assert 0 < found["seconds"] < 10
            assert (await ask(session, "POST", "ping", json={"target": "nobody"}))[1]["code"] == "unknown_peer"

    play(scene)


def test_what_phones_say_is_listed_without_what_it_says(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, session):
            for number in range(5):
                site.island.say("Ada", f"secret {number}")
                await asyncio.sleep(2)
            _, found, _ = await ask(session, "GET", "messages")
            assert len(found["messages"]) == 5
            assert {one["state"] for one in found["messages"]} == {"local"}
            assert "secret" not in str(found)
            assert "Ada" not in str(found)
            seen, url = [], "messages?limit=2"
            while url:
                _, page, headers = await ask(session, "GET", url)
                seen += [one["id"] for one in page["messages"]]
                assert ("Link" in headers) == (page["next"] is not None)
                url = f"messages?limit=2&cursor={page['next']}" if page["next"] else ""
            assert seen == [one["id"] for one in found["messages"]]
            assert (await ask(session, "GET", "messages?state=crossed"))[1]["messages"] == []
            assert (await ask(session, "GET", "messages?state=lost"))[0] == 400
            assert (await ask(session, "GET", "messages?cursor=x"))[1]["code"] == "bad_cursor"

    play(scene)


def test_transports_charts_and_the_log_are_shown(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (_, session):
            await asyncio.sleep(130)
            _, found, _ = await ask(session, "GET", "transports")
            assert [(one["name"], one["state"], one["breaker"]) for one in found["transports"]] == [("radio", "up", "closed")]
            assert (await ask(session, "GET", "transports/radio"))[1]["links"] == found["transports"][0]["links"]
            assert (await ask(session, "GET", "transports/tin-can"))[1]["code"] == "unknown_transport"
            _, charts, _ = await ask(session, "GET", "charts?step_min=1")
            points = {one["name"]: [value for _, value in one["points"]] for one in charts["charts"]}
            assert points["peers"][-1] == 2
            assert points["queue"][-1] >= 0
            _, log, _ = await ask(session, "GET", "logs")
            assert "gateway_ready" in [one["event"] for one in log["entries"]]
            after = log["entries"][-1]["id"]
            assert (await ask(session, "GET", f"logs?after={after}&level=error"))[1]["entries"] == []

    play(scene)


def test_a_gateway_from_nowhere_has_no_configuration_to_change(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (_, session):
            assert (await ask(session, "GET", "config"))[1]["code"] == "not_here"
            assert (await ask(session, "GET", "diagnostics/bundle"))[1]["code"] == "not_here"

    play(scene)


def test_somebody_who_answers_the_gateway_is_not_told_that_it_was_delivered(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, session):
            ada = site.island.phones["Ada"].peer_id
            await ask(session, "POST", "messages", json={"text": "A test", "to": ada.hex()})
            await asyncio.sleep(10)
            site.island.whisper("Ada", site.gateway.identity.peer_id, "ANSWER", "Thank you")
            await asyncio.sleep(30)
            receipts = [one.effect for one in site.island.heard("Ada") if type(one.effect).__name__ == "Receipt"]
            assert receipts == []

    play(scene)
