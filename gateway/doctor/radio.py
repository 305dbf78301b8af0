"""The examination of the radio: every check, in the order a person would go through them."""

from collections.abc import Iterator

from gateway.doctor import adapters, machine, settings
from gateway.doctor.facts import RadioFacts, RadioWants
from gateway.doctor.finding import Finding, fail, ok


def examine_radio(facts: RadioFacts, wants: RadioWants, recovery_socket: str) -> list[Finding]:
    """Return what is to be said of the radio."""
    if not wants.enabled:
        return [ok("radio.enabled", "Bluetooth is switched off in the configuration (radio.enabled), so it was not looked at.")]
    return list(_findings(facts, wants, recovery_socket))


def _findings(facts: RadioFacts, wants: RadioWants, recovery_socket: str) -> Iterator[Finding]:
    yield adapters.check_service(facts)
    yield from _wished(facts, wants)
    yield from adapters.check_switches(facts.switches)
    for adapter in facts.adapters:
        yield adapters.check_rights(adapter)
        yield adapters.check_power(adapter)
        yield adapters.check_roles(adapter)
        yield adapters.check_advertising(adapter, gateway_runs=facts.gateway_runs)
        yield adapters.check_packets(adapter, facts.board)
        yield adapters.check_busy(adapter, gateway_runs=facts.gateway_runs)
        yield from adapters.check_wifi(adapter)
    if facts.trouble is None or facts.settings.options is not None:  # else there is no BlueZ that could have settings
        yield from settings.check_all(facts, announce_peer_id=wants.announce_peer_id)
    yield machine.check_clock(facts.clock, is_set=facts.clock_set, trusted=wants.trust_clock)
    yield machine.check_recovery(facts.recovery, recovery_socket)


def _wished(facts: RadioFacts, wants: RadioWants) -> Iterator[Finding]:
    """Every adapter the configuration names is there."""
    there = {name.upper() for adapter in facts.adapters for name in (adapter.name, adapter.address)}
    for wish in wants.adapters:
        name = wish.partition("=")[0].strip()
        if facts.trouble is None and name.upper() not in there:
            remedy = "Plug it in, or change radio.adapters; an empty list takes whatever is there."
            yield fail("radio.adapters", f"The adapter {_shown(name)} of radio.adapters is not there.", remedy, _shown(name))


def _shown(adapter: str) -> str:
    """An address is cut short: what the doctor says is pasted into reports."""
    return f"…{adapter[-5:]}" if ":" in adapter else adapter
