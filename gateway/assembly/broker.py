"""Makes what speaks to an MQTT broker, if the operator wants it."""

from collections.abc import Callable
from importlib.util import find_spec
from random import Random
from typing import TYPE_CHECKING

from gateway.bridge.engine import GatewayEngine
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.runtime.steering import Radio, Steering
from gateway.status import GatewayStatus

if TYPE_CHECKING:
    from gateway.telemetry.mqtt.service import Mqtt


def mqtt(
    config: Config,
    engine: GatewayEngine,
    steering: Steering,
    radio: Radio | None,
    *,
    status: Callable[[], GatewayStatus],
    now: Callable[[], float],
    report: Callable[[str], None],
    rng: Random,
) -> "Mqtt | None":
    """Return the service, None if it is switched off.

    Args:
        config: what the operator decided.
        engine: knows the time of day and who is near.
        steering: carries commands out.
        radio: the Bluetooth radio, if there is one.
        status: makes the status.
        now: monotonic seconds.
        report: told sentences for the operator.
        rng: chance.

    Raises:
        ConfigError: the extra is missing, or a password or certificate cannot be used.

    """
    if not config.mqtt.enabled:
        return None
    if find_spec("paho") is None:
        raise ConfigError("Meshgate was installed without MQTT. Install it with: pip install 'meshgate[telemetry]'")
    from gateway.telemetry.mqtt.assembly import assemble  # noqa: PLC0415 -- paho-mqtt is an extra

    def is_near(peer_id: bytes) -> bool:
        peer = engine.mesh.peers.get(peer_id)
        return peer is not None and peer.is_local(now())

    return assemble(
        config,
        engine.mesh.identity,
        steering,
        radio,
        status=status,
        wall_ms=lambda: engine.mesh.wall_ms(now()),
        is_near=is_near,
        report=report,
        rng=rng,
    )
