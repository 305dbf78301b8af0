"""What a gateway shows a broker: its name there, a password, a certificate; and what it wants to see of the broker's."""

import os
import ssl
import stat
from pathlib import Path

from gateway.config.mqtt import MqttConfig, TlsUse
from gateway.errors import ConfigError
from gateway.telemetry.mqtt.line import Access
from gateway.telemetry.mqtt.session import OFFLINE
from gateway.telemetry.mqtt.topics import Topics
from gateway.telemetry.mqtt.values import Dial, Message

MAX_PASSWORD = 65_535  # bytes MQTT has room for


def load_access(config: MqttConfig, topics: Topics) -> Access:
    """Read the files the configuration names.

    Raises:
        ConfigError: one is missing, unfit, or can be read by others.

    """
    return Access(
        client_id=topics.client_id,
        will=Message(topics.at("status"), OFFLINE, retain=True),
        filters=(topics.commands, topics.peers, *((topics.birth,) if config.discovery else ())),
        username=config.username,
        password=_password(config.password_file) if config.username else None,
        tls=_context(config),
        is_tls=lambda dial: uses_tls(config.tls, dial),
    )


def uses_tls(use: TlsUse, dial: Dial) -> bool:
    """Say whether a broker is spoken to over TLS."""
    return use is TlsUse.ON or (use is TlsUse.AUTO and not dial.broker.is_here)


def _password(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            content = file.read(MAX_PASSWORD + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "Write the password into it, or set mqtt.username to nothing."
        raise ConfigError(f"The file with the password for MQTT, {path}, cannot be read: {reason}. {hint}") from error
    if mode & 0o007:
        raise ConfigError(f"{path} holds the password for MQTT and can be read by others (mode {mode:04o}). Run: chmod 600 {path}")
    try:
        password = content.decode().splitlines()[0] if content.strip() else ""
    except UnicodeDecodeError:
        password = ""
    if not password or len(content) > MAX_PASSWORD:
        raise ConfigError(f"{path} has no password for MQTT on its first line.")
    return password


def _context(config: MqttConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if config.authority_files:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            for path in config.authority_files:
                context.load_verify_locations(path)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if config.client_certificate:
            # An empty password, or OpenSSL asks for one on the terminal.
            context.load_cert_chain(config.certificate_file, config.key_file, password="")
    except (OSError, ssl.SSLError, ValueError) as error:
        files = [*config.authority_files, *((config.certificate_file, config.key_file) if config.client_certificate else ())]
        names = ", ".join(map(str, files))
        raise ConfigError(f"The certificates for MQTT ({names}) cannot be used: {getattr(error, 'strerror', None) or error}.") from error
    return context
