"""Backup: everything that makes this gateway what it is in one encrypted file, and this gateway as the one of such a file."""

import asyncio
from typing import Final

from gateway.admin.backups import WORD, BackupDocument, BackupsDocument, ContentsDocument, RestoredDocument
from gateway.admin.operations import OperationDocument, Phase
from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import ATTENTION, GOOD, NOTHING, card, choice, field, figures, form, moment, notice
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import Words
from gateway.backup.limits import MAX_BACKUP_PASSPHRASE, MIN_BACKUP_PASSPHRASE

_HERE: Final = "/backup"
_UPLOAD: Final = "/backup/upload"
_LOOKS: Final = 150  # how often is looked whether one is made, before somebody is told to look again
_LOOK_S: Final = 0.2
_YES: Final = "yes"


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    if not visit.may("create_backup"):
        return h("p.empty", words("backup.admin_only"))
    found = await visit.ask(BackupsDocument, "list_backups")
    made = [one for one in found.backups if not one.uploaded]
    create = form(
        _HERE,
        "create",
        visit.seal,
        words("backup.create"),
        _secret("passphrase", words("backup.passphrase"), hint=words("backup.passphrase_hint", count=MIN_BACKUP_PASSPHRASE), new=True),
        _secret("again", words("backup.passphrase_again"), new=True),
        choice("history", words("backup.history"), [("", words("backup.history_no")), (_YES, words("backup.history_yes"))]),
    )
    upload = form(
        _UPLOAD,
        "upload",
        visit.seal,
        words("backup.look"),
        _secret("opens", words("backup.passphrase")),
        field("file", words("backup.file"), kind="file", required=True),
        files=True,
    )
    return together(
        h(
            "div.cards",
            card(words("backup.create"), h("p", words("backup.create_about")), create, key="create"),
            card(words("backup.restore"), h("p", words("backup.restore_about")), h("p", words("backup.two")), upload, key="restore"),
        ),
        card(words("backup.waiting"), [_fetch(one, words) for one in made], h("p", words("backup.once")), key="waiting") if made else None,
    )


async def act(visit: Visit) -> Markup:
    """Make one, or become one that was looked into."""
    sent, words = visit.form, visit.words
    match sent.get("do"):
        case "create":
            if sent.get("passphrase") != sent.get("again"):
                raise ProblemError(BAD_REQUEST, words("backup.differ"))
            return await _create(visit)
        case "restore":
            if sent.get("confirm", "").strip() != WORD:
                raise ProblemError(BAD_REQUEST, words("common.not_confirmed"), words("common.write", word=WORD))
            body = {"passphrase": sent.get("opens_again", ""), "confirm": WORD, "new_identity": sent.get("identity") == "own"}
            done = await visit.ask(RestoredDocument, "restore_backup", body=body, names={"id": sent.get("id", "")})
            left = [h("li", h("code.whole", one, dir="ltr")) for one in done.contents.left]
            return notice(
                GOOD,
                words("backup.restored"),
                h("p", words("backup.ends")),
                h("p", words("backup.two")) if done.warning else None,
                together(h("p", words("backup.left")), h("ul", left)) if left else None,
            )
    raise ProblemError(BAD_REQUEST, words("common.unknown_form"))


async def upload(visit: Visit) -> Markup:
    """Take a file in, say what is in it, and ask whether this gateway is to become that."""
    words = visit.words
    if visit.file is None or visit.form.get("do") != "upload":
        raise ProblemError(BAD_REQUEST, words("common.unknown_form"))
    sent = await visit.ask(BackupDocument, "send_backup", stream=visit.file)
    body = {"passphrase": visit.form.get("opens", "")}
    found = await visit.ask(ContentsDocument, "get_backup_contents", body=body, names={"id": sent.id})
    confirm = form(
        _HERE,
        "restore",
        visit.seal,
        words("backup.restore"),
        h("input", type="hidden", name="id", value=sent.id),
        choice("identity", words("backup.identity"), [("", words("backup.identity_same")), ("own", words("backup.identity_own"))]),
        _secret("opens_again", words("backup.passphrase_once_more")),
        field("confirm", words("common.write", word=WORD), required=True, autocomplete="off", dir="ltr"),
        grave=True,
    )
    left = [h("li", h("code.whole", one, dir="ltr")) for one in found.left]
    return notice(
        ATTENTION,
        words("backup.whole"),
        figures(
            (
                (words("backup.site"), h("bdi", found.site)),
                (words("backup.peer_id"), h("code.whole", found.peer_id, dir="ltr")),
                (words("backup.made"), moment(found.made.timestamp(), visit.now, words) if found.made is not None else NOTHING),
                (words("backup.program"), found.program),
                (words("backup.said"), words("common.yes") if found.with_history else words("common.no")),
                (words("backup.files"), h("code", ", ".join(found.files), dir="ltr")),
            )
        ),
        together(h("p", words("backup.left")), h("ul", left)) if left else None,
        h("p", words("backup.lost")),
        h("p", words("backup.two")),
        confirm,
    )


async def _create(visit: Visit) -> Markup:
    words = visit.words
    body = {"passphrase": visit.form.get("passphrase", ""), "with_history": visit.form.get("history") == _YES}
    work = await visit.ask(OperationDocument, "create_backup", body=body)
    for _ in range(_LOOKS):
        if work.state is not Phase.RUNNING:
            break
        await asyncio.sleep(_LOOK_S)
        work = await visit.ask(OperationDocument, "get_operation", names={"id": work.id})
    if work.state is Phase.FAILED:
        raise ProblemError(BAD_REQUEST, work.sentence)
    if work.state is Phase.RUNNING:
        return notice(ATTENTION, words("backup.still"))
    return notice(GOOD, words("backup.done"), h("p", words("backup.keep")))


def _secret(name: str, label: str, *, hint: str = "", new: bool = False) -> Markup:
    return field(
        name,
        label,
        hint=hint,
        kind="password",
        required=True,
        minlength=MIN_BACKUP_PASSPHRASE if new else None,
        maxlength=MAX_BACKUP_PASSPHRASE,
        autocomplete="new-password" if new else "off",
        dir="ltr",
    )


def _fetch(one: BackupDocument, words: Words) -> Markup:
    return h("p", h("a", words("backup.fetch"), href=f"/api/v1/backups/{one.id}", download="meshgate.backup"), f" ({words.size(one.size)})")
