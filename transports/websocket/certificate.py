"""The TLS certificate of a gateway, and what both ends of a connection demand of TLS.

A gateway makes its own certificate at the first start. Nobody needs to trust it: it only gives the channel a
name, and the hello proves with the gateway's Ed25519 key that this name belongs to it. Whoever has a
certificate of an authority may put it in the place of the home-made one.
"""

import contextlib
import os
import secrets
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from transports.websocket.errors import CertificateError

_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)  # before any clock that is set; a board may start with none
_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # "no well-defined expiration date", RFC 5280, 4.1.2.5
_MAX_FILE = 256 * 1024  # bytes; a long chain has a tenth of that


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that can be served."""

    fingerprint: bytes  # SHA-256 of the certificate in DER: the name of the channel
    context: ssl.SSLContext  # for the listening side


def load_certificate(
    certificate: Path, key: Path, names: Sequence[str] = (), oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Certificate:
    """The certificate from its two files; what is missing is made (mode 0600), but never a key for a certificate that is there.

    Args:
        certificate: in PEM form, those of its authorities behind it.
        key: in PEM form.
        names: names and IP addresses that stand in one that is made, for those who check them, as browsers do.
        oldest: version of TLS that is spoken.

    Raises:
        CertificateError: one is missing, the key can be read by others, or they cannot be used.
    """
    try:
        if not certificate.exists():
            if not key.exists():
                _make_key(key)
            _check_mode(key)
            _make_certificate(certificate, key, names)
        _check_mode(key)
        return Certificate(sha256(_first_der(certificate)).digest(), _listening(certificate, key, oldest))
    except ssl.SSLError as error:
        raise CertificateError(f"The certificate {certificate} and the key {key} cannot be used together: {error.reason}.") from error
    except FileNotFoundError as error:
        raise CertificateError(
            f"{error.filename} is missing. Restore it, or delete {certificate} as well and let the gateway make both anew."
        ) from error
    except OSError as error:
        raise CertificateError(f"The certificate {certificate} or its key {key} cannot be used: {error.strerror or error}.") from error


def calling_context(authorities: Sequence[Path] = ()) -> ssl.SSLContext:
    """TLS for the calling side.

    Without authorities any certificate is taken, because the hello decides, not the certificate; with some, the
    certificate must also be signed by one of them and name the host that was called.

    Raises:
        CertificateError: a file of an authority cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if not authorities:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for path in authorities:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            raise CertificateError(f"The certificate authority {path} cannot be used: {error.strerror or error}.") from error
    return context


def _listening(certificate: Path, key: Path, oldest: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = oldest
    context.num_tickets = 0  # connections live for days: resuming them is worth nothing
    context.load_cert_chain(certificate, key)
    return context


def _first_der(path: Path) -> bytes:
    with path.open("rb") as file:
        pem = file.read(_MAX_FILE)
    try:
        return x509.load_pem_x509_certificates(pem)[0].public_bytes(serialization.Encoding.DER)
    except ValueError as error:
        raise CertificateError(f"{path} holds no certificate in PEM form.") from error


def _check_mode(key: Path) -> None:
    mode = key.stat().st_mode
    if mode & 0o077:
        raise CertificateError(
            f"The key {key} can be read by other users (mode {stat.S_IMODE(mode):04o}). Run: chmod 600 {key}; "
            f"if others may have read it, delete it with its certificate and let the gateway make new ones."
        )


def _make_key(path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    _write(path, private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def _make_certificate(path: Path, key: Path, names: Sequence[str]) -> None:
    """Write a certificate for the key that is there: the one just made, or one that was left alone by a power cut."""
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CertificateError(f"{path} is missing, and {key} is no key a certificate could be made for. Restore it.")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "meshgate")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    _write(path, builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(path: Path, data: bytes) -> None:
    """Write a file beside its place and link it there, so that a crash leaves a whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
