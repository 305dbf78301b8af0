"""What must not be in an image is found, wherever it lies."""

from pathlib import Path

import pytest

from image.debian.clean import clean
from image.debian.scan import scan
from tests.image.small import EPOCH

KEY = "-----BEGIN " + "OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n" * 3
PLANTED = [
    ("etc/ssh/ssh_host_ed25519_key", KEY, "a host key"),
    ("etc/ssl/private/own.pem", KEY.replace("OPENSSH ", "EC "), "a private key"),
    ("opt/meshgate/versions/0.1.0/lib/key.pem", KEY.replace("OPENSSH ", ""), "a private key"),
    ("opt/meshgate/versions/0.1.0/lib/python3.13/site-packages/gateway/key.py", KEY, "a private key"),
    ("opt/meshgate/versions/0.1.0/lib/python3.13/site-packages/library/key.pem", KEY, "a private key"),
    ("boot/firmware/wpa.conf", "network={\n  psk=correct-horse\n}\n", "a password of a Wi-Fi"),
    ("etc/NetworkManager/system-connections/home.nmconnection", "[wifi-security]\n", "a connection of NetworkManager"),
    ("etc/mosquitto/meshgate.passwd", "meshgate:$7$101$" + "A1b2C3d4" * 8 + "\n", "a hash of a password"),
    ("root/.pip/pip.conf", "index-url = https://me:hunter2@example.org/simple\n", "an address with a password"),
    ("etc/apt/sources.list", "deb https://me:hunter2@example.org/debian trixie main\n", "an address with a password"),
    ("home/me/notes", "token ghp_" + "a1B2" * 9 + "\n", "a token"),
    ("var/lib/meshgate/identity.key", "00", "state of a gateway"),
    ("var/lib/bluetooth/AA:BB/info", "[LinkKey]\n", "bonds of Bluetooth"),
    ("var/lib/systemd/random-seed", "x", "who this machine is"),
    ("var/log/syslog", "once\n", "a log"),
    ("etc/meshgate/release-keys/release.key", "meshgate-signing-key 00\n", "a key that signs"),
    ("boot/firmware/meshgate-info.txt", "The setup code: ABCD-1234\n", "a setup code"),
    ("etc/machine-id", "0123456789abcdef0123456789abcdef\n", "who this machine is"),
    ("etc/shadow", "root:*:1::::::\npi:$6$salt$" + "h" * 40 + ":1::::::\n", "a hash of a password"),
    ("etc/shadow", "root::1::::::\n", "root can log in without a password"),
    ("var/lib/cloud/instance/user-data.txt", "#cloud-config\n", "what cloud-init did"),
]


def test_a_root_that_was_cleaned_has_no_secret(root: Path) -> None:
    clean(root, EPOCH)
    assert scan(root) == []


@pytest.mark.parametrize(("name", "text", "what"), PLANTED, ids=[f"{what}: {name}" for name, _, what in PLANTED])
def test_a_secret_that_was_planted_is_found_and_not_told(root: Path, name: str, text: str, what: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    found = [one for one in scan(root) if one.path == name and one.what == what]
    assert len(found) == 1
    assert not any(word in str(found[0]) for word in ("correct-horse", "hunter2", "ABCD-1234", "b3Blbn", "ghp_"))


def test_a_link_to_a_key_is_found_by_its_name(root: Path) -> None:
    (root / "etc/ssh").mkdir()
    (root / "etc/ssh/ssh_host_rsa_key").symlink_to("/dev/null")
    assert [one.what for one in scan(root)] == ["a host key"]


def test_what_cannot_be_read_is_not_vouched_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, *_mode: str) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError):
        scan(root)


def test_a_library_may_test_itself_with_a_key_of_its_own(root: Path) -> None:
    home = root / "opt/meshgate/versions/0.1.0/lib/python3.13/site-packages/library/tests"
    home.mkdir(parents=True)
    (home / "test_keys.py").write_text(KEY)
    assert scan(root) == []


def test_words_about_keys_are_no_keys(root: Path) -> None:
    (root / "etc/meshgate/note").write_text("-----BEGIN PRIVATE KEY----- is how one begins; mqtt://user:${PASSWORD}@host; psk = \n")
    assert scan(root) == []


def test_cleaning_takes_what_is_of_one_machine_and_leaves_the_rest(root: Path) -> None:
    for name in (
        "etc/ssh/ssh_host_rsa_key",
        "var/log/apt/history.log",
        "var/lib/systemd/random-seed",
        "var/lib/NetworkManager/secret_key",
        "etc/passwd-",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / "etc/ssh/sshd_config").write_text("# settings\n")
    clean(root, EPOCH)
    assert scan(root) == []
    assert (root / "etc/ssh/sshd_config").exists()
    assert (root / "var/log/apt").is_dir()
    assert (root / "etc/machine-id").read_bytes() == b""
    assert not list((root / "var/lib/NetworkManager").iterdir())
    clean(root, EPOCH)  # twice is as once
