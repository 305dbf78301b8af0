"""The pages at the door: setting up, and logging in. They have no scripts: here passphrases are written."""

from dataclasses import dataclass
from typing import Final

from gateway.admin.access.problem import AccessProblem
from gateway.admin.limits import CODE_S, MAX_PASSPHRASE, MAX_USER_NAME, MIN_PASSPHRASE
from gateway.admin.problems import ProblemDocument
from gateway.admin.views import shell
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import ATTENTION, GOOD, card, field, foreign, form, notice
from gateway.admin.views.words import FIRST, Words

_PAIR: Final = 3  # characters of a byte in a fingerprint, with the colon
_GROUP: Final = 4  # bytes of a fingerprint that stand together
_MAX_CODE: Final = 32  # characters somebody may write for a setup code
_FIELDS: Final = {
    "wrong_code": "code",
    "bad_name": "name",
    "weak_passphrase": "passphrase",
    "wrong_passphrase": "passphrase",
    "passphrases_differ": "again",
}
"""Beside which field a problem stands; every other one stands above all of them."""


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody at the door is shown.

    Args:
        words: in their language.
        called: name of the gateway.
        seal: for the form.
        fingerprint: of the certificate, empty if there is none.
        private: whether nobody in between can read along.
        name: to be shown again, or the one to log in with.
        error: why the last try did not go through, None if there was none.
        fresh: whether the passphrase has only just been chosen.

    """

    words: Words
    called: str
    seal: str
    fingerprint: str = ""
    private: bool = True
    name: str = ""
    error: AccessProblem | None = None
    fresh: bool = False


def setup(step: Step) -> str:
    """Return the page on which the first passphrase is chosen."""
    words, wrong = step.words, troubles(step.error, step.words)
    fields = (
        field(
            "code",
            words("door.code"),
            hint=words("door.code_where", minutes=int(CODE_S / 60)),
            trouble=wrong.get("code", ""),
            required=True,
            autofocus=True,
            autocomplete="one-time-code",
            autocapitalize="characters",
            spellcheck="false",
            maxlength=_MAX_CODE,
            dir="ltr",
        ),
        _name(step, wrong, hint=words("door.name_free")),
        field(
            "passphrase",
            words("door.new_passphrase"),
            hint=words("door.passphrase_rule", least=MIN_PASSPHRASE),
            trouble=wrong.get("passphrase", ""),
            kind="password",
            required=True,
            autocomplete="new-password",
            minlength=MIN_PASSPHRASE,
            maxlength=MAX_PASSPHRASE,
            dir="auto",
        ),
    )
    about = h("p", words("door.setup_why"))
    form_card = card(words("door.first"), about, form("/setup", "setup", step.seal, words("door.set"), *fields), key="first")
    return _page(step, "setup", wrong, h("div.cards", form_card, proof(step.fingerprint, words)))


def login(step: Step) -> str:
    """Return the page on which somebody logs in."""
    words, wrong = step.words, troubles(step.error, step.words)
    fields = (
        _name(step, wrong, autofocus=not step.name),
        field(
            "passphrase",
            words("door.passphrase"),
            kind="password",
            trouble=wrong.get("passphrase", ""),
            required=True,
            autofocus=bool(step.name),
            autocomplete="current-password",
            maxlength=MAX_PASSPHRASE,
            dir="auto",
        ),
    )
    chosen = notice(GOOD, words("door.chosen"), h("p", words("door.chosen_next"))) if step.fresh else None
    lost = h("p.faint", words("door.lost"), " ", h("code", "meshgate setup-code", dir="ltr"), " ", words("door.lost_then"))
    way_in = card(words("door.who"), form("/login", "login", step.seal, words("door.login"), *fields), lost, key="who")
    return _page(step, "login", wrong, chosen, h("div.cards", way_in))


def refused(step: Step, document: ProblemDocument) -> str:
    """Return a page that says why somebody was sent away."""
    name = f"door.refused_{document.code}"
    told = ProblemDocument(document.title, document.status, step.words(name), document.code) if step.words.has(name) else document
    back = h("p", h("a", step.words("door.start"), href="/"))
    return _whole(step, step.words("common.not_shown"), "login", shell.problem(told, step.words), back)


def troubles(error: AccessProblem | None, words: Words) -> dict[str, str]:
    """Return what is wrong and what to do, by the field it stands beside; under an empty name what belongs to none."""
    if error is None:
        return {}
    document = error.document
    return {_FIELDS.get(document.code, ""): wrong(document, words, error.wait)}


def wrong(document: ProblemDocument, words: Words, wait: float = 0.0) -> str:
    """Return a problem at the door in the words of whoever reads it; where there are none, in the gateway's own."""
    name = f"door.problem_{document.code}"
    if not words.has(name):
        return f"{document.detail} {document.hint}".strip()
    said = words(name, span=words.span(max(1.0, wait)), least=MIN_PASSPHRASE, most=MAX_USER_NAME)
    exact = document.detail if document.code == "weak_passphrase" and words.language == FIRST else ""
    return f"{exact} {said}".strip()


def proof(fingerprint: str, words: Words) -> Markup | None:
    """Return by what the gateway can be recognized, in groups that can be compared by eye."""
    if not fingerprint:
        return None
    step = _PAIR * _GROUP
    groups = [fingerprint[at : at + step].rstrip(":") for at in range(0, len(fingerprint), step)]
    shown = h("p.fingerprint", [h("code", group, dir="ltr") for group in groups], dir="ltr")
    return card(words("door.fingerprint"), shown, h("p", words("door.fingerprint_why")), key="print")


def _name(step: Step, wrong: dict[str, str], *, hint: str = "", autofocus: bool = False) -> Markup:
    return field(
        "name",
        step.words("door.name"),
        hint=hint,
        value=step.name,
        trouble=wrong.get("name", ""),
        required=True,
        autocomplete="username",
        autocapitalize="none",
        spellcheck="false",
        maxlength=MAX_USER_NAME,
        dir="auto",
        autofocus=autofocus,
    )


def _page(step: Step, name: str, wrong: dict[str, str], *content: Child) -> str:
    words = step.words
    above = None
    if step.error is not None:
        said = wrong.get("", words("door.look_below"))
        native = said if "" not in wrong or words.has(f"door.problem_{step.error.document.code}") else foreign(said, words)
        above = notice("broken", words("common.not_done"), h("p", native))
    plain = None if step.private else notice(ATTENTION, words("door.plain"), h("p", words("door.plain_why")))
    return _whole(step, words(f"door.{name}"), name, above, plain, *content)


def _whole(step: Step, title: str, here: str, *content: Child) -> str:
    return shell.document(step.words, title, together(*content), name=step.called, here=here, scripted=False)
