"""Whether the page can be reached by those who should, and by nobody else: its setup, certificate and addresses. Nothing is changed."""

import os
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from gateway.admin.access.vault import FILE_NAME, decode
from gateway.admin.limits import MAX_ACCESS_FILE
from gateway.config import Config
from gateway.config.page import PageConfig, PlainHttp
from gateway.doctor.finding import Finding, fail, ok, unknown, warn
from gateway.doctor.host_facts import PageFacts
from gateway.errors import ConfigError
from gateway.status import GatewayStatus
from gateway.telemetry.health import Name
from gateway.telemetry.listener import is_loopback
from hw.clock import EARLIEST
from transports.websocket.address import parse_listen
from transports.websocket.certificate import load_certificate
from transports.websocket.errors import CertificateError

SOON_DAYS: Final = 30.0  # days before its end at which a certificate wants to be replaced
_NEVER_DAYS: Final = 36_500.0
_OWN_USER: Final = "Run the doctor as the gateway's own user: sudo -u meshgate meshgate doctor."


def look_at_page(config: Config, status: GatewayStatus | None, wall: float) -> PageFacts | None:
    """Return what can be seen of the page, None if it is switched off; never raises for anything that is missing.

    Args:
        config: what the operator decided.
        status: of the running gateway, None if none runs.
        wall: Unix seconds.

    """
    page = config.page
    if not page.enabled:
        return None
    is_set_up, people = _people(config.gateway.state_dir / FILE_NAME)
    days, certificate = _certificate(page, wall)
    unreachable = [one for one in (status.problems if status is not None else ()) if one.name == Name.PAGE_UNREACHABLE]
    return PageFacts(
        is_set_up=is_set_up,
        people_trouble=people,
        reaches_others=any(not is_loopback(parse_listen(text).host) for text in page.listen),
        serves_plain=page.plain_http is PlainHttp.SERVE,
        days_left=days,
        certificate_trouble=certificate,
        unreachable=unreachable[0].sentence if unreachable else "",
    )


def check_page(facts: PageFacts) -> Iterator[Finding]:
    """Say how it is with the page."""
    if facts.unreachable:
        yield fail("page.listen", facts.unreachable, "Find who has the port with `ss -ltnp`, or change page.listen.")
    yield _check_setup(facts)
    yield _check_certificate(facts)
    if facts.reaches_others and facts.serves_plain:
        yield warn(
            "page.encryption",
            "Other machines get the page without encryption: everybody in between can read passphrases.",
            'Set page.plain_http to "redirect".',
        )


def _check_setup(facts: PageFacts) -> Finding:
    check = "page.setup"
    if facts.people_trouble:
        return fail(check, facts.people_trouble, "Without it nobody logs in; as said, or restore it from a backup.")
    if facts.is_set_up is None:
        return unknown(check, "Whether the page is set up cannot be seen by this user.", _OWN_USER)
    if facts.is_set_up:
        return ok(check, "The page is set up: somebody has a passphrase.")
    remedy = "`sudo meshgate setup-code` prints a code, and where to use it."
    if facts.reaches_others:
        said = "Other machines reach the page, and nobody has set it up: whoever uses the setup code first decides who comes in."
        return warn(check, said, f"Do it now: {remedy}")
    return warn(check, "Nobody has set up the page yet, so nobody can log in.", remedy)


def _check_certificate(facts: PageFacts) -> Finding:
    check, days = "page.certificate", facts.days_left
    if facts.certificate_trouble:
        return fail(check, facts.certificate_trouble, "Without it the gateway does not start, unless page.enabled is false.")
    if days is None:
        return ok(check, "The certificate of the page is made at the first start, or cannot be seen by this user.")
    remedy = "Put a new one where page.certificate_file says, then: systemctl reload meshgate."
    if days <= 0:
        return fail(check, "The time of the page's certificate is over: browsers refuse it.", remedy)
    if days <= SOON_DAYS:
        return warn(check, f"The page's certificate ends in {days:.0f} days.", remedy)
    return ok(check, f"The page's certificate is valid{'' if days > _NEVER_DAYS else f' for {days:.0f} more days'}.")


def _people(path: Path) -> tuple[bool | None, str]:
    """Return whether somebody can do everything on the page, None if that cannot be seen; and what is wrong with the file."""
    try:
        with path.open("rb") as file:
            mode, data = stat.S_IMODE(os.fstat(file.fileno()).st_mode), file.read(MAX_ACCESS_FILE + 1)
    except FileNotFoundError:
        return False, ""
    except OSError:
        return None, ""
    if mode & 0o077:
        return None, f"{path} says who may use the page, and others can open it (mode {mode:04o}). Run: chmod 600 {path}"
    try:
        return any(user.role == "admin" for user in decode(data).users), ""
    except ConfigError as error:
        return None, str(error)
    except ValueError:
        return None, f"{path} is damaged: the next start moves it aside, and the page has to be set up anew."


def _certificate(page: PageConfig, wall: float) -> tuple[float | None, str]:
    """Return how many days the certificate is valid, None if there is none or that cannot be seen; and what is wrong with it."""
    file, key = page.certificate_file, page.key_file
    try:
        data = file.read_bytes()
    except OSError:
        return None, ""
    if key.exists() and not os.access(key, os.R_OK):
        return None, ""
    try:
        load_certificate(file, key, oldest=ssl.TLSVersion.TLSv1_2)  # both are looked at, and nothing is made: one is there
        ends = x509.load_pem_x509_certificates(data)[0].not_valid_after_utc
    except (CertificateError, ValueError) as error:
        return None, f"The page cannot be served over TLS. {error}"
    return (None if wall < EARLIEST else (ends - datetime.fromtimestamp(wall, UTC)).total_seconds() / 86_400), ""
