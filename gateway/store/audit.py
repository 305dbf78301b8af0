"""Who has changed what: the log an operator looks into when something is not as it was left.

A row says when somebody changed something, what, and by which way the wish came. It holds no secret, nothing that
was said, no nickname and no peer ID: whoever writes `detail` puts figures and words of our own there. Rows are bounded
by number for each action, so that much of one pushes out nothing of another, and by age.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.limits import AUDIT_LIFETIME_MS, MAX_AUDIT_DETAIL, MAX_AUDIT_ROWS
from gateway.store.database import Database

_SHORTEN: Final = """
    DELETE FROM audit WHERE action = ? AND seq <= (SELECT seq FROM audit WHERE action = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)
"""


class Actor(StrEnum):
    """By which way a wish came."""

    CONFIGURATION = "configuration"  # the files of the operator
    CONTROL_SOCKET = "control_socket"  # a command on this machine
    MQTT = "mqtt"
    PAGE = "page"
    BUTTON = "button"
    SYSTEM = "system"  # nobody's: it happened, or another gateway did it

    @property
    def way(self) -> str:
        """The same in a sentence; empty where there was no wish, or a file says it."""
        return _WAYS[self]


_WAYS: Final = {
    Actor.CONFIGURATION: "",
    Actor.CONTROL_SOCKET: "on this machine",
    Actor.MQTT: "over MQTT",
    Actor.PAGE: "on the page",
    Actor.BUTTON: "with the button",
    Actor.SYSTEM: "",
}


class Action(StrEnum):
    """What was done."""

    GATEWAY_STARTED = "gateway_started"
    BRIDGE_OPENED = "bridge_opened"  # everything public crosses from the start
    BRIDGE_SWITCHED = "bridge_switched"
    POLICY_CHANGED = "policy_changed"
    POLICY_REFUSED = "policy_refused"  # the rules cannot be used; the old ones stay
    CONFIGURATION_RELOADED = "configuration_reloaded"
    CONFIGURATION_REFUSED = "configuration_refused"
    SETTINGS_CHANGED = "settings_changed"  # in their file, over the API
    MEMBER_INVITED = "member_invited"
    MEMBER_JOINED = "member_joined"  # with a ticket of ours
    MEMBER_REVOKED = "member_revoked"
    MEMBER_PARDONED = "member_pardoned"
    MEMBER_LEFT = "member_left"  # or its time was over
    FEDERATION_JOINED = "federation_joined"  # this gateway, with a ticket of another
    FEDERATION_LEFT = "federation_left"
    RADIO_RESET = "radio_reset"
    NOTICE_SENT = "notice_sent"
    BACKUP_BEGUN = "backup_begun"
    BACKUP_FETCHED = "backup_fetched"  # whoever did has a copy of every key, behind a passphrase
    BACKUP_RESTORED = "backup_restored"  # this gateway ends, and starts as the other
    RESTART_ASKED = "restart_asked"
    WIPE_ASKED = "wipe_asked"
    UPDATE_ASKED = "update_asked"
    UPDATE_APPLIED = "update_applied"  # a version passed its trial
    UPDATE_ROLLED_BACK = "update_rolled_back"  # somebody asked for the one before
    UPDATE_FELL_BACK = "update_fell_back"  # a version was no good, and the one before runs again
    FIRST_BOOT_DONE = "first_boot_done"  # with what the card wants, or what a first start has to do
    FIRST_BOOT_REFUSED = "first_boot_refused"
    SETUP_REFUSED = "setup_refused"
    SETUP_DONE = "setup_done"
    LOGIN = "login"
    LOGIN_REFUSED = "login_refused"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    USER_ADDED = "user_added"
    USER_REMOVED = "user_removed"
    PASSPHRASE_CHANGED = "passphrase_changed"  # noqa: S105 -- a word
    TOKEN_MADE = "token_made"  # noqa: S105 -- a word
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 -- a word
    SETUP_CODE_MADE = "setup_code_made"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing somebody did.

    Args:
        at_ms: Unix milliseconds, None where the time of day was not known.
        actor: by which way the wish came, an `Actor`.
        action: what was done, an `Action`; a row of another version may have a word that is none.
        detail: figures and words of our own; what is too long is cut.
        uid: user ID of who asked over the control socket, None where nobody can tell.
        left_out: how many of the same action before this one were too many to be noted.
        seq: its number in the log, 0 before it has one.

    """

    at_ms: int | None
    actor: str
    action: str
    detail: str = ""
    uid: int | None = None
    left_out: int = 0
    seq: int = 0


class AuditLog:
    """The log of one database; `capacity` is how many rows of one action it keeps."""

    def __init__(self, database: Database, *, capacity: int = MAX_AUDIT_ROWS) -> None:
        self._database = database
        self._capacity = capacity

    def add(self, change: Change) -> None:
        """Write a row; the oldest of the same action give way."""
        self._database.change(
            "INSERT INTO audit (at_ms, actor, uid, action, detail, left_out) VALUES (?, ?, ?, ?, ?, ?)",
            (change.at_ms, change.actor, change.uid, change.action, change.detail[:MAX_AUDIT_DETAIL], change.left_out),
        )
        self._database.change(_SHORTEN, (change.action, change.action, self._capacity))

    def page(self, limit: int, before: int | None = None) -> list[Change]:
        """Return rows, the latest first, at most `limit`; only those before the number `before`, if there is one."""
        where, values = ("", ()) if before is None else ("WHERE seq < ?", (before,))
        found: list[Any] = self._database.rows(
            f"SELECT at_ms, actor, action, detail, uid, left_out, seq FROM audit {where} ORDER BY seq DESC LIMIT ?",  # noqa: S608 -- no value
            (*values, limit),
        )
        return [Change(*row) for row in found]

    def prune(self, now_ms: int) -> int:
        """Forget what is too old; returns how many rows. Those of an unknown time give way only to others of their action."""
        return self._database.change("DELETE FROM audit WHERE at_ms < ?", (now_ms - AUDIT_LIFETIME_MS,))
