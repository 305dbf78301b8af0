"""The certificate of the page: the box's own from its first start, or the operator's; read anew when told to.

Nobody vouches for the one it makes. What makes up for that is its fingerprint, which stands where the setup code stands,
and in the certificate that a browser shows.
"""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from gateway.errors import ConfigError
from transports.websocket.certificate import Certificate, load_certificate
from transports.websocket.errors import CertificateError

CERTIFICATE_FILE: Final = "page.crt"
KEY_FILE: Final = "page.key"
_ALWAYS: Final = ("localhost", "meshgate.local", "127.0.0.1", "::1")


class PageCertificate:
    """The certificate in force.

    Args:
        certificate: file in PEM form.
        key: file in PEM form; both are made if both are missing.
        names: under which this machine is asked for.

    Raises:
        ConfigError: they cannot be used.

    """

    def __init__(self, certificate: Path, key: Path, names: Sequence[str] = ()) -> None:
        self.file = certificate
        self._key = key
        self._names = tuple(dict.fromkeys((*_ALWAYS, *names)))
        self._served = self._load()

    @property
    def context(self) -> ssl.SSLContext:
        """For the next connection."""
        return self._served.context

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers show it: pairs of digits with colons."""
        return self._served.fingerprint.hex(":").upper()

    def ends(self) -> datetime:
        """Return when it ends to be valid; raises `ConfigError` if it cannot be read any more."""
        try:
            return x509.load_pem_x509_certificates(self.file.read_bytes())[0].not_valid_after_utc
        except (OSError, ValueError) as error:
            raise ConfigError(f"The certificate of the page, {self.file}, cannot be read.") from error

    def is_over(self, wall: float | None) -> bool:
        """Whether browsers refuse it because its time is over; while nobody knows the time, it is not."""
        return wall is not None and self.ends() < datetime.fromtimestamp(wall, UTC)

    def read_anew(self) -> None:
        """Take the files as they are now; raises `ConfigError`, and what was in force stays."""
        self._served = self._load()

    def _load(self) -> Certificate:
        try:
            served = load_certificate(self.file, self._key, self._names, ssl.TLSVersion.TLSv1_2)
        except CertificateError as error:
            raise ConfigError(f"The page cannot be served over TLS. {error}") from error
        served.context.set_alpn_protocols(["http/1.1"])
        return served
