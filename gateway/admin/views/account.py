"""Your account: who you are here, your passphrase, where you are logged in, and by what this gateway can be recognized."""

from typing import Final

from gateway.admin.access.documents import CertificateDocument, Done, SessionDocument, SessionsDocument
from gateway.admin.access.principal import Proof
from gateway.admin.access.problem import AccessProblem
from gateway.admin.limits import MAX_PASSPHRASE, MIN_PASSPHRASE
from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.views.door import proof, wrong
from gateway.admin.views.markup import Markup, h
from gateway.admin.views.parts import GOOD, Column, card, field, form, notice, state, table
from gateway.admin.views.visit import Visit

_FIELDS: Final = {"wrong_passphrase": "current", "wait": "current", "weak_passphrase": "passphrase", "passphrases_differ": "again"}


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words, name = visit.words, visit.principal.name
    role = visit.role.name.lower()
    you = card(words("account.you"), h("p.big", h("bdi", name)), h("p", words(f"security.{role}")), key="you")
    found = await visit.ask(SessionsDocument, "list_sessions")
    own = [one for one in found.sessions if one.name == name]
    try:
        print_of = (await visit.ask(CertificateDocument, "get_certificate")).sha256
    except ProblemError:
        print_of = ""
    return h("div.cards", you, proof(print_of, words), _passphrase(visit), _sessions(visit, own))


async def act(visit: Visit) -> Markup:
    """Change one's own passphrase, or end one of one's own sessions."""
    words, wish = visit.words, visit.form.get("do")
    if wish == "passphrase":
        try:
            await _change(visit)
        except ProblemError as error:
            document = error.document
            if document.code in _FIELDS:
                wait = error.wait if isinstance(error, AccessProblem) else 0.0
                visit.troubles[_FIELDS[document.code]] = wrong(document, words, wait)
            raise
        return notice(GOOD, words("account.changed"), h("p", words("account.changed_about")))
    if wish == "end":
        found = await visit.ask(SessionsDocument, "list_sessions")
        wanted = visit.form.get("id", "")
        if not any(one.id == wanted and one.name == visit.principal.name for one in found.sessions):
            raise AccessProblem(404, "unknown_session", words("account.no_session"))
        await visit.ask(Done, "end_session", names={"id": wanted})
        return notice(GOOD, words("account.ended"))
    raise ProblemError(BAD_REQUEST, words("common.unknown_form"))


async def _change(visit: Visit) -> None:
    chosen = visit.form.get("passphrase", "")
    if chosen != visit.form.get("again", ""):
        raise AccessProblem(400, "passphrases_differ", visit.words("door.problem_passphrases_differ"))
    body = {"passphrase": chosen, "current": visit.form.get("current", "")}
    await visit.ask(Done, "change_passphrase", body=body, names={"name": visit.principal.name})


def _passphrase(visit: Visit) -> Markup | None:
    if visit.principal.proof is not Proof.SESSION:
        return None
    words, own = visit.words, visit.principal.name

    def line(name: str, label: str, filled: str, hint: str = "") -> Markup:
        return field(
            name,
            label,
            kind="password",
            hint=hint,
            trouble=visit.troubles.get(name, ""),
            required=True,
            autocomplete=filled,
            maxlength=MAX_PASSPHRASE,
            dir="auto",
        )

    rule = words("door.passphrase_rule", least=MIN_PASSPHRASE)
    return card(
        words("account.passphrase"),
        form(
            "/account",
            "passphrase",
            visit.seal,
            words("account.change"),
            field("username", words("door.name"), value=own, readonly=True, autocomplete="username", dir="auto"),
            line("current", words("account.current"), "current-password"),
            line("passphrase", words("door.new_passphrase"), "new-password", rule),
            line("again", words("account.again"), "new-password"),
        ),
        h("p.faint", words("account.others_end")),
        key="passphrase-card",
    )


def _sessions(visit: Visit, own: list[SessionDocument]) -> Markup:
    words = visit.words
    columns = [Column(words(f"account.{one}")) for one in ("where", "since", "idle", "end")]
    rows = [
        (
            h("code", one.source, dir="ltr"),
            words.ago(one.age_s),
            words.ago(one.idle_s),
            state(GOOD, words("account.this")) if one.yours else _end(visit, one.id),
        )
        for one in own
    ]
    shown = table(words("account.sessions"), columns, rows, words("account.no_sessions"), key="sessions")
    return card(words("account.sessions"), h("p", words("account.sessions_about")), shown, key="sessions-card", wide=True)


def _end(visit: Visit, session: str) -> Markup:
    hidden = h("input", type="hidden", name="id", value=session)
    return form("/account", "end", visit.seal, visit.words("account.end_it"), hidden)
