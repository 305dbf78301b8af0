"""What sites and the ways to them are called."""

from collections.abc import Mapping

from gateway.admin.federation import FederationDocument, FederationRefusal
from gateway.admin.problems import ProblemError
from gateway.admin.views.markup import Markup, h
from gateway.admin.views.parts import ident
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words


async def site_names(visit: Visit) -> Mapping[str, str]:
    """Return what the members of the federation call themselves, by peer ID."""
    try:
        found = await visit.ask(FederationDocument, "get_federation")
    except (ProblemError, FederationRefusal):
        return {}
    return {one.peer_id: one.name for one in found.members if one.name}


def site(identity: str, names: Mapping[str, str]) -> Markup:
    """Return a site: its name, or its ID where nobody knows a name."""
    name = names.get(identity)
    return h("bdi", name, title=identity) if name else ident(identity)


def means(link: str, words: Words) -> str:
    """Return a transport or a link over it in words, empty for none."""
    name = link.partition(":")[0]
    return words(f"transport.{name}") if words.has(f"transport.{name}") else name
