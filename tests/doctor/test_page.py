"""What the doctor sees of the page: who has set it up, its certificate, and who reaches it. It changes nothing."""

import os
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from argon2.profiles import CHEAPEST
from cryptography import x509

from gateway.admin.access.entrance import Entrance
from gateway.admin.access.roles import Role
from gateway.admin.access.tls import PageCertificate
from gateway.doctor.host_facts import PageFacts
from gateway.doctor.page import check_page, look_at_page
from gateway.status import Problem
from gateway.telemetry.health import Name
from tests.admin.documents import document
from tests.doctor.test_reach import config_of
from tests.telemetry.certificates import Authority

NOW = 1_800_000_000.0


def seen(state: Path, *more: str, status=None, wall: float = NOW) -> PageFacts:
    found = look_at_page(config_of(state, *more), status, wall)
    assert found is not None
    return found


def listing(state: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in state.iterdir()}


async def somebody(state: Path, role: Role = Role.ADMIN) -> None:
    entrance = Entrance(state, Random(1).randbytes, lambda: 1.0, lambda: NOW, profile=CHEAPEST)
    await entrance.add_user("ada", role, "correct horse battery staple")


def test_where_nothing_ever_ran_nobody_has_set_it_up_and_nothing_is_made(tmp_path: Path) -> None:
    facts = seen(tmp_path)
    assert (facts.is_set_up, facts.people_trouble, facts.days_left, facts.certificate_trouble) == (False, "", None, "")
    assert listing(tmp_path) == {}


async def test_only_somebody_who_may_do_everything_has_set_it_up(tmp_path: Path) -> None:
    await somebody(tmp_path, Role.OPERATOR)
    assert seen(tmp_path).is_set_up is False
    (tmp_path / "access.json").unlink()
    await somebody(tmp_path)
    before = listing(tmp_path)
    assert seen(tmp_path).is_set_up is True
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"{", 0o600, "is damaged"),
        (b'{"version":1,"salt":"x"}', 0o600, "is damaged"),
        (b'{"version":2}', 0o600, "newer Meshgate"),
        (b"{}", 0o644, "chmod 600"),
    ],
)
def test_a_file_of_people_that_cannot_be_used_is_told_and_left_where_it_is(tmp_path: Path, content, mode, said) -> None:
    path = tmp_path / "access.json"
    path.write_bytes(content)
    path.chmod(mode)
    facts = seen(tmp_path)
    assert facts.is_set_up is None
    assert said in facts.people_trouble
    assert listing(tmp_path) == {"access.json": content}


def test_what_this_user_cannot_see_is_not_called_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PageCertificate(tmp_path / "page.crt", tmp_path / "page.key")
    (tmp_path / "access.json").mkdir()  # whoever opens it is refused, root included
    monkeypatch.setattr(os, "access", lambda *_: False)
    facts = seen(tmp_path)
    assert (facts.is_set_up, facts.people_trouble, facts.days_left, facts.certificate_trouble) == (None, "", None, "")


def test_a_certificate_of_the_boxs_own_is_valid_for_longer_than_anybody_counts(tmp_path: Path) -> None:
    PageCertificate(tmp_path / "page.crt", tmp_path / "page.key")
    facts = seen(tmp_path)
    assert facts.days_left is not None
    assert "is valid." in next(one.sentence for one in check_page(facts) if one.check == "page.certificate")


def test_the_days_of_an_operators_certificate_are_counted_unless_nobody_knows_the_day(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("page")
    key.chmod(0o600)
    own = (f"page.certificate_file={certificate}", f"page.key_file={key}")
    ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    assert seen(tmp_path, *own, wall=(ends - timedelta(days=9)).timestamp()).days_left == pytest.approx(9)
    assert seen(tmp_path, *own, wall=(ends + timedelta(days=1)).timestamp()).days_left == pytest.approx(-1)
    assert seen(tmp_path, *own, wall=60.0).days_left is None


@pytest.mark.parametrize("spoil", ["no key", "open key", "garbage"])
def test_a_certificate_that_cannot_be_served_is_told(tmp_path: Path, spoil: str) -> None:
    PageCertificate(tmp_path / "page.crt", tmp_path / "page.key")
    if spoil == "no key":
        (tmp_path / "page.key").unlink()
    elif spoil == "open key":
        (tmp_path / "page.key").chmod(0o644)
    else:
        (tmp_path / "page.crt").write_bytes(b"\xff nothing of the kind")
    before = listing(tmp_path)
    assert seen(tmp_path).certificate_trouble.startswith("The page cannot be served over TLS.")
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("listen", "reaches"),
    [([], False), (["127.0.0.1:8480", "[::1]:8480"], False), (["127.0.0.1:8480", "0.0.0.0:443"], True), (["192.0.2.7:80"], True)],
)
def test_a_page_beyond_this_machine_is_told_apart(tmp_path: Path, listen, reaches) -> None:
    assert seen(tmp_path, f"page.listen={listen}").reaches_others is reaches


def test_a_gateway_that_does_not_get_the_address_of_its_page_is_heard(tmp_path: Path) -> None:
    problem = Problem("The address of the page cannot be listened on.", "", Name.PAGE_UNREACHABLE.value)
    status = msgspec.structs.replace(document(), problems=(problem,))
    assert seen(tmp_path, status=status).unreachable == problem.sentence
    assert seen(tmp_path, status=document()).unreachable == ""
