"""The log of a command that runs for long."""

import contextlib
import logging
import os
import time
from collections.abc import Iterator

from gateway.config.observing import LogConfig
from gateway.telemetry.events import level_of
from gateway.telemetry.logs import Form, Logs
from gateway.telemetry.redaction import Redactor


@contextlib.contextmanager
def begin_logging(config: LogConfig, form: str | None = None) -> Iterator[Logs]:
    """Write the log to where standard error leads while the context lasts, that of libraries included.

    Args:
        config: what the operator decided.
        form: a word in place of that for the form, None for none.

    """
    redactor = Redactor(os.urandom(16)) if config.redact else None
    logs = Logs(Form(form or config.format.value), level_of(config.level.value), redactor, now=time.monotonic, wall=time.time)
    intake, root = logs.intake(), logging.getLogger()
    root.addHandler(intake)
    try:
        yield logs
    finally:
        root.removeHandler(intake)
        logs.close()
