"""What a network may be told: what is there is taken, everything else refused with the reason."""

import warnings

import pytest

from gateway.network import Mode, NetworkConfig, NetworkWarning, P2PNetwork
from gateway.network.peers import who_is_at
from transports.libp2p.identity import peer_id_of
from transports.limits import MAX_MEMBERS

ONE, OTHER = peer_id_of(bytes(32)), peer_id_of(bytes(31) + b"x")


def refused(**settings: object) -> str:
    with pytest.raises(ValueError) as error:
        NetworkConfig(**settings)
    return str(error.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"transport_priority": ["libp2p", "betanet"]}, "betanet is not built"),
        ({"transport_priority": ["mesh"]}, "the radio"),
        ({"transport_priority": ["libp2"]}, "did you mean 'libp2p'"),
        ({"transport_priority": ["carrier pigeon"]}, "There is no transport"),
        ({"transport_priority": []}, "at least one"),
        ({"transport_priority": ["libp2p", "libp2p"]}, "once"),
        ({"mode": "privacy-first"}, "needs BetaNet"),
        ({"mode": "anonymous"}, "needs BetaNet"),
        ({"mode": "mesh"}, "needs the radio"),
        ({"mode": "offline_first"}, "did you mean 'offline-first'"),
        ({"mode": "turbo"}, "There is no mode"),
        ({"mode": "direct", "transport_priority": ["websocket"]}, "libp2p comes first"),
        ({"mode": "cost-aware"}, "which transports cost money"),
        ({"metered": ["websocket"]}, "for mode cost-aware"),
        ({"mode": "cost-aware", "metered": ["betanet"]}, "not in transport_priority"),
        ({"enable_encryption": False}, "cannot be switched off"),
        ({"max_peers": 0}, "between 1 and"),
        ({"max_peers": MAX_MEMBERS + 1}, "between 1 and"),
        ({"patience_s": 0}, "positive"),
        ({"listen": ["/ip4/127.0.0.1/tcp/0"], "transport_priority": ["websocket"]}, "not in transport_priority"),
        ({"listen": ["everywhere"]}, "everywhere"),
    ],
)
def test_what_is_not_there_is_refused_and_never_passed_over(settings: dict, words: str) -> None:
    assert words in refused(**settings)


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_there_is_can_be_chosen(mode: Mode) -> None:
    metered = ["websocket"] if mode is Mode.COST_AWARE else []
    assert NetworkConfig(mode=str(mode), metered=metered).mode is mode


def test_the_modes_differ_in_how_long_they_wait() -> None:
    assert NetworkConfig(mode="offline-first").manners.patience_s > NetworkConfig(mode="hybrid").manners.patience_s
    assert not NetworkConfig(mode="direct").manners.waits
    assert NetworkConfig(patience_s=1.0).manners.patience_s == 1.0


def test_nat_traversal_is_warned_about_because_there_is_none() -> None:
    with pytest.warns(NetworkWarning, match="changes nothing"):
        NetworkConfig(enable_nat_traversal=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NetworkConfig()


def test_a_mapping_is_taken_and_a_misspelt_name_is_not() -> None:
    assert P2PNetwork({"mode": "direct", "max_peers": 3}).config.max_peers == 3
    with pytest.raises(ValueError, match="did you mean 'max_peers'"):
        P2PNetwork({"max_peer": 3})


def test_addresses_are_those_of_one_program_and_of_known_kinds() -> None:
    libp2p, websocket = f"/ip4/127.0.0.1/tcp/1/p2p/{ONE}", f"wss://127.0.0.1:2#{ONE}"
    assert who_is_at([libp2p, websocket]) == (ONE, {"libp2p": [libp2p], "websocket": [websocket]})
    for addresses in ([], [libp2p, f"wss://127.0.0.1:2#{OTHER}"], ["ws://127.0.0.1:2"], ["peer_address"], [f"ws://127.0.0.1:1#{ONE}"]):
        with pytest.raises(ValueError):
            who_is_at(addresses)
