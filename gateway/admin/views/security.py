"""Security: who is logged in, and how the gateway forgets everything."""

from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import BROKEN, GOOD, card, field, foreign, form, notice
from gateway.admin.views.visit import Visit
from gateway.admin.wipe import WORD, WipeDocument


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    role = visit.role.name.lower()
    who = card(words("security.you"), h("p", words(f"security.{role}")), h("p", words("security.roles")), key="you")
    if not visit.may("wipe"):
        return h("div.cards", who)
    gone = h("ul", [h("li", words(f"security.gone_{what}")) for what in ("keys", "messages", "members", "access")])
    wipe = form(
        "/security",
        "wipe",
        visit.seal,
        words("security.wipe"),
        field("confirm", words("common.write", word=WORD), required=True, autocomplete="off", dir="ltr"),
        grave=True,
    )
    return h(
        "div.cards",
        who,
        card(words("security.wipe"), h("p", words("security.wipe_about")), gone, h("p", words("security.forever")), wipe, key="wipe"),
    )


async def act(visit: Visit) -> Markup:
    """Erase everything."""
    words = visit.words
    if visit.form.get("do") != "wipe":
        raise ProblemError(BAD_REQUEST, words("common.unknown_form"))
    done = await visit.ask(WipeDocument, "wipe", body={"confirm": visit.form.get("confirm", "").strip()})
    failed = [h("li", h("code.whole", one.path), " ", foreign(one.why, words)) for one in done.failed]
    return together(
        notice(
            BROKEN if failed else GOOD,
            words("security.wiped", count=len(done.erased)),
            h("ul", failed) if failed else None,
            h("p", words("security.again")),
        )
    )
