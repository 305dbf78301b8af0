"""System directories for the service, the user's own for everybody else."""

from pathlib import Path

import pytest

from gateway.config.paths import SYSTEM_CONFIG, _is_system, expand, places
from gateway.errors import ConfigError

ADA = {"HOME": "/home/ada"}


def test_root_and_the_service_use_the_system_directories():
    for where in (places(ADA, root=True), places(ADA | {"STATE_DIRECTORY": "/var/lib/meshgate"}, root=False)):
        assert (where.state, where.runtime) == (Path("/var/lib/meshgate"), Path("/run/meshgate"))
        assert where.config == (SYSTEM_CONFIG,)


def test_the_service_uses_what_systemd_hands_over():
    env = {"HOME": "/", "STATE_DIRECTORY": "/var/lib/gate2:/var/lib/more", "RUNTIME_DIRECTORY": "/run/gate2"}
    where = places(env, root=False)
    assert (where.state, where.runtime) == (Path("/var/lib/gate2"), Path("/run/gate2"))


def test_a_user_has_directories_of_their_own():
    where = places(ADA, root=False)
    assert where.state == Path("/home/ada/.local/state/meshgate")
    assert where.runtime == Path("/home/ada/.local/state/meshgate/run")
    assert where.config == (SYSTEM_CONFIG, Path("/home/ada/.config/meshgate"))


def test_xdg_variables_count_if_they_are_absolute():
    env = ADA | {"XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/run/user/1000", "XDG_CONFIG_HOME": "relative"}
    where = places(env, root=False)
    assert where.state == Path("/s/meshgate")
    assert where.runtime == Path("/run/user/1000/meshgate")
    assert where.config[-1] == Path("/home/ada/.config/meshgate")


def test_without_a_home_directory_there_is_a_sentence_and_no_traceback(monkeypatch):
    def nobody():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(ConfigError, match="Set HOME"):
        places({}, root=False)


@pytest.mark.parametrize(("text", "path"), [("~", "/home/ada"), ("~/x", "/home/ada/x"), ("~x", "/d/~x"), ("x", "/d/x"), ("/x", "/x")])
def test_a_path_is_taken_as_it_was_meant(text, path):
    assert expand(text, places(ADA, root=False), Path("/d")) == Path(path)


def test_the_user_who_has_the_services_state_means_the_service(tmp_path: Path) -> None:
    owner = tmp_path.stat().st_uid
    assert _is_system(owner, tmp_path)
    assert _is_system(0, tmp_path)
    assert not _is_system(owner + 4711, tmp_path)
    assert not _is_system(owner + 4711, tmp_path / "missing")
