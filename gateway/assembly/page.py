"""Makes the page, if the operator wants it."""

import os
import socket
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from aiohttp import web

from gateway.admin.access.entrance import Audit, Entrance
from gateway.admin.access.gate import asker, bound_to
from gateway.admin.access.principal import LOCAL
from gateway.admin.access.roles import Role
from gateway.admin.access.routes import ROUTES
from gateway.admin.access.tls import PageCertificate
from gateway.admin.answering import routed
from gateway.admin.api import Observed, describe
from gateway.admin.audit import Witness
from gateway.admin.limits import CODE_S
from gateway.admin.page import Page, for_browsers
from gateway.admin.pages import NEEDS, PAGE_ROUTES, Pages
from gateway.admin.probes import DESCRIPTION
from gateway.admin.route import Answers
from gateway.admin.table import TABLE
from gateway.config import Config
from gateway.config.page import PlainHttp
from gateway.runtime.reload import Reloads
from gateway.status import GatewayStatus
from gateway.store.audit import Action, Actor
from hw.activation import handed_over
from transports.websocket.address import parse_listen

SOCKET_NAME: Final = "page"  # FileDescriptorName= in meshgate.socket
_NEEDS: Final[Mapping[tuple[str, str], Role | None]] = {**{(one.method, one.path): one.role for one in TABLE}, **NEEDS}
STREAMED: Final = frozenset(one.path for one in (*TABLE, *PAGE_ROUTES) if one.takes)
_DEVICE: Final = 6  # bytes of the address of a device


def page(
    config: Config,
    randbytes: Callable[[int], bytes],
    wall: Callable[[], float | None],
    reloads: Reloads,
    report: Callable[[str], None],
    *,
    witness: Witness,
    answers: Answers,
    status: Callable[[], GatewayStatus],
    observed: Observed,
) -> Page | None:
    """Return the page, None if it is switched off.

    Args:
        config: what the operator decided.
        randbytes: cryptographic randomness.
        wall: Unix seconds, None while the time of day is not known.
        reloads: asks for a certificate to be read anew.
        report: told sentences for the operator.
        witness: notes who did what.
        answers: who answers the API beside who may come in.
        status: of the gateway.
        observed: answers probes, and counts what is asked.

    Raises:
        ConfigError: the certificate, or the file of those who may come in, cannot be used.

    """
    chosen = config.page
    if not chosen.enabled:
        return None
    entrance = Entrance(config.gateway.state_dir, randbytes, monotonic, wall, _noted_by(witness))
    if entrance.vault.found is not None:
        report(entrance.vault.found)
    own = f"{socket.gethostname().partition('.')[0].lower()}.local"
    certificate = PageCertificate(chosen.certificate_file, chosen.key_file, (own, *chosen.host_names))
    reloads.listen("the certificate of the page", certificate.read_anew)

    def more(own: Answers) -> list[web.RouteDef]:
        everybody = {DESCRIPTION.name: describe, **answers, **observed.answers(), **own}
        pages = Pages(
            everybody,
            asker,
            status,
            name=config.gateway.nickname,
            seal=lambda request: entrance.seals.seal(bound_to(request)),
            is_sealed=lambda request, shown: entrance.seals.is_whole(bound_to(request), shown),
        )
        return [*routed([one for one in TABLE if one not in ROUTES], everybody, asker), *pages.routes()]

    return Page(
        entrance,
        certificate,
        [parse_listen(text) for text in chosen.listen],
        called=config.gateway.nickname,
        handed=handed_over(os.environ, SOCKET_NAME),
        host_names=chosen.host_names,
        serves_plain=chosen.plain_http is PlainHttp.SERVE,
        randbytes=randbytes,
        more=more,
        needs=_needed,
        middlewares=[observed.counting],
        large=STREAMED,
        report=report,
    )


def _needed(request: web.Request) -> Role | None:
    """Return what somebody must be for a route; one that nobody has said anything about is for administrators."""
    resource = request.match_info.route.resource
    return _NEEDS.get((request.method, resource.canonical if resource is not None else ""), Role.ADMIN)


def _noted_by(witness: Witness) -> Audit:
    def note(action: Action, who: str, detail: str) -> None:
        local = who == LOCAL.actor
        witness(Actor.CONTROL_SOCKET if local else Actor.PAGE, action, ", ".join(filter(None, ("" if local else who, detail))))

    return note


def first_words(made: Page, config: Config) -> list[str]:
    """Return what is said at the start: where the page is, and how somebody at the box sets it up, if nobody has."""
    where = " and ".join(for_browsers(map(parse_listen, config.page.listen))) or "the socket of systemd"
    words = [f"The page is at {where}. SHA-256 of its certificate: {made.fingerprint}"]
    if made.entrance.vault.is_set_up:
        return words
    kept = made.entrance.kept_code()
    return [*words, f"Choose a passphrase there, under /setup. The setup code is {kept}" if kept else setup_words(made)]


def setup_words(made: Page) -> str:
    """Make a new setup code, and return what somebody at the box is told of it."""
    code = made.entrance.code.issue(made.entrance.now())
    return f"Choose a passphrase there, under /setup, within {CODE_S / 60:.0f} minutes. The setup code is {code}"


def readable(fingerprint: str) -> list[str]:
    """Return the parts of a fingerprint that look like addresses of devices, and are to be shown all the same."""
    pairs = fingerprint.split(":")
    return [":".join(pairs[at : at + _DEVICE]) for at in range(0, len(pairs), _DEVICE)]
