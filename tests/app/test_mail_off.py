"""``mail.enabled = false`` in a whole gateway: nothing is taken, sites are told so, and everything else goes on."""

from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.assembly.announced import shown
from gateway.bridge.engine import BridgeMode
from gateway.bridge.mail import KINDS
from gateway.bridge.place import Place
from gateway.config import load
from gateway.mesh.effects import SendFrame
from gateway.mesh.events import ClockSet
from gateway.wire import envelope as wire
from gateway.wire.envelope import Kind
from transports.link import Capability, LinkId, LinkUp


def gateway_with(directory: Path, *overrides: str) -> Gateway:
    settings = [f"gateway.state_dir={directory}", f"control.socket={directory}/control.sock", "page.enabled=false", *overrides]
    return Gateway(load(None, {}, settings).config, [])


def understood(gateway: Gateway) -> frozenset[int]:
    """What a gateway tells a site that it understands."""
    gateway.engine.handle(ClockSet(1_800_000_000.0), 0.0)
    effects = gateway.engine.handle(LinkUp(LinkId("libp2p:far"), 1_000_000, Capability.WIDE_AREA, "far"), 0.0)
    (greeting,) = [wire.decode(one.frame) for one in effects if isinstance(one, SendFrame)]
    assert greeting.kind is Kind.PRESENCE
    return frozenset(greeting.body)


@pytest.mark.parametrize(("overrides", "holds"), [((), True), (("mail.enabled=true",), True), (("mail.enabled=false",), False)])
async def test_a_gateway_holds_mail_unless_its_operator_does_not_want_it(tmp_path: Path, overrides: tuple[str, ...], holds: bool) -> None:
    gateway = gateway_with(tmp_path, "bridge.mode=open", *overrides)
    assert (gateway.engine.mesh.office is not None) is holds
    assert understood(gateway) & KINDS == (KINDS if holds else frozenset())
    assert Kind.FRAME in understood(gateway)
    assert gateway.status().mail.waiting == 0


@pytest.mark.parametrize("mode", list(BridgeMode))
def test_the_switch_counts_in_every_mode_and_changes_nothing_else(mode: BridgeMode) -> None:
    with_mail, without = (shown("Hut", mode, Place("u4pruy"), mail=mail) for mail in (True, False))
    assert (with_mail.carries_mail, without.carries_mail) == (True, False)
    assert (with_mail.nickname, with_mail.capabilities, with_mail.notice) == (without.nickname, without.capabilities, without.notice)
