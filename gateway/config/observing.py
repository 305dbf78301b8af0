"""Settings of what the gateway tells about itself: metrics and the log."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from gateway.config.about import About
from gateway.limits import MAX_METRICS_ADDRESSES, MAX_METRICS_TOKENS
from transports.websocket.address import parse_listen as parse_place


class MetricsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where Prometheus and probes may ask; on the control socket they always may."""

    listen: Annotated[
        tuple[str, ...],
        About(
            "The addresses for /metrics, /healthz and /readyz over HTTP; an empty list has none. "
            "One that other machines can reach needs metrics.token_files.",
            allowed="ADDRESS:PORT or [ADDRESS]:PORT, such as 127.0.0.1:9477",
            check=parse_place,
            most=MAX_METRICS_ADDRESSES,
        ),
    ] = ()
    token_files: Annotated[
        tuple[Path, ...],
        About(
            "Files with tokens, one of which must be shown there (Authorization: Bearer ...) for everything but /healthz; "
            "with an empty list nothing is asked for. The files are read anew when the gateway is told to reload.",
            most=MAX_METRICS_TOKENS,
        ),
    ] = ()


class LogFormat(StrEnum):
    """How the log is written."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"
    JOURNAL = "journal"


class LogLevel(StrEnum):
    """What is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The log, which goes to standard error or to systemd's journal."""

    format: Annotated[
        LogFormat,
        About(
            'How entries are written: "text" for people, "json" for programs, "journal" with fields of its own; '
            '"auto" chooses the journal if standard error leads there, text on a terminal, and else json.'
        ),
    ] = LogFormat.AUTO
    level: Annotated[
        LogLevel,
        About('What is worth an entry; "debug" has one for every decision about a message.', restart=False),
    ] = LogLevel.INFO
    redact: Annotated[
        bool,
        About(
            "Whether nicknames, texts, keys and tokens are taken out of the log and the answers to probes, "
            "and IDs of people and sites are replaced by pseudonyms that change with every start."
        ),
    ] = True
