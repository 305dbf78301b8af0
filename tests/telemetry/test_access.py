"""What a gateway shows a broker is read from files that nobody else may read."""

import pytest

from gateway.config.mqtt import Broker, TlsUse
from gateway.errors import ConfigError
from gateway.telemetry.mqtt.access import MAX_PASSWORD, load_access
from gateway.telemetry.mqtt.values import Dial, Version
from tests.telemetry.certificates import Authority
from tests.telemetry.sights import TOPICS, settings


def written(path, content: bytes, mode: int = 0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_password_is_the_first_line_and_is_sent_only_with_a_user_name(tmp_path):
    file = written(tmp_path / "password", b"sesame\nfor the broker in the hall\n", 0o440)
    assert load_access(settings(username="gate", password_file=file), TOPICS).password == "sesame"  # noqa: S105
    assert load_access(settings(password_file=file), TOPICS).password is None


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\nsesame", b"\xff\xfe", b"x" * (MAX_PASSWORD + 1)])
def test_a_file_without_a_password_is_refused(tmp_path, content):
    file = written(tmp_path / "password", content)
    with pytest.raises(ConfigError, match="has no password"):
        load_access(settings(username="gate", password_file=file), TOPICS)


def test_a_password_others_can_read_is_refused_with_the_command_to_mend_it(tmp_path):
    file = written(tmp_path / "password", b"sesame", 0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 {file}"):
        load_access(settings(username="gate", password_file=file), TOPICS)


def test_a_password_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.*No such file"):
        load_access(settings(username="gate", password_file=tmp_path / "nowhere"), TOPICS)


def test_certificates_that_cannot_be_used_are_named(tmp_path):
    certificate, key = Authority(tmp_path).issue("gateway")
    load_access(settings(client_certificate=True, certificate_file=certificate, key_file=key), TOPICS)
    with pytest.raises(ConfigError, match=str(key)):
        load_access(settings(client_certificate=True, certificate_file=key, key_file=key), TOPICS)
    with pytest.raises(ConfigError, match="junk"):
        load_access(settings(authority_files=(written(tmp_path / "junk", b"junk"),)), TOPICS)


@pytest.mark.parametrize(
    ("use", "host", "is_tls", "port"),
    [
        (TlsUse.AUTO, "broker.example", True, 8883),
        (TlsUse.AUTO, "127.0.0.1", False, 1883),
        (TlsUse.ON, "localhost", True, 8883),
        (TlsUse.OFF, "broker.example", False, 1883),
    ],
)
def test_tls_is_used_with_every_broker_but_those_on_this_machine_unless_told_otherwise(use, host, is_tls, port):
    access, dial = load_access(settings(tls=use), TOPICS), Dial(Broker(host, None), Version.V5)
    assert (access.is_tls(dial), access.port(dial)) == (is_tls, port)
    assert access.port(Dial(Broker(host, 2000), Version.V5)) == 2000


def test_the_last_will_says_offline_and_home_assistant_is_listened_to_only_with_discovery():
    access = load_access(settings(), TOPICS)
    assert (access.will.topic, access.will.payload, access.will.retain) == (TOPICS.at("status"), b"offline", True)
    assert access.filters == (TOPICS.commands, TOPICS.peers, TOPICS.birth)
    assert load_access(settings(discovery=False), TOPICS).filters == (TOPICS.commands, TOPICS.peers)
