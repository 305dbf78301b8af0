"""People with a passphrase: who they are, adding and removing them, and other passphrases. No passphrase is ever shown again."""

from typing import Final

from gateway.admin.access.documents import Done, UserDocument, UsersDocument
from gateway.admin.access.principal import ROLE_WORDS
from gateway.admin.limits import MAX_PASSPHRASE, MAX_USER_NAME, MIN_PASSPHRASE
from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import GOOD, Column, card, choice, field, foreign, form, moment_of, more, notice, table
from gateway.admin.views.visit import Visit

REMOVE: Final = "remove"
"""What has to be written before somebody is removed."""
ADD, OWN, OTHER, GONE = "add_user", "own_passphrase", "other_passphrase", "remove_user"
_HERE: Final = "/security"
_CHANGE: Final = "change_passphrase"


async def people(visit: Visit) -> Markup:
    """Return who has a passphrase, and the forms that change that."""
    words = visit.words
    found = await visit.ask(UsersDocument, "list_users")
    columns = (Column(words("people.name")), Column(words("people.role")), Column(words("people.since")))
    rows = [(h("bdi", one.name), _role(one.role, visit), moment_of(one.made, visit.now, words)) for one in found.users]
    others = tuple(one for one in found.users if one.name != visit.principal.name)
    return together(
        h("h2", words("people.title"), id="people"),
        table(words("people.title"), columns, rows, words("people.none"), key="user-list"),
        more(
            words("people.change"), h("div.cards", _adding(visit), *_of_others(others, visit)), key="change-people", opened=_refused(visit)
        ),
    )


def own(visit: Visit) -> Markup:
    """Return the form with which somebody changes their own passphrase."""
    words = visit.words
    return card(
        words("people.own"),
        h("p", words("people.own_about")),
        form(_HERE, OWN, visit.seal, words("people.own_do"), *_passphrases("own", visit)),
        key="own-passphrase",
    )


def _adding(visit: Visit) -> Markup:
    words = visit.words
    again = _refused(visit) and visit.form["do"] == ADD  # the name stays where it was refused, a passphrase never does
    name = visit.form.get("add_name", "")[:MAX_USER_NAME] if again else ""
    roles = [(word, words(f"people.{word}")) for word in ROLE_WORDS]
    return card(
        words("people.add"),
        form(
            _HERE,
            ADD,
            visit.seal,
            words("people.add_do"),
            field(
                "add_name",
                words("people.name"),
                hint=words("people.name_hint"),
                value=name,
                required=True,
                maxlength=MAX_USER_NAME,
                autocomplete="off",
                spellcheck="false",
            ),
            choice("add_role", words("people.role"), roles, visit.form.get("add_role", "") if again else "viewer"),
            h("ul.plain", [h("li", h("small", words(f"people.as_{word}"))) for word in ROLE_WORDS]),
            *_passphrases("add", visit),
        ),
        key="add-user",
    )


def _of_others(others: tuple[UserDocument, ...], visit: Visit) -> list[Markup]:
    words = visit.words
    if not others:
        return []
    names = [(one.name, one.name) for one in others]
    change = form(
        _HERE, OTHER, visit.seal, words("people.other_do"), choice("other_name", words("people.who"), names), *_passphrases("other", visit)
    )
    remove = form(
        _HERE,
        GONE,
        visit.seal,
        words("people.remove"),
        choice("gone_name", words("people.who"), names),
        field("gone_confirm", words("common.write", word=REMOVE), required=True, autocomplete="off", dir="ltr"),
        grave=True,
    )
    return [
        card(words("people.other"), h("p", words("people.other_about")), change, key="other-passphrase"),
        card(words("people.remove"), h("p", words("people.remove_about")), remove, key="remove-user"),
    ]


def _passphrases(of: str, visit: Visit) -> list[Markup]:
    """Return the fields for a new passphrase, twice, and for that of whoever asks."""
    words = visit.words
    hint = words("people.passphrase_hint", count=MIN_PASSPHRASE)
    return [
        _asker(of, visit),
        *(
            field(
                f"{of}_{one}",
                words(f"people.{one}"),
                hint=said,
                kind="password",
                required=True,
                minlength=MIN_PASSPHRASE,
                maxlength=MAX_PASSPHRASE,
                autocomplete="new-password",
            )
            for one, said in (("new", hint), ("again", ""))
        ),
        _current(of, words("people.until_now") if of == "own" else words("people.current"), visit),
    ]


def own_passphrase(of: str, visit: Visit) -> list[Markup]:
    """Return the field for the passphrase of whoever asks, in a form whose fields begin with `of`."""
    return [_asker(of, visit), _current(of, visit.words("people.current"), visit)]


def _asker(of: str, visit: Visit) -> Markup:
    """Return the name of whoever asks, for what keeps passphrases for people; it stands before every passphrase."""
    name = visit.words("people.name")
    return h("div", field(f"{of}_asker", name, value=visit.principal.name, readonly=True, autocomplete="username"), hidden=True)


def _current(of: str, label: str, visit: Visit) -> Markup:
    return field(
        f"{of}_current",
        label,
        hint=visit.words("people.current_hint"),
        kind="password",
        required=True,
        maxlength=MAX_PASSPHRASE,
        autocomplete="current-password",
    )


def _refused(visit: Visit) -> bool:
    """Whether one of the forms here was sent and not taken."""
    return not visit.done and visit.form.get("do") in {ADD, OTHER, GONE}


def _role(word: str, visit: Visit) -> str:
    return visit.words(f"people.{word}") if word in ROLE_WORDS else word


def _chosen(of: str, visit: Visit) -> dict[str, str]:
    """Return a new passphrase that was written twice in the same way, and that of whoever asks."""
    sent = visit.form
    new = sent.get(f"{of}_new", "")
    if new != sent.get(f"{of}_again", ""):
        raise ProblemError(BAD_REQUEST, visit.words("people.differ"), visit.words("people.differ_hint"))
    return {"passphrase": new, "current": sent.get(f"{of}_current", "")}


async def add(visit: Visit) -> Markup:
    """Give somebody a passphrase."""
    words, sent = visit.words, visit.form
    body = {"name": sent.get("add_name", "").strip(), "role": sent.get("add_role", ""), **_chosen("add", visit)}
    made = await visit.ask(UserDocument, ADD, body=body)
    return notice(GOOD, words("people.added", name=made.name), h("p", words(f"people.as_{made.role}")), h("p", words("people.added_about")))


async def change_own(visit: Visit) -> Markup:
    """Give whoever asks another passphrase."""
    return await _change("own", visit.principal.name, visit)


async def change_other(visit: Visit) -> Markup:
    """Give somebody else another passphrase."""
    return await _change("other", visit.form.get("other_name", ""), visit)


async def _change(of: str, name: str, visit: Visit) -> Markup:
    done = await visit.ask(Done, _CHANGE, body=_chosen(of, visit), names={"name": name})
    return notice(GOOD, visit.words("people.changed", name=name), h("p", foreign(done.sentence, visit.words)))


async def remove(visit: Visit) -> Markup:
    """Take everything back from somebody."""
    words, name = visit.words, visit.form.get("gone_name", "")
    if visit.form.get("gone_confirm", "").strip() != REMOVE:
        raise ProblemError(BAD_REQUEST, words("common.not_confirmed"), words("common.write", word=REMOVE))
    done = await visit.ask(Done, GONE, names={"name": name})
    return notice(GOOD, words("people.removed", name=name), h("p", foreign(done.sentence, words)))
