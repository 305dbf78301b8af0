"""What the way in remembers, how much of it, and what becomes of it when the disk is full or the box starts again."""

import asyncio
import json
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from argon2.profiles import CHEAPEST

from gateway.admin import limits
from gateway.admin.access import passphrase
from gateway.admin.access.documents import TokenRequest
from gateway.admin.access.guards import is_local, source_of
from gateway.admin.access.passphrase import BusyError, Passphrases, WeakPassphraseError
from gateway.admin.access.principal import LOCAL
from gateway.admin.access.problem import AccessProblem
from gateway.admin.access.roles import Role
from gateway.admin.access.routes import ROUTES
from gateway.admin.access.sessions import Sessions
from gateway.admin.access.setup_code import SetupCode, Try
from gateway.admin.access.throttle import Throttle
from gateway.admin.access.tls import PageCertificate
from gateway.admin.access.vault import Accounts, Vault, decode
from gateway.admin.answering import routed
from gateway.admin.client import RefusedError, get_tokens, make_setup_code, make_token, revoke_token
from gateway.cli.main import main
from gateway.errors import ConfigError
from gateway.session.rate import KeyedBuckets
from hw.firstboot.codes import ALPHABET
from tests.admin.door import GOOD, make_door


def throttle(counts: dict[str, int] | None = None, now: float = 0.0) -> Throttle:
    return Throttle(5, 2.0, 900.0, b"salt", counts or {}, now)


def test_waits_double_up_to_the_longest_and_are_forgotten_after_a_day() -> None:
    waits, one, now = [], throttle(), 0.0
    for _ in range(20):
        one.fail("eve", now)
        waits.append(one.wait("eve", now))
        now += waits[-1]
    assert waits[:9] == [0, 0, 0, 0, 2, 4, 8, 16, 32]
    assert waits[-1] == 900
    assert one.wait("eve", now + limits.FAILURES_S + 901) == 0
    one.fail("eve", now + limits.FAILURES_S + 901)
    assert list(one.counts().values()) == [1]


def test_counts_survive_as_hashes_and_the_wait_begins_anew() -> None:
    before = throttle()
    for _ in range(7):
        before.fail("192.0.2.7", 0.0)
    kept = before.counts()
    assert "192.0.2.7" not in str(kept)
    assert throttle(kept, 500.0).wait("192.0.2.7", 500.0) == 8


def test_names_made_up_by_the_thousand_do_not_push_out_whoever_is_guessed_most() -> None:
    one = throttle()
    for _ in range(6):
        one.fail("ada", 0.0)
    for number in range(limits.MAX_FAILURES * 3):
        one.fail(f"made up {number}", 1.0 + number)
    assert len(one.counts()) == limits.MAX_FAILURES
    assert one.wait("ada", 0.0) == 4


def test_a_setup_code_has_letters_nobody_confuses_and_its_own_each_time() -> None:
    code = SetupCode(Random(3).randbytes, throttle())
    shown = {code.issue(0.0) for _ in range(200)}
    assert len(shown) == 200
    assert {letter for one in shown for letter in one} - {"-"} == set(ALPHABET)
    assert not set(ALPHABET) & set("01ILOU")
    assert all(len(one.replace("-", "")) == 9 for one in shown)


def test_a_newer_setup_code_ends_the_one_before() -> None:
    code = SetupCode(Random(3).randbytes, throttle())
    old, new = code.issue(0.0), code.issue(1.0)
    assert code.redeem(old, 2.0) is Try.WRONG
    assert code.redeem(new, 2.0) is Try.RIGHT
    assert code.redeem(new, 2.0) is Try.NONE


def test_sessions_have_a_cap_over_everybody() -> None:
    sessions = Sessions(Random(3).randbytes)
    for number in range(limits.MAX_SESSIONS + 5):
        sessions.begin(f"user {number}", secure=True, source="", now=float(number))
    assert len(sessions) == limits.MAX_SESSIONS
    assert min(one.seen for one in sessions) == 5


@pytest.mark.parametrize("text", ["short", "a" * 12, "meshgate1234", "x" * 257, "ada-ada-ada-ada", "line\nbreak in it", "\u0000" * 12, ""])
def test_what_would_be_guessed_first_is_no_passphrase(text: str) -> None:
    with pytest.raises(WeakPassphraseError):
        passphrase.check(text, "ada")


def test_a_passphrase_is_the_same_from_every_keyboard() -> None:
    assert passphrase.check("cafe\u0301 au lait, deux", "ada") == passphrase.check("caf\u00e9 au lait, deux", "ada")


async def test_few_wait_for_a_hash_and_the_others_are_told_to_come_again() -> None:
    hashes = Passphrases(CHEAPEST)
    asked = [asyncio.create_task(hashes.matches(None, GOOD)) for _ in range(limits.MAX_HASHES + limits.MAX_HASHES_WAITING + 3)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(one, BusyError) for one in done) == 3
    assert done.count(False) == limits.MAX_HASHES + limits.MAX_HASHES_WAITING


async def test_there_is_room_for_so_many_people_and_tokens(tmp_path: Path) -> None:
    door = make_door(tmp_path)
    for number in range(limits.MAX_USERS):
        await door.add(f"user{number}")
    with pytest.raises(AccessProblem, match="people already"):
        await door.add("one-more")
    for _ in range(limits.MAX_TOKENS):
        await door.token()
    with pytest.raises(AccessProblem, match="tokens already"):
        await door.token()
    assert (tmp_path / "access.json").stat().st_size < limits.MAX_ACCESS_FILE


async def test_a_full_disk_gives_nobody_a_right_and_still_takes_one_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = make_door(tmp_path)
    await door.add("ada")
    await door.add("bo")

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.admin.access.vault.put_in_place", full)
    with pytest.raises(AccessProblem, match="No space"):
        await door.add("eve")
    with pytest.raises(AccessProblem, match="No space"):
        await door.entrance.remove_user("bo")
    assert [user.name for user in door.entrance.vault.accounts.users] == ["ada"]


async def test_somebody_removed_while_their_passphrase_changes_stays_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = make_door(tmp_path)
    await door.add("ada")
    await door.add("bo")

    async def slow(_text: str) -> str:
        await door.entrance.remove_user("bo")
        return "$argon2id$"

    monkeypatch.setattr(door.entrance._passphrases, "hash", slow)
    with pytest.raises(AccessProblem, match="Nobody has that name"):
        await door.entrance.change_passphrase("bo", GOOD)
    assert door.entrance.vault.accounts.user("bo") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '{"version":1}',
        '{"version":1,"salt":"x"}',
        '{"version":1,"salt":"%s","users":[{"name":"eve","role":"root","passphrase":"$argon2id$"}]}' % ("0" * 32),
        '{"version":1,"salt":"%s","users":[{"name":"eve","role":"admin","passphrase":""}]}' % ("0" * 32),
        '{"version":1,"salt":"%s","backdoor":true}' % ("0" * 32),
    ],
)
def test_a_file_that_is_not_exactly_right_lets_nobody_in(tmp_path: Path, text: str) -> None:
    path = tmp_path / "access.json"
    path.write_text(text)
    path.chmod(0o600)
    vault = Vault(path, Random(1).randbytes)
    assert not vault.is_set_up
    assert vault.found is not None
    assert (tmp_path / "access.json.damaged-1").read_text() == text


def test_somebody_who_stands_there_twice_is_damage() -> None:
    user = {"name": "ada", "role": "admin", "passphrase": "$argon2id$x"}
    with pytest.raises(ValueError, match="twice"):
        decode(json.dumps({"version": 1, "salt": "0" * 32, "users": [user, user]}).encode())


def test_a_file_of_a_newer_version_or_open_to_others_stops_the_start_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "access.json"
    path.write_text('{"version":2,"people":{}}')
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="newer"):
        Vault(path, Random(1).randbytes)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Vault(path, Random(1).randbytes)
    assert path.exists()


async def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    door = make_door(tmp_path)
    await door.add("ada")
    token = await door.token(Role.OPERATOR)
    assert door.entrance.by_token(token, "") is not None
    await door.entrance.keep()
    again = make_door(tmp_path)
    assert isinstance(again.entrance.vault.accounts, Accounts)
    assert again.entrance.vault.is_set_up
    found = again.entrance.by_token(token, "")
    assert found is not None
    assert found.role is Role.OPERATOR
    assert again.entrance.vault.accounts.tokens[0].used == 1_800_000_000


def test_sources_are_networks_where_one_machine_has_a_network() -> None:
    assert source_of("2001:db8:1:2:3:4:5:6") == source_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert source_of("::ffff:192.0.2.7") == source_of("192.0.2.7") == "192.0.2.7"
    assert source_of("fe80::1%eth0") == "fe80::/64"
    assert len({source_of(text) for text in ("", "nonsense")}) == 1


def test_local_is_what_the_house_has() -> None:
    for asker in ("127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.1.1", "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"):
        assert is_local(asker, "192.0.2.1"), asker
    assert is_local("2001:db8:1:2::7", "2001:db8:1:2::1")
    for asker in ("192.0.2.7", "172.32.0.1", "100.64.0.1", "2001:db8:1:3::7", "::ffff:192.0.2.7", ""):
        assert not is_local(asker, "2001:db8:1:2::1"), asker


def test_budgets_of_sources_have_a_cap() -> None:
    buckets = KeyedBuckets(limits.PAGE_RATE, limits.PAGE_BURST, limits.MAX_SOURCES)
    for number in range(limits.MAX_SOURCES * 2):
        buckets.take(str(number).encode(), 0.0)
    assert len(buckets) == limits.MAX_SOURCES


def test_a_certificate_is_kept_read_anew_and_one_that_is_broken_leaves_the_old_in_force(tmp_path: Path) -> None:
    first = PageCertificate(tmp_path / "page.crt", tmp_path / "page.key")
    assert PageCertificate(tmp_path / "page.crt", tmp_path / "page.key").fingerprint == first.fingerprint
    assert not first.is_over(1_800_000_000.0)
    assert not first.is_over(None)
    other = PageCertificate(tmp_path / "b.crt", tmp_path / "b.key")
    before, context = first.fingerprint, first.context
    for name in ("crt", "key"):
        (tmp_path / f"page.{name}").write_bytes((tmp_path / f"b.{name}").read_bytes())
    first.read_anew()
    assert first.fingerprint == other.fingerprint != before
    assert first.context is not context
    (tmp_path / "page.crt").write_text("nonsense")
    with pytest.raises(ConfigError, match="page"):
        first.read_anew()
    assert first.fingerprint == other.fingerprint


async def test_on_the_control_socket_codes_and_tokens_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    door, path = make_door(tmp_path), tmp_path / "control.sock"
    app = web.Application()
    app.add_routes(routed(ROUTES, door.page.resources.answers(), lambda _request: LOCAL))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    try:
        code = await make_setup_code(path)
        assert door.entrance.code.redeem(code.code, door.clock[0]) is Try.RIGHT
        made = await make_token(path, TokenRequest("wall", "send", 3))
        assert door.entrance.by_token(made.token, "") is not None
        assert [one.scope for one in (await get_tokens(path)).tokens] == ["send"]
        await revoke_token(path, made.about.id)
        assert door.entrance.by_token(made.token, "") is None
        with pytest.raises(RefusedError, match="no such token"):
            await revoke_token(path, "none")
        with pytest.raises(RefusedError, match="no such scope"):
            await make_token(path, TokenRequest("wall", "root", 3))
        settings = ["--set", f"control.socket={path}", "--set", f"gateway.state_dir={tmp_path}"]
        assert await asyncio.to_thread(main, ["token", "create", "desk", *settings]) == 0
        shown = capsys.readouterr()
        assert door.entrance.by_token(shown.out.strip(), "") is not None
        assert shown.out.strip() not in shown.err
        assert await asyncio.to_thread(main, ["token", "list", *settings]) == 0
        assert "desk" in (listed := capsys.readouterr().out)
        assert shown.out.strip() not in listed
        assert await asyncio.to_thread(main, ["token", "revoke", door.entrance.vault.accounts.tokens[0].id, *settings]) == 0
        assert await asyncio.to_thread(main, ["setup-code", *settings]) == 0
        assert door.entrance.code.redeem(capsys.readouterr().out.splitlines()[1], door.clock[0]) is Try.RIGHT
    finally:
        await runner.cleanup()
    assert [action for action, actor, _ in door.told if actor == "local:local"] == [
        *("setup_code_made", "token_made", "token_revoked"),
        *("token_made", "token_revoked", "setup_code_made"),
    ]
