"""Talking to systemd: that the service is ready, what it does, and that it lives (sd_notify(3)).

One datagram per word to the socket in ``$NOTIFY_SOCKET``. Where nobody asked for it, nothing is sent.
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_MOST: Final = 4_000  # bytes of a datagram; systemd reads 4 kB


class Notifier:
    """Tells systemd how this service is doing.

    Args:
        env: where ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` are looked for.

    Attributes:
        watchdog_s: seconds without `alive` after which systemd ends the service, None if it does not watch.

    """

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        env = os.environ if env is None else env
        self._address = _address(env.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog(env) if self._address is not None else None

    def ready(self) -> bool:
        """Say that everything is set up."""
        return self._send("READY=1")

    def status(self, sentence: str) -> bool:
        """Show a sentence in ``systemctl status``."""
        return self._send(f"STATUS={' '.join(sentence.split())}")

    def alive(self) -> bool:
        """Feed the watchdog."""
        return self._send("WATCHDOG=1")

    def stopping(self) -> bool:
        """Say that the service is about to end."""
        return self._send("STOPPING=1")

    def reloading(self) -> bool:
        """Say that the configuration is read anew; `ready` ends that."""
        return self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def _send(self, text: str) -> bool:
        """Send one datagram; False if nobody took it, which is no reason to stop anything."""
        if self._address is None:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto(text.encode()[:_MOST], self._address)
        except OSError:
            return False
        return True


def _address(text: str) -> str | None:
    """Return the socket's address; a leading @ stands for the zero byte of an abstract one."""
    if text[:1] not in {"/", "@"}:
        return None
    return "\0" + text[1:] if text[0] == "@" else text


def _watchdog(env: Mapping[str, str]) -> float | None:
    period, pid = env.get("WATCHDOG_USEC", ""), env.get("WATCHDOG_PID", "")
    if not period.isdecimal() or int(period) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(period) / 1_000_000
