import ssl
import stat
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from transports.websocket.certificate import calling_context, load_certificate
from transports.websocket.errors import CertificateError


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "state" / "websocket.crt", folder / "state" / "websocket.key"


def test_a_missing_pair_is_made_once_kept_and_private(tmp_path: Path) -> None:
    first = load_certificate(*files(tmp_path))
    assert load_certificate(*files(tmp_path)).fingerprint == first.fingerprint
    for path in files(tmp_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in (tmp_path / "state").iterdir()) == ["websocket.crt", "websocket.key"]
    made = x509.load_pem_x509_certificate(files(tmp_path)[0].read_bytes())
    assert first.fingerprint == sha256(made.public_bytes(serialization.Encoding.DER)).digest()
    assert made.subject.rfc4514_string() == "CN=meshgate"  # it says nothing about whose it is
    assert made.not_valid_before_utc.year == 2020
    assert made.not_valid_after_utc.year == 9999


def test_two_gateways_have_two_certificates(tmp_path: Path) -> None:
    assert load_certificate(*files(tmp_path / "a")).fingerprint != load_certificate(*files(tmp_path / "b")).fingerprint


def test_nothing_older_than_tls_1_3_is_spoken(tmp_path: Path) -> None:
    for context in (load_certificate(*files(tmp_path)).context, calling_context()):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_key_left_alone_by_a_power_cut_gets_a_certificate(tmp_path: Path) -> None:
    certificate, key = files(tmp_path)
    load_certificate(certificate, key)
    before = key.read_bytes()
    certificate.unlink()
    load_certificate(certificate, key)
    assert key.read_bytes() == before


def test_a_certificate_without_its_key_is_refused_and_nothing_is_overwritten(tmp_path: Path) -> None:
    certificate, key = files(tmp_path)
    load_certificate(certificate, key)
    key.unlink()
    before = certificate.read_bytes()
    with pytest.raises(CertificateError, match="Restore it"):
        load_certificate(certificate, key)
    assert certificate.read_bytes() == before
    assert not key.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
@pytest.mark.parametrize("with_certificate", [True, False])
def test_a_key_others_can_touch_is_refused_with_the_cure(tmp_path: Path, mode: int, with_certificate: bool) -> None:
    certificate, key = files(tmp_path)
    load_certificate(certificate, key)
    key.chmod(mode)
    if not with_certificate:
        certificate.unlink()
    with pytest.raises(CertificateError, match="chmod 600"):
        load_certificate(certificate, key)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    load_certificate(*files(tmp_path / "a"))
    load_certificate(*files(tmp_path / "b"))
    with pytest.raises(CertificateError, match="cannot be used together"):
        load_certificate(files(tmp_path / "a")[0], files(tmp_path / "b")[1])


def test_what_is_no_certificate_or_key_is_refused(tmp_path: Path) -> None:
    certificate, key = files(tmp_path)
    load_certificate(certificate, key)
    certificate.write_text("nothing")
    with pytest.raises(CertificateError, match="no certificate in PEM form"):
        load_certificate(certificate, key)
    certificate.unlink()
    key.write_text("nothing")
    with pytest.raises(CertificateError, match="no key a certificate could be made for"):
        load_certificate(certificate, key)
    odd = Ed25519PrivateKey.generate()
    key.write_bytes(odd.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    with pytest.raises(CertificateError, match="no key a certificate could be made for"):
        load_certificate(certificate, key)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(CertificateError, match="cannot be used"):
        load_certificate(*files(tmp_path))


def test_an_authority_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"authority .* cannot be used: No such file"):
        calling_context([tmp_path / "missing.pem"])
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(CertificateError, match="cannot be used"):
        calling_context([tmp_path / "empty.pem"])


def test_without_an_authority_the_hello_decides_and_with_one_the_name_counts_as_well(tmp_path: Path) -> None:
    load_certificate(*files(tmp_path))
    assert calling_context().verify_mode is ssl.CERT_NONE
    strict = calling_context([files(tmp_path)[0]])
    assert strict.verify_mode is ssl.CERT_REQUIRED
    assert strict.check_hostname
