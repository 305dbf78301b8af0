"""Settings of the page for people and of the API for programs."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from gateway.config.about import About
from gateway.limits import MAX_PAGE_ADDRESSES, MAX_PAGE_NAMES
from transports.websocket.address import parse_listen as parse_place

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE)


class PlainHttp(StrEnum):
    """What becomes of other machines that come without encryption."""

    REDIRECT = "redirect"
    SERVE = "serve"


def check_host_name(text: str) -> None:
    """Accept the name of a host.

    Raises:
        ValueError: with a sentence for the person who wrote it.
    """
    if len(text) > 253 or not _NAME.fullmatch(text) or text.rpartition(".")[2].isdecimal():
        raise ValueError(f"{text!r} is no name of a host such as gate.example.org, without port and without *")


class PageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The page for people, and the API for programs with a token."""

    enabled: Annotated[bool, About("Whether there is a page at all; commands reach the gateway over its control socket in any case.")] = (
        True
    )
    listen: Annotated[
        tuple[str, ...],
        About(
            "The addresses of the page. Those of this machine alone need no encryption; on all others it is served over TLS. "
            "A socket that systemd hands over under the name page comes in addition.",
            allowed="ADDRESS:PORT or [ADDRESS]:PORT, such as 0.0.0.0:8480 for everybody in the network",
            check=parse_place,
            most=MAX_PAGE_ADDRESSES,
        ),
    ] = ("127.0.0.1:8480",)
    host_names: Annotated[
        tuple[str, ...],
        About(
            "Names under which the page is asked for, beside its addresses, localhost and names in .local. "
            "Under any other name nothing is answered: somebody else may have pointed it here.",
            allowed="a name such as gate.example.org",
            check=check_host_name,
            most=MAX_PAGE_NAMES,
        ),
    ] = ()
    plain_http: Annotated[
        PlainHttp,
        About(
            'What other machines get that come without encryption: "redirect" leads them to https; '
            '"serve" shows them the page, and everybody in between can read along, passphrases included.'
        ),
    ] = PlainHttp.REDIRECT
    certificate_file: Annotated[
        Path,
        About(
            "The file with the certificate of the page (PEM), those of its authorities behind it; "
            "read anew when the gateway is told to reload.",
            restart=False,
            default=lambda _places, state: state / "page.crt",
            default_words="page.crt in gateway.state_dir",
        ),
    ]
    key_file: Annotated[
        Path,
        About(
            "The file with the private key of that certificate (PEM); both are made at the first start if both are missing.",
            default=lambda _places, state: state / "page.key",
            default_words="page.key in gateway.state_dir",
        ),
    ]
