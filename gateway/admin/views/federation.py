"""Federation: who belongs to it, and how somebody is let in, comes in, is shut out, or leaves."""

import io
from collections.abc import Mapping, Sequence

import segno

from gateway.admin.federation import (
    FederationDocument,
    InvitationDocument,
    InviteDocument,
    JoinDocument,
    LeaveDocument,
    MemberDocument,
    RevokeDocument,
    ShutOutDocument,
)
from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.views.markup import Child, Markup, h, together
from gateway.admin.views.parts import (
    ATTENTION,
    GOOD,
    QUIET,
    Column,
    card,
    choice,
    copied,
    field,
    foreign,
    form,
    ident,
    lines,
    moment,
    more,
    notice,
    state,
    table,
)
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words

REVOKE, LEAVE = "revoke", "leave"
"""What has to be written before somebody is shut out, or this gateway leaves."""
_HERE = "/federation"
_HOURS = (1, 24, 168)
_HOUR_S = 3600


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    found = await visit.ask(FederationDocument, "get_federation")
    trouble = h("p.problem.attention", foreign(found.trouble, words)) if found.trouble else None
    joining = h("p", words("federation.joining", count=len(found.joining))) if found.joining else None
    return together(
        h("p", words("federation.own"), " ", h("code.whole", found.peer_id, dir="ltr")),
        trouble,
        joining,
        h("h2", words("federation.members")),
        _members(found.members, visit),
        _forms(visit),
        _invitations(found.invitations, visit) if found.invitations else None,
        _shut_out(found.shut_out, visit) if found.shut_out else None,
    )


def _members(members: Sequence[MemberDocument], visit: Visit) -> Markup:
    words = visit.words
    columns = (
        Column(words("federation.name")),
        Column(words("federation.linked")),
        Column(words("federation.peer_id")),
        Column(words("federation.scope")),
        Column(words("federation.until")),
        Column(words("federation.via")),
    )
    rows = [
        (
            h("bdi", one.name) if one.name else h("span.faint", words("federation.unnamed")),
            state(GOOD, words("federation.is_linked")) if one.linked else state(QUIET, words("federation.not_linked")),
            ident(one.peer_id),
            h("span", ", ".join(one.scope), dir="ltr"),
            moment(one.until, visit.now, words) if one.until else words("federation.until_revoked"),
            ident(one.via),
        )
        for one in members
    ]
    return table(words("federation.members"), columns, rows, words("federation.none"), key="members")


def _forms(visit: Visit) -> Markup:
    words, seal = visit.words, visit.seal
    if not visit.may("invite"):
        return h("p.empty", words("federation.admin_only"))
    hours = [(str(hours * _HOUR_S), words("unit.hours", count=hours)) for hours in _HOURS]
    invite = form(_HERE, "invite", seal, words("federation.make"), choice("valid_s", words("federation.valid"), hours))
    join = form(
        _HERE,
        "join",
        seal,
        words("federation.use"),
        h(
            "p",
            h(
                "button",
                words("federation.camera"),
                type="button",
                data_camera="ticket",
                data_aim=words("federation.camera_aim"),
                data_close=words("federation.camera_close"),
                data_refused=words("federation.camera_refused"),
                hidden=True,
                data_scripted=True,
            ),
        ),
        lines("ticket", words("federation.ticket"), hint=words("federation.ticket_hint"), rows=3),
        field("address", words("federation.address"), hint=words("federation.address_hint"), dir="ltr", spellcheck="false"),
    )
    revoke = form(
        _HERE,
        REVOKE,
        seal,
        words("federation.revoke"),
        field("who", words("federation.who"), hint=words("federation.who_hint"), required=True, spellcheck="false"),
        field("confirm", words("common.write", word=REVOKE), required=True, autocomplete="off", dir="ltr"),
        grave=True,
    )
    leave = form(
        _HERE,
        LEAVE,
        seal,
        words("federation.leave"),
        h("p", words("federation.leave_about")),
        field("confirm", words("common.write", word=LEAVE), required=True, autocomplete="off", dir="ltr"),
        grave=True,
    )
    return together(
        h(
            "div.cards",
            card(words("federation.invite"), h("p", words("federation.invite_about")), invite, key="invite"),
            card(words("federation.join"), h("p", words("federation.join_about")), join, key="join"),
        ),
        more(
            words("federation.end"),
            h(
                "div.cards",
                card(words("federation.revoke"), h("p", words("federation.revoke_about")), revoke),
                card(words("federation.leave"), leave),
            ),
            key="end",
        ),
    )


def _invitations(open_ones: Sequence[InvitationDocument], visit: Visit) -> Markup:
    words = visit.words
    columns = (Column(words("federation.expires")), Column(words("federation.audience")), Column(words("federation.uses"), number=True))
    rows = [
        (
            moment(one.expires, visit.now, words),
            ident(one.audience) if one.audience else words("federation.anyone"),
            f"{one.used} / {one.uses}",
        )
        for one in open_ones
    ]
    return together(h("h2", words("federation.invitations")), table(words("federation.invitations"), columns, rows, "", key="invitations"))


def _shut_out(gone: Sequence[ShutOutDocument], visit: Visit) -> Markup:
    words = visit.words
    may = visit.may("revoke")
    columns = (
        Column(words("federation.name")),
        Column(words("federation.peer_id")),
        *([Column(words("federation.pardon"))] if may else []),
    )

    def pardon(one: ShutOutDocument) -> list[Child]:
        hidden = h("input", type="hidden", name="who", value=one.peer_id)
        return [form(_HERE, "pardon", visit.seal, words("federation.pardon"), hidden)] if may else []

    rows = [(h("bdi", one.name) if one.name else words("federation.unnamed"), ident(one.peer_id), *pardon(one)) for one in gone]
    return together(h("h2", words("federation.shut_out")), table(words("federation.shut_out"), columns, rows, "", key="shut-out"))


async def act(visit: Visit) -> Markup:
    """Do what was sent."""
    sent, words = visit.form, visit.words
    match sent.get("do"):
        case "invite":
            made = await visit.ask(InviteDocument, "invite", body={"valid_s": _seconds(sent)})
            return _invitation(made, (await visit.ask(FederationDocument, "get_federation")).peer_id, visit)
        case "join":
            address = sent.get("address", "").strip()
            ticket = "".join(sent.get("ticket", "").split())
            joined = await visit.ask(JoinDocument, "join", body={"ticket": ticket, "addresses": [address] if address else []})
            return notice(
                GOOD if joined.state == "joined" else ATTENTION,
                words(f"federation.{joined.state}"),
                h("p", foreign(joined.sentence, words)),
            )
        case "revoke":
            _confirmed(sent, REVOKE, words)
            revoked = await visit.ask(RevokeDocument, "revoke", body={"who": sent.get("who", "").strip()})
            return notice(GOOD, words("federation.done"), h("p", foreign(revoked.sentence, words)))
        case "pardon":
            pardoned = await visit.ask(RevokeDocument, "revoke", body={"who": sent.get("who", ""), "pardon": True})
            return notice(GOOD, words("federation.done"), h("p", foreign(pardoned.sentence, words)))
        case "leave":
            _confirmed(sent, LEAVE, words)
            left = await visit.ask(LeaveDocument, "leave", body={})
            return notice(GOOD, words("federation.done"), h("p", foreign(left.sentence, words)))
    raise ProblemError(BAD_REQUEST, words("common.unknown_form"))


def _seconds(sent: Mapping[str, str]) -> int:
    text = sent.get("valid_s", "")
    return int(text) if text in {str(hours * _HOUR_S) for hours in _HOURS} else _HOUR_S


def _confirmed(sent: Mapping[str, str], word: str, words: Words) -> None:
    if sent.get("confirm", "").strip() != word:
        raise ProblemError(BAD_REQUEST, words("common.not_confirmed"), words("common.write", word=word))


def _invitation(made: InviteDocument, own: str, visit: Visit) -> Markup:
    words = visit.words
    return notice(
        GOOD,
        words("federation.invited"),
        h("p", words("federation.show_it"), " ", words("federation.ends"), " ", moment(made.expires, visit.now, words)),
        h(
            "div.ticket",
            picture(made.ticket, words("federation.qr")),
            h(
                "div",
                h("h3", words("federation.code")),
                h("p", h("code.whole", made.code, dir="ltr")),
                h("p", words("federation.code_about")),
                *[h("p", h("code.whole", one, dir="ltr")) for one in _with_identity(made.addresses, own)],
            ),
        ),
        h("h3", words("federation.ticket")),
        h("p", h("code.whole", made.ticket, dir="ltr", id="made-ticket")),
        copied("made-ticket", words),
    )


def _with_identity(addresses: Sequence[str], own: str) -> list[str]:
    """Return addresses with whose they are: a short code is shown to nobody else."""
    return [one if one.endswith(own) else f"{one}/p2p/{own}" if one.startswith("/") else f"{one}#{own}" for one in addresses]


def picture(text: str, said: str) -> Markup:
    """Return a text as a QR code that `said` describes."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=4, nl=False, svgclass=None, lineclass=None
    )
    return h("div.qr", Markup(out.getvalue().decode()), role="img", aria_label=said)
