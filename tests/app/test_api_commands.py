"""The commands of the API, and changes of the configuration, against a real gateway process with a simulated island."""

import asyncio
import io
import json
import tarfile
from pathlib import Path

import pytest

from gateway.admin.client import get_audit
from gateway.admin.settings import ConfigChange
from gateway.cli.main import main
from gateway.client import Client, RefusedError
from tests.app.processes import meshgate, until, write_site

pytestmark = pytest.mark.timeout(90)


async def run(site: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command in this process, which starts faster; returns exit code, stdout and stderr."""
    capsys.readouterr()
    code = await asyncio.to_thread(main, [*arguments, "--config", str(site)])
    out, err = capsys.readouterr()
    return code, out, err


async def test_every_command_answers_a_person_and_a_program(tmp_path: Path, capsys) -> None:
    site = write_site(tmp_path / "hut", mode="off")
    async with meshgate("run", "--simulate", 3, "--config", site):
        await until(site, lambda status: len(status["mesh"]["peers"]) == 3)
        code, out, err = await run(site, capsys, "peers")
        assert (code, err) == (0, "")
        assert out.splitlines()[0].split() == ["PEER", "NAME", "WHERE", "SIGNAL", "HEARD", "OFFERS"]
        code, out, _ = await run(site, capsys, "peers", "--json")
        peer = json.loads(out)["peers"][0]
        code, out, _ = await run(site, capsys, "send", "Soup at six", "--json")
        receipt = json.loads(out)
        assert (code, receipt["state"]) == (0, "sent")
        code, out, _ = await run(site, capsys, "messages")
        assert code == 0
        assert receipt["id"][:12] in out
        assert (await run(site, capsys, "transports"))[1].split()[:2] == ["TRANSPORT", "ORDER"]
        code, out, _ = await run(site, capsys, "ping", peer["id"])
        assert code == 0
        assert out.startswith(f"{peer['id']} answered after ")
        code, _, err = await run(site, capsys, "ping", "00")
        assert code == 3
        assert "meshgate peers" in err
        code, out, _ = await run(site, capsys, "logs", "--json")
        assert "gateway_ready" in {one["event"] for one in json.loads(out)["entries"]}
        async with meshgate("tail", "--json", "--count", "1", "--filter", "messages", "--config", site) as tail:
            assert json.loads(await tail.stdout.readline())["type"] == "state"
            await run(site, capsys, "send", "Soup at seven")
            assert json.loads(await tail.stdout.readline())["type"] == "message.sent"
            assert await tail.wait() == 0
        assert (await run(site, capsys, "tail", "--filter", "gossip"))[0] == 2
        _, out, _ = await run(site, capsys, "audit")
        assert "A notice was sent to the mesh on this machine: to everybody near." in out
        assert "Soup" not in out


async def test_without_a_gateway_each_says_so(tmp_path: Path, capsys) -> None:
    site = write_site(tmp_path / "hut")
    for arguments in (["peers"], ["tail"], ["send", "hello"]):
        assert (await run(site, capsys, *arguments))[0] == 5


async def test_settings_are_changed_with_their_comments_and_only_by_who_has_seen_them(tmp_path: Path, capsys) -> None:
    site = write_site(tmp_path / "hut", mode="off")
    site.write_text(f"# the owner wrote this\n{site.read_text()}")
    async with meshgate("run", "--simulate", 0, "--config", site):
        await until(site, lambda _status: True)
        client = Client(site.parent / "control.sock")
        before = await client.config()
        assert before.file == str(site)
        mode = next(one for one in before.settings if one.key == "bridge.mode")
        assert (mode.value, mode.layer, mode.restart, mode.choices) == ("off", "file", True, ("off", "consent", "open"))
        text = site.read_text()
        wanted = ConfigChange({"log.level": "debug", "gateway.nickname": "Barn", "transports.order": ["websocket", "libp2p"]})
        seen = await client.change_config(wanted, before.tag, dry_run=True)
        assert site.read_text() == text
        assert set(seen.changed) == {"log.level", "gateway.nickname", "transports.order"}
        done = await client.change_config(wanted, before.tag)
        assert (done.diff, done.changed) == (seen.diff, seen.changed)
        assert "log.level" not in done.restart
        assert site.read_text().startswith("# the owner wrote this\n")
        for change, tag, code in (
            (wanted, before.tag, "changed_meanwhile"),
            (wanted, "", "tag_missing"),
            (ConfigChange({"bridge.mdoe": "open"}), done.tag, "unknown_key"),
            (ConfigChange({"bridge.mode": "ajar"}), done.tag, "config_invalid"),
            (ConfigChange({"bridge.mode": None, "control.socket": 5}), done.tag, "config_invalid"),
        ):
            with pytest.raises(RefusedError) as refused:
                await client.change_config(change, tag)
            assert refused.value.document.code == code
        (noted,) = [one for one in (await get_audit(site.parent / "control.sock", 50)).changes if one.action == "settings_changed"]
        assert noted.detail == "gateway.nickname, log.level, transports.order"
        gone = await client.change_config(ConfigChange({"log.level": None}), done.tag)
        assert (gone.changed, gone.restart) == (("log.level",), ())
        with tarfile.open(fileobj=io.BytesIO(await client.bundle())) as archive:
            assert "meshgate-support/doctor.json" in archive.getnames()
        work = await client.examine()
        while work.state == "running":
            work = await client.operation(work.id)
        assert (work.state, work.progress) == ("done", 1.0)
        assert {one.verdict for one in work.findings} <= {"ok", "warn", "fail", "unknown"}
