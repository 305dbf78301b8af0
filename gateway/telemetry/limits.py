"""The caps of what the gateway tells its operator: logs, metrics and MQTT.

The same rules as in `gateway.limits`; `docs/reference/limits.md` is made from both.
"""

from typing import Final

# Logs and metrics
LOG_RATE: Final = 20.0  # entries a second; errors are always written, the rest is counted: a log must not wear out the card
LOG_BURST: Final = 400.0
MAX_LOG_SENTENCE: Final = 4_096  # characters
METRICS_CACHE_S: Final = 1.0  # seconds one answer serves all who ask for metrics, so that nobody can keep the gateway busy with asking
METRICS_CONNECTIONS: Final = 32  # open at once on all addresses for metrics; more are closed
METRICS_RATE: Final = 50.0  # requests a second over those addresses; more are refused with 429
METRICS_BURST: Final = 100.0
MAX_TOKEN: Final = 1_024  # bytes of a file with a token

# MQTT
MAX_MQTT_PACKET: Final = 65_536  # bytes of one packet of the broker's: MQTT itself would allow 256 MiB, all of it held in memory
MAX_MQTT_COMMAND: Final = 4_096  # bytes of a command
MAX_MQTT_TEXT: Final = 500  # bytes of UTF-8 in a notice for the mesh
MAX_MQTT_TRANSACTION: Final = 64  # characters
MAX_MQTT_ANSWERS: Final = 64  # transactions remembered, so that a command that comes twice is carried out once
MQTT_COMMAND_AGE_S: Final = 30.0  # seconds between when a command says it was made and now, either way
MQTT_COMMAND_RATE: Final = 1.0  # commands a second that are answered; the rest is counted
MQTT_COMMAND_BURST: Final = 10.0
MQTT_SEND_RATE: Final = 0.1  # notices for the mesh a second: air time belongs to the phones
MQTT_SEND_BURST: Final = 3.0
MQTT_READ_RATE: Final = 200.0  # packets a second read from the broker; the rest waits there
MQTT_READ_BURST: Final = 400.0
MAX_MQTT_INBOUND: Final = 128  # commands that wait for the event loop; more are dropped and counted
MAX_MQTT_INFLIGHT: Final = 16  # messages the broker has not acknowledged
MAX_MQTT_OUTBOX: Final = 1_000  # events that wait for a broker; the oldest gives way
MAX_MQTT_OUTBOX_BYTES: Final = 1024 * 1024  # bytes of them, in memory only: a broker that is away cannot fill a disk
MQTT_EVENT_LIFETIME_S: Final = 3600.0  # seconds an event is news
MQTT_EVENT_RATE: Final = 0.1  # events of one kind a second, as strangers can cause them; the rest is counted in the next
MQTT_EVENT_BURST: Final = 5.0
MQTT_COUNT_RATE: Final = 1 / 300  # the same for what happens all the time, such as copies that are dropped
MAX_MQTT_PEERS: Final = 64  # peers with a topic, and so retained by the broker
