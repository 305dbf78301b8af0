"""Help: the manual that needs no network, and a card to print for people with phones."""

from typing import Final

from gateway.admin.views.federation import picture
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import card
from gateway.admin.views.visit import Visit
from gateway.status import GatewayStatus

THE_APP: Final = "https://bitchat.free"  # where the app is to be had
_STEPS: Final = ("get", "open", "allow", "near")
_TOPICS: Final = ("crossing", "consent", "open_mode", "missing", "nobody", "link_site", "restart", "report")


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    status = await visit.ask(GatewayStatus, "get_status")
    mode = status.bridge.mode.value
    join = card(
        words("help.card"),
        h("div.ticket", picture(THE_APP, words("help.qr")), h("ol", [h("li", words(f"help.{step}")) for step in _STEPS])),
        h("p", words("help.address"), " ", h("strong", THE_APP.partition("//")[2], dir="ltr")),
        h("p", words(f"mode.{mode}_about")),
        h("p", words("help.private")),
        key="card",
        wide=True,
    )
    manual = [h("section.topic", h("h3", words(f"help.{one}")), h("p", words(f"help.{one}_text"))) for one in _TOPICS]
    return together(
        join,
        h("p.noprint", h("button", words("help.print"), type="button", data_print=True, hidden=True, data_scripted=True)),
        h("p.noprint", h("a", words("help.first"), href="/welcome")) if visit.may("change_config") else None,
        h("section.noprint", h("h2", words("help.manual")), manual),
    )
