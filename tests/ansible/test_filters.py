"""The filters of the role, in the Python that has Ansible."""

import json
import tomllib
from typing import Any

import pytest

from tests.ansible.boxes import ANSIBLE, tool

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
    plugin = ANSIBLE / "roles" / "meshgate_app" / "filter_plugins" / "meshgate.py"
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
