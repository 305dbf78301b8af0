"""Tokens for programs: which there are, making one that is shown this once, and taking one back."""

from typing import Final

from gateway.admin.access.documents import Done, NewToken, TokenDocument, TokensDocument
from gateway.admin.access.principal import SCOPES
from gateway.admin.limits import MAX_TOKEN_DAYS, MAX_TOKEN_NAME
from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import (
    BROKEN,
    GOOD,
    Column,
    card,
    choice,
    copied,
    field,
    foreign,
    form,
    moment_of,
    more,
    notice,
    seconds_of,
    state,
    table,
)
from gateway.admin.views.people import own_passphrase
from gateway.admin.views.visit import Visit

REVOKE: Final = "revoke"
"""What has to be written before a token is taken back."""
MAKE, TAKE_BACK = "make_token", "revoke_token"
_HERE: Final = "/security"
_USUAL_DAYS: Final = 90


async def tokens(visit: Visit) -> Markup:
    """Return the tokens, and the forms that change them."""
    words = visit.words
    found = (await visit.ask(TokensDocument, "list_tokens")).tokens
    columns = (
        Column(words("tokens.name")),
        Column(words("tokens.scope")),
        Column(words("tokens.by")),
        Column(words("tokens.made")),
        Column(words("tokens.expires")),
        Column(words("tokens.used")),
    )
    return together(
        h("h2", words("tokens.title"), id="tokens"),
        h("p", words("tokens.about")),
        table(words("tokens.title"), columns, [_row(one, visit) for one in found], words("tokens.none"), key="token-list"),
        more(
            words("tokens.change"), h("div.cards", _making(visit), _taking_back(found, visit)), key="change-tokens", opened=_refused(visit)
        ),
    )


def _row(one: TokenDocument, visit: Visit) -> list[Child]:
    words, now = visit.words, visit.now
    ends = seconds_of(one.expires)
    over = ends is not None and ends <= now
    return [
        together(h("bdi", one.name), " ", h("code", one.id, dir="ltr")),
        words(f"tokens.{one.scope}") if one.scope in SCOPES else one.scope,
        h("bdi", one.by) if one.by else words("tokens.at_the_box"),
        moment_of(one.made, now, words),
        state(BROKEN, words("tokens.over")) if over else moment_of(one.expires, now, words),
        moment_of(one.used, now, words) if one.used else words("tokens.never"),
    ]


def _making(visit: Visit) -> Markup:
    words = visit.words
    again = visit.form if _refused(visit) and visit.form["do"] == MAKE else {}
    scopes = [(scope, words(f"tokens.{scope}")) for scope in SCOPES]
    return card(
        words("tokens.make"),
        form(
            _HERE,
            MAKE,
            visit.seal,
            words("tokens.make_do"),
            field(
                "token_name",
                words("tokens.name"),
                hint=words("tokens.name_hint"),
                value=again.get("token_name", "")[:MAX_TOKEN_NAME],
                required=True,
                maxlength=MAX_TOKEN_NAME,
                autocomplete="off",
            ),
            choice("token_scope", words("tokens.scope"), scopes, again.get("token_scope", "")),
            h("ul.plain", [h("li", h("small", words(f"tokens.may_{scope}"))) for scope in SCOPES]),
            field(
                "token_days",
                words("tokens.days"),
                hint=words("tokens.days_hint", count=MAX_TOKEN_DAYS),
                kind="number",
                value=again.get("token_days", str(_USUAL_DAYS))[:8],
                required=True,
                min=1,
                max=MAX_TOKEN_DAYS,
            ),
            *own_passphrase("token", visit),
        ),
        key="make-token",
    )


def _refused(visit: Visit) -> bool:
    """Whether one of the forms here was sent and not taken."""
    return not visit.done and visit.form.get("do") in {MAKE, TAKE_BACK}


def _taking_back(found: tuple[TokenDocument, ...], visit: Visit) -> Markup | None:
    words = visit.words
    if not found:
        return None
    return card(
        words("tokens.revoke"),
        h("p", words("tokens.revoke_about")),
        form(
            _HERE,
            TAKE_BACK,
            visit.seal,
            words("tokens.revoke"),
            choice("token_id", words("tokens.which"), [(one.id, f"{one.name} ({one.id})") for one in found]),
            field("token_confirm", words("common.write", word=REVOKE), required=True, autocomplete="off", dir="ltr"),
            grave=True,
        ),
        key="revoke-token",
    )


async def make(visit: Visit) -> Markup:
    """Make a token, and show it this once."""
    words, sent = visit.words, visit.form
    days = sent.get("token_days", "").strip()
    if not (days.isascii() and days.isdigit() and len(days) <= len(str(MAX_TOKEN_DAYS))):
        raise ProblemError(BAD_REQUEST, words("tokens.no_days"), words("tokens.days_hint", count=MAX_TOKEN_DAYS))
    body = {
        "name": sent.get("token_name", "").strip(),
        "scope": sent.get("token_scope", ""),
        "days": int(days),
        "current": sent.get("token_current", ""),
    }
    made = await visit.ask(NewToken, MAKE, body=body)
    return notice(
        GOOD,
        words("tokens.made_one", name=made.about.name),
        h("p", words("tokens.once")),
        h("p", h("code.whole", made.token, dir="ltr", id="made-token")),
        copied("made-token", words),
        h("p", words(f"tokens.may_{made.about.scope}")),
        h("p", words("tokens.ends"), " ", moment_of(made.about.expires, visit.now, words)),
        h("p", words("tokens.send_it"), " ", h("code", "Authorization: Bearer …", dir="ltr")),
    )


async def take_back(visit: Visit) -> Markup:
    """Take a token back."""
    words = visit.words
    if visit.form.get("token_confirm", "").strip() != REVOKE:
        raise ProblemError(BAD_REQUEST, words("common.not_confirmed"), words("common.write", word=REVOKE))
    done = await visit.ask(Done, TAKE_BACK, names={"id": visit.form.get("token_id", "")})
    return notice(GOOD, words("tokens.revoked"), h("p", foreign(done.sentence, words)))
