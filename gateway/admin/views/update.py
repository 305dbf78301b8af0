"""Update: which version is installed, how this box gets another and how far that is, and what is new. It asks no network."""

from typing import Final

from gateway.admin.update import Means, UpdatesDocument, VersionsDocument
from gateway.admin.views import versions
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import card, figures
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import FIRST
from gateway.update.journal import Phase

_COMMANDS: Final = {
    Means.PACKAGE: "sudo apt update && sudo apt install --only-upgrade meshgate",
    Means.PYTHON: "pip install --upgrade 'meshgate[all]'",
    Means.CHECKOUT: "git pull && make setup",
    Means.ANSIBLE: "ansible-playbook site.yml",
    Means.VERSIONS: "sudo meshgate update apply",
}


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    found = await visit.ask(UpdatesDocument, "get_updates")
    command = _COMMANDS.get(found.means)
    notes = [
        h(
            "section",
            h("h3", one.heading, lang=FIRST, dir="ltr"),
            h("ul", [h("li", _typed(item)) for item in one.items], lang=FIRST, dir="ltr"),
        )
        for one in found.notes
    ]
    return together(
        versions.shown(visit, found.appliance) if found.appliance is not None and found.appliance.phase is not Phase.IDLE else None,
        card(
            words("update.installed"),
            h("p.big", h("bdi", found.version)),
            figures(((words("update.means"), words(f"update.{found.means.value}")), *_versions(visit, found.appliance))),
            key="installed",
        ),
        versions.shown(visit, found.appliance) if found.appliance is not None and found.appliance.phase is Phase.IDLE else None,
        card(
            words("update.how"),
            h("p", words(f"update.{found.means.value}_how")),
            h("p", h("code.whole", command, dir="ltr")) if command else None,
            h("p", words("update.keeps")),
            key="how",
        ),
        card(words("update.notes", title=found.notes_of or found.version), notes or h("p.empty", words("update.none")), key="notes"),
        h("p.faint", words("update.offline")),
    )


def _versions(visit: Visit, found: VersionsDocument | None) -> list[tuple[Child, Child]]:
    """Return what there is to say of the versions of this box."""
    words = visit.words
    if found is None:
        return []
    rows: list[tuple[Child, Child]] = [
        (words("update.previous"), h("bdi", found.previous) if found.previous else words("update.no_previous"))
    ]
    return rows


def _typed(text: str) -> list[Child]:
    """Return a sentence in which what stands between ` is what is typed."""
    return [h("code", part) if place % 2 else part for place, part in enumerate(text.split("`"))]
