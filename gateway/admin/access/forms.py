"""The forms of the first start and of logging in: plain HTML, for browsers without scripts and programs that read aloud."""

from html import escape
from typing import Final

from gateway.admin.access.gate import FORM_FIELD
from gateway.admin.limits import CODE_S, MAX_PASSPHRASE, MAX_USER_NAME, MIN_PASSPHRASE

TEXTS: Final = {
    "setup": "Set up this gateway",
    "setup_why": "Nobody can use this page before somebody at the box has chosen a passphrase.",
    "code": "Setup code",
    "code_where": f"It stands in the gateway's log and on its screen, lasts {CODE_S / 60:.0f} minutes and works once. "
    "Get a new one with: meshgate setup-code",
    "name": "Name",
    "passphrase": "Passphrase",
    "new_passphrase": "New passphrase",
    "passphrase_rule": f"At least {MIN_PASSPHRASE} characters. Four words that have nothing to do with each other are good.",
    "set": "Set the passphrase",
    "login": "Log in",
    "login_lost": "Forgotten? At the box, run: meshgate setup-code. Then open /setup.",
    "logout": "Log out",
    "plain": "This connection is not encrypted: others in this network can read what you write here.",
    "fingerprint": "SHA-256 fingerprint of this gateway's certificate",
    "fingerprint_why": "Compare it with what your browser shows. The same one stands beside the setup code.",
    "you": "You are logged in as",
    "account": "Logged in",
}
"""Everything these pages say."""


def setup_form(seal: str, fingerprint: str, trouble: str = "", name: str = "admin", *, secure: bool) -> str:
    """Return the page on which the first passphrase is chosen."""
    fields = (
        _field(
            "code",
            "code",
            "text",
            'autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="32"',
            "code_where",
        )
        + _field("name", "name", "text", f'autocomplete="username" maxlength="{MAX_USER_NAME}" value="{escape(name)}"')
        + _field(
            "passphrase",
            "new_passphrase",
            "password",
            f'autocomplete="new-password" minlength="{MIN_PASSPHRASE}" maxlength="{MAX_PASSPHRASE}"',
            "passphrase_rule",
        )
    )
    body = f"<p>{TEXTS['setup_why']}</p>" + _form("/setup", seal, fields, "set") + _proof(fingerprint)
    return page("setup", body, trouble, secure=secure)


def login_form(seal: str, trouble: str = "", name: str = "", *, secure: bool) -> str:
    """Return the page on which somebody logs in."""
    fields = _field("name", "name", "text", f'autocomplete="username" maxlength="{MAX_USER_NAME}" value="{escape(name)}"') + _field(
        "passphrase", "passphrase", "password", f'autocomplete="current-password" maxlength="{MAX_PASSPHRASE}"'
    )
    return page("login", _form("/login", seal, fields, "login") + f"<p>{TEXTS['login_lost']}</p>", trouble, secure=secure)


def account(seal: str, name: str, role: str, fingerprint: str, *, secure: bool) -> str:
    """Return the page of somebody who is logged in."""
    who = f"<p>{TEXTS['you']} <strong>{escape(name)}</strong> ({escape(role)}).</p>"
    return page("account", who + _form("/logout", seal, "", "logout") + _proof(fingerprint), secure=secure)


def page(title: str, body: str, trouble: str = "", *, secure: bool) -> str:
    """Return a whole page; `title` names one of the texts, and `trouble` is read aloud at once."""
    warning = "" if secure else f'<p class="warning">{TEXTS["plain"]}</p>'
    alert = f'<p role="alert" id="trouble">{escape(trouble)}</p>' if trouble else ""
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{viewport}<title>{TEXTS[title]} - Meshgate</title>'
    content = f"<main><h1>{TEXTS[title]}</h1>{alert}{warning}{body}</main>"
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n<body>{content}</body>\n</html>\n'


def _form(action: str, seal: str, fields: str, button: str) -> str:
    sealed = f'<input type="hidden" name="{FORM_FIELD}" value="{seal}">'
    return f'<form method="post" action="{action}">{sealed}{fields}<p><button type="submit">{TEXTS[button]}</button></p></form>'


def _field(name: str, label: str, kind: str, attributes: str, hint: str = "") -> str:
    described = f' aria-describedby="{name}-hint"' if hint else ""
    told = f'<br><small id="{name}-hint">{TEXTS[hint]}</small>' if hint else ""
    entry = f'<input id="{name}" name="{name}" type="{kind}" required {attributes}{described}>'
    return f'<p><label for="{name}">{TEXTS[label]}</label><br>{entry}{told}</p>'


def _proof(fingerprint: str) -> str:
    if not fingerprint:
        return ""
    return f"<p>{TEXTS['fingerprint']}:<br><code>{escape(fingerprint)}</code><br><small>{TEXTS['fingerprint_why']}</small></p>"
