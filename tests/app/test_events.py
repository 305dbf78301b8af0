"""What happens in a whole gateway, followed over its real control socket, in virtual time (tests.testing.virtual_loop)."""

import asyncio
import json

import aiohttp

from gateway.admin.feed import Topic
from gateway.admin.limits import MAX_EVENT_REQUEST
from gateway.client import Client
from tests.app.test_api import ask, running
from tests.runtime.gateways import play

URL = "/api/v1/events"


def test_over_a_websocket_the_state_comes_first_and_then_what_happens(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, session), session.ws_connect(URL, protocols=("meshgate.v1",)) as socket:
            assert socket.protocol == "meshgate.v1"
            await socket.send_str('{"subscribe": ["messages", "peers"]}')
            state = await socket.receive_json()
            assert state["type"] == "state"
            assert {one["nickname"] for one in state["data"]["peers"]} == {"Ada", "Bela"}
            site.island.say("Ada", "secret")
            event = await socket.receive_json()
            assert (event["type"], event["data"]["verb"]) == ("message.received", "heard")
            _, story, _ = await ask(session, "GET", f"why/{event['data']['id']}")
            assert story["id"] == event["data"]["id"]

    play(scene)


def test_who_says_nothing_follows_everything_and_nonsense_ends_it(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (_, session):
            async with session.ws_connect(URL) as socket:
                assert {"peers", "transports", "alerts", "policy", "messages"} <= set((await socket.receive_json())["data"])
            for nonsense in ("{", '{"subscribe": ["gossip"]}', "[" + " " * MAX_EVENT_REQUEST):
                async with session.ws_connect(URL) as socket:
                    await socket.send_str(nonsense)
                    while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                        pass
                    assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
                    assert socket.close_code in {1007, 1009}

    play(scene)


def test_lines_for_curl_say_the_same_and_go_on_where_they_ended(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, session):
            async with session.get(f"{URL}?subscribe=messages") as response:
                assert response.content_type == "text/event-stream"
                lines = [(await response.content.readline()).decode() for _ in range(4)]
                assert [line.partition(":")[0] for line in lines[:3]] == ["id", "event", "data"]
                last = lines[0].removeprefix("id: ").strip()
            site.island.say("Ada", "secret")
            await asyncio.sleep(5)
            async with session.get(URL, headers={"Last-Event-ID": last}) as response:
                found = [(await response.content.readline()).decode() for _ in range(3)]
                assert found[1] == "event: message.received\n"
                assert json.loads(found[2].removeprefix("data: "))["data"]["verb"] == "heard"
            assert (await ask(session, "GET", "events?subscribe=gossip"))[1]["code"] == "bad_request"

    play(scene)


def test_silence_is_broken_so_that_both_ends_know_of_each_other(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (_, session), session.get(f"{URL}?subscribe=policy") as response:
            for _ in range(4):
                await response.content.readline()
            assert await response.content.readline() == b": still here\n"

    play(scene)


def test_the_client_walks_them(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, _):
            seen = []
            async for event in Client(site.socket).follow([Topic.MESSAGES]):
                if event.type == "state":
                    site.island.say("Bela", "secret")
                seen.append(event.type)
                if len(seen) == 2:
                    break
            assert seen == ["state", "message.received"]

    play(scene)


def test_two_hundred_who_follow_and_read_nothing_do_not_hold_up_a_message(tmp_path) -> None:
    async def delay(followers: int) -> float:
        async with running(tmp_path / str(followers)) as (site, session):
            writers = []
            for _ in range(followers):
                _reader, writer = await asyncio.open_unix_connection(str(site.socket), limit=1)
                writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: meshgate\r\n\r\n")
                writers.append(writer)
            await asyncio.sleep(1)
            began = asyncio.get_running_loop().time()
            for number in range(20):
                site.island.say("Ada", f"secret {number}")
            while len([one for one in site.island.heard("Bela") if type(one.effect).__name__ == "PublicMessage"]) < 20:  # noqa: ASYNC110 -- virtual time
                await asyncio.sleep(0.01)
            taken = asyncio.get_running_loop().time() - began
            assert (await ask(session, "GET", "peers"))[0] == 200
            for writer in writers:
                writer.close()
            return taken

    async def scene() -> None:
        for place in ("0", "200"):
            (tmp_path / place).mkdir()
        assert await delay(200) <= await delay(0) + 0.05

    play(scene)
