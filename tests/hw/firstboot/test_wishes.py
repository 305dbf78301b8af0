"""meshgate.toml: taken as a whole or refused with a sentence, whatever stands in it."""

from pathlib import Path

import pytest

from hw.firstboot import limits
from hw.firstboot.document import laid_over, toml
from hw.firstboot.errors import RefusedError
from hw.firstboot.wishes import parse
from tests.hw.firstboot.rig import CARD, KEY, SECRETS, Card


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    return Card(tmp_path).places.root / "usr/share/zoneinfo"


def test_what_is_kept_what_is_used_up_and_what_is_the_gateways_are_told_apart(zones: Path) -> None:
    wishes = parse(CARD.encode(), zones)
    assert wishes.once == {
        "setup_code": "QX7PLK92M",
        "ticket": SECRETS["ticket"],
        "mqtt_password": SECRETS["mqtt_password"],
    }
    assert wishes.settings == {"gateway": {"nickname": "Hut"}}
    assert wishes.box["wifi"] == {"ssid": "Home", "password": SECRETS["wifi"], "country": "DE"}
    assert wishes.box["hostname"] == "hut"
    assert wishes.box["authorized_keys"] == [KEY]


def test_a_file_from_windows_is_read(zones: Path) -> None:
    assert parse(b'\xef\xbb\xbf[appliance]\r\nhostname = "Hut"\r\n', zones).box == {"hostname": "hut"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hostname = ", "not valid TOML"),
        ("hostnam = 'x'", "no key 'hostnam'"),
        ("hostname = 5", "a text in quotes"),
        ("hostname = ''", "1 to 63 characters"),
        ("hostname = '-a'", "letters, digits and -"),
        ("hostname = 'a.b'", "letters, digits and -"),
        (f"hostname = '{'a' * 64}'", "has 64"),
        ("timezone = 'Mars/Base'", "no time zone"),
        ("timezone = '../../etc/passwd'", "no time zone"),
        ("timezone = 'Europe'", "no time zone"),
        ("read_only = 'yes'", "true or false"),
        ("show_setup_code = 1", "true or false"),
        ("wifi = 'Home'", "a table"),
        ("wifi = {password = '12345678'}", "ssid is missing"),
        ("wifi = {ssid = 'Home', pass = 'x'}", "no key 'pass'"),
        ("wifi = {ssid = 'Home', password = '1234567'}", "8 to 64"),
        (f"wifi = {{ssid = 'Home', password = '{'g' * 64}'}}", "8 to 63"),
        ("wifi = {ssid = 'Home', password = 'pässword'}", "ASCII"),
        ("wifi = {ssid = 'Home', hidden = 'no'}", "true or false"),
        ("wifi = {ssid = 'Home', country = 'Germany'}", "2 to 2"),
        ("wifi = {ssid = 'Home', country = '12'}", "two letters"),
        (f"wifi = {{ssid = '{'ä' * 17}'}}", "32 bytes"),
        ('wifi = {ssid = "a\\nkey-mgmt=none"}', "cannot be seen"),
        ("hotspot = {open = true, key = '12345678'}", "one of them"),
        ("hotspot = {channel = 5}", "no key 'channel'"),
        ("authorized_keys = ['command=\"sh\" ssh-ed25519 AAAA']", "Number 1"),
        ("authorized_keys = ['ssh-ed25519 AAAA']", "Number 1"),
        (f"authorized_keys = {['x'] * (limits.MAX_SSH_KEYS + 1)}", "more than 16"),
        (f"authorized_keys = 'ssh-rsa {'A' * limits.MAX_SSH_KEY}'", "4096 characters"),
        ("setup_code = 'ABC'", "too short"),
        ("setup_code = '12345678'", "too easy"),
        ("setup_code = 'QWERTYUIOP'", "too easy"),
        ("setup_code = 'AAAABBBB'", "too easy"),
        ("setup_code = 'meshgate42'", "too easy"),
        ("setup_code = 'Ünmöglich7'", "letters A to Z"),
        (f"setup_code = '{'QX7PLK92' * 5}'", "1 to 32"),
        (f"ticket = '{'t' * (limits.MAX_TICKET + 1)}'", "1 to 2048"),
        (f"mqtt_password = '{'ä' * 600}'", "more than 1024 bytes"),
        ('mqtt_password = "a\\nb"', "cannot be seen"),
        (f"x = {'[' * 40}{']' * 40}", "nested too deeply"),
        (f"x = {'[' * 5000}{']' * 5000}", "nested too deeply"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(zones: Path, text: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        parse(f"[appliance]\n{text}\n".encode(), zones)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"#" * (limits.MAX_CARD + 1), "more than 64 kB"),
        (b"a = 1\nb = '\xff'\n", "Line 2 is not valid UTF-8"),
        (b"appliance = 1\n", "has to be a table"),
    ],
)
def test_a_file_that_is_none_is_refused(zones: Path, data: bytes, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        parse(data, zones)


def test_no_refusal_repeats_a_secret(zones: Path) -> None:
    for name in ("setup_code", "mqtt_password", "ticket"):
        with pytest.raises(RefusedError) as raised:
            parse(f'[appliance]\n{name} = ["hunter22"]\n'.encode(), zones)
        assert "hunter22" not in str(raised.value)
    with pytest.raises(RefusedError) as raised:
        parse(b'[appliance]\nwifi = {ssid = "a", password = "hunter2"}\n', zones)
    assert "hunter2" not in str(raised.value)


def test_what_is_written_as_toml_is_read_as_the_same() -> None:
    import tomllib  # noqa: PLC0415

    table: dict[str, object] = {
        "plain": 'a "quoted" \\ text\twith\x7f everything: ä 🎈',
        "number": -5,
        "share": 0.25,
        "flag": True,
        "with space": [1, "two", [3]],
        "inner": {"deeper": {"x": 1}, "list": [{"a": 1}, {"b": "c"}]},
        "empty": {},
    }
    assert tomllib.loads(toml(table)) == table
    with pytest.raises(ValueError, match="date"):
        toml(tomllib.loads("a = 2024-01-01"))


def test_a_later_card_changes_what_it_names() -> None:
    assert laid_over({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}, "c": 6}) == {"a": {"x": 1, "y": 5}, "b": 3, "c": 6}
