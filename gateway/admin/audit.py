"""The log of changes in the API: its documents, and who notes what is asked for over it. They name neither people nor what they say."""

import socket
import struct
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from aiohttp import web

from gateway.admin.access.principal import Principal, Proof
from gateway.admin.route import Call
from gateway.store.audit import Action, Actor, Change

_CREDENTIALS: Final = struct.Struct("3i")  # process, user and group, of unix(7)


class ChangeDocument(msgspec.Struct, frozen=True):
    """One thing somebody did."""

    number: int
    at_ms: int | None  # Unix milliseconds; None: the time of day was not known
    actor: str
    uid: int | None  # the user who asked, where the gateway could see it
    action: str
    detail: str
    left_out: int  # of the same action before this one, because they were too many
    sentence: str


class AuditDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/audit``: what was changed, the latest first."""

    changes: tuple[ChangeDocument, ...]
    cursor: int | None  # asks for what was before these; None: there is no more
    left_out: int  # since the start, of everything


class Changes(Protocol):
    """What the API wants of the log."""

    async def page(self, limit: int, cursor: int | None) -> AuditDocument:
        """List what was changed, a page at a time; raises `StoreError`."""


class Witness(Protocol):
    """Notes what somebody has done; never raises, and waits for nothing."""

    def __call__(self, actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
        """Note it; `detail` has figures and words of ours, and nothing of anybody's."""


CallWitness = Callable[[Call, Action, str], None]
"""Notes what a request has led to, with a detail."""


def nobody(actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
    """Stand in for a witness where there is none."""


def of_calls(witness: Witness) -> CallWitness:
    """Return the witness of requests, who can tell which user asks on a Unix socket, and who on the page."""

    def note(call: Call, action: Action, detail: str) -> None:
        if call.principal is None or call.principal.proof is Proof.LOCAL:
            witness(Actor.CONTROL_SOCKET, action, detail, user_of(call.request))
        else:
            note_of(call.principal, witness, action, detail)

    return note


def note_of(principal: Principal, witness: Witness, action: Action, detail: str) -> None:
    """Note what somebody did on the page; a user name is a word of the operators' own, and belongs in their log."""
    witness(Actor.PAGE, action, ", ".join(filter(None, (principal.actor, detail))))


def not_noted(_call: Call, _action: Action, _detail: str) -> None:
    """Stand in for the witness of requests where there is none."""


def user_of(request: web.Request) -> int | None:
    """Return the user ID of the process at the other end, None if the kernel does not tell."""
    connection = request.transport.get_extra_info("socket") if request.transport is not None else None
    if connection is None:
        return None
    try:
        _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    except (OSError, struct.error):
        return None
    return int(uid)


def change_document(change: Change) -> ChangeDocument:
    """Make the document of one row."""
    return ChangeDocument(
        change.seq, change.at_ms, change.actor, change.uid, change.action, change.detail, change.left_out, sentence_of(change)
    )


def sentence_of(change: Change) -> str:
    """Say what was done, by which way and with what, in one sentence."""
    way = next((actor.way for actor in Actor if actor == change.actor), change.actor)
    what = SENTENCES.get(change.action, change.action.replace("_", " "))
    said = f"{what}{f' {way}' if way else ''}{f': {change.detail}' if change.detail else ''}."
    return f"{said} {change.left_out} more before it were not noted." if change.left_out else said


SENTENCES: Final[dict[str, str]] = {
    Action.GATEWAY_STARTED: "The gateway started",
    Action.BRIDGE_OPENED: "The bridge is open, as the configuration says",
    Action.BRIDGE_SWITCHED: "The bridge was switched",
    Action.POLICY_CHANGED: "Other rules are in force",
    Action.POLICY_REFUSED: "New rules were not taken",
    Action.CONFIGURATION_RELOADED: "Settings were read anew",
    Action.CONFIGURATION_REFUSED: "New settings were not taken",
    Action.SETTINGS_CHANGED: "Settings were changed in their file",
    Action.MEMBER_INVITED: "A ticket was made",
    Action.MEMBER_JOINED: "A gateway joined with a ticket",
    Action.MEMBER_REVOKED: "A gateway was shut out",
    Action.MEMBER_PARDONED: "A gateway is not shut out any more",
    Action.MEMBER_LEFT: "A gateway is no member any more",
    Action.FEDERATION_JOINED: "This gateway used a ticket",
    Action.FEDERATION_LEFT: "This gateway left its federation",
    Action.RADIO_RESET: "A step was taken for the radio",
    Action.NOTICE_SENT: "A notice was sent to the mesh",
    Action.BACKUP_BEGUN: "A backup was asked for",
    Action.BACKUP_FETCHED: "A backup was fetched",
    Action.BACKUP_RESTORED: "A backup was restored",
    Action.RESTART_ASKED: "A restart was asked for",
    Action.WIPE_ASKED: "A wipe was asked for",
    Action.UPDATE_ASKED: "Another version was asked for",
    Action.UPDATE_APPLIED: "Another version runs",
    Action.UPDATE_ROLLED_BACK: "The version before runs again, as somebody asked",
    Action.UPDATE_FELL_BACK: "A version was no good, and the one before runs again",
    Action.FIRST_BOOT_DONE: "Something of the first boot was done",
    Action.FIRST_BOOT_REFUSED: "Something of the first boot was refused",
    Action.SETUP_REFUSED: "A setup code was refused",
    Action.SETUP_DONE: "A first passphrase was chosen",
    Action.LOGIN: "Somebody logged in",
    Action.LOGIN_REFUSED: "A login was refused",
    Action.LOGOUT: "Somebody logged out",
    Action.SESSION_ENDED: "A session was ended",
    Action.USER_ADDED: "A user was added",
    Action.USER_REMOVED: "A user was removed",
    Action.PASSPHRASE_CHANGED: "A passphrase was changed",
    Action.TOKEN_MADE: "A token was made",
    Action.TOKEN_REVOKED: "A token was revoked",
    Action.SETUP_CODE_MADE: "A setup code was made",
}
"""What was done, by `gateway.store.audit.Action`."""
