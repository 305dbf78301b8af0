"""The filters of the role, in the Python that has Ansible."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.update.keys import public_of
from tests.ansible.boxes import ANSIBLE, tool
from tests.update.bundles import SEED, bundle_at

pytestmark = [pytest.mark.ansible, pytest.mark.timeout(60)]

CALL = """
import json, runpy, sys
filters = runpy.run_path(sys.argv[1])["FilterModule"]().filters()
try:
    print(json.dumps(filters[sys.argv[2]](json.loads(sys.argv[3]), **json.loads(sys.argv[4]))))
except Exception as error:
    print(json.dumps({"refused": str(error)}))
"""
PAGE = {"enabled": True, "listen": []}
NOTHING = {
    "page": PAGE,
    "transports": {
        "libp2p": {"enabled": False, "listen": ["/ip4/0.0.0.0/tcp/4001"]},
        "websocket": {"enabled": False, "listen": ["0.0.0.0:8443"]},
    },
    "metrics": {"listen": []},
}


def ask(name: str, value: object, **options: object) -> Any:
    plugin = ANSIBLE / "roles" / "meshgate_app" / "filter_plugins" / ("bundle.py" if name == "meshgate_bundle" else "meshgate.py")
    return json.loads(tool("python", "-c", CALL, str(plugin), name, json.dumps(value), json.dumps(options)).stdout)


def test_settings_are_the_same_when_they_are_read_again() -> None:
    settings = {
        "config_version": 1,
        "gateway": {"nickname": 'Café "Süd" \\ \u007f\n\t'},
        "transports": {"order": ["libp2p", "websocket"], "libp2p": {"enabled": True, "listen": []}},
        "odd key": {"half": 0.5, "negative": -3, "empty": {}},
    }
    expected = json.loads(json.dumps(settings))
    del expected["odd key"]["empty"]
    assert tomllib.loads(ask("meshgate_toml", settings)) == expected


def test_what_toml_has_no_word_for_is_refused_by_name() -> None:
    assert ask("meshgate_toml", {"bridge": {"cell": None}}) == {"refused": "bridge.cell cannot be written into the configuration: None"}


def test_what_is_switched_off_or_for_this_machine_only_opens_no_port() -> None:
    local = {**NOTHING, "page": {"enabled": True, "listen": ["127.0.0.1:8480", "[::1]:8480", "localhost:8480"]}}
    assert ask("meshgate_ports", local) == []
    assert ask("meshgate_ports", {**local, "page": {"enabled": False, "listen": ["0.0.0.0:8481"]}}, port_80=True) == []


def test_what_listens_for_others_opens_its_port() -> None:
    config = {
        "page": {"enabled": True, "listen": ["[::]:8481", "0.0.0.0:8481"]},
        "transports": {
            "libp2p": {"enabled": True, "listen": ["/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4002"]},
            "websocket": {"enabled": True, "listen": ["0.0.0.0:8443"]},
        },
        "metrics": {"listen": ["192.0.2.7:9477"]},
    }
    found = ask("meshgate_ports", config, port_80=True)
    assert [(one["port"], one["page"]) for one in found] == [
        (80, True),
        (4001, False),
        (4002, False),
        (8443, False),
        (8481, True),
        (9477, False),
    ]


def test_an_address_of_an_unknown_form_is_refused_and_not_passed_over() -> None:
    odd = {**NOTHING, "metrics": {"listen": ["everywhere"]}}
    assert ask("meshgate_ports", odd) == {"refused": "everywhere is no address whose port could be opened (metrics)"}


def test_a_bundle_that_is_genuine_says_which_version_it_is(tmp_path: Path) -> None:
    (tmp_path / "release.pub").write_text(f"{public_of(SEED).hex()}  # a key\n")
    bundle, keys = bundle_at(tmp_path / "some.meshgate"), [str(tmp_path / "release.pub")]
    said = ask("meshgate_bundle", str(bundle), keys=keys)
    assert said == {"version": "0.2.0", "machine": "x86_64", "pythons": ["cp311", "cp313"]}
    data = bundle.read_bytes()
    (tmp_path / "changed.meshgate").write_bytes(data)
    # In its manifest, its signature, a header, a member, and its end; and one that is cut short, or longer.
    places = (600, data.index(b"manifest.sig") + 600, data.index(b"units/etc"), data.index(b"PKPK"), len(data) - 1)
    changed = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in places]
    for other in (*changed, data[:-700], data + b"\0", b"", b"\0" * 4096):
        (tmp_path / "changed.meshgate").write_bytes(other)
        assert "is not a bundle that can be believed" in ask("meshgate_bundle", str(tmp_path / "changed.meshgate"), keys=keys)["refused"]
    for nobody in ([], [str(tmp_path / "none.pub")]):
        assert "Nothing was changed" in ask("meshgate_bundle", str(bundle), keys=nobody)["refused"]
