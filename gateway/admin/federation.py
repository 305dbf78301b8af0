"""What can be asked and told about the federation: the documents of ``/api/v1/federation``, and who answers."""

from typing import Protocol

import msgspec


class RemoteStatus(msgspec.Struct, frozen=True):
    """How another gateway says it is; counts, and nobody's name."""

    phones: int
    sites: int
    waiting_bytes: int
    uptime_s: int


class MemberDocument(msgspec.Struct, frozen=True):
    """One member of the federation, as this gateway sees it."""

    peer_id: str
    name: str  # what it calls itself, as far as that is known
    scope: tuple[str, ...]
    until: int  # Unix seconds; 0: until revoked
    via: str  # peer ID of who let it in; this gateway's own for those it let in itself
    steps: int
    linked: bool
    software: str
    status: RemoteStatus | None = None


class InvitationDocument(msgspec.Struct, frozen=True):
    """An invitation that is still open; its ticket and its code are told once, when it is made."""

    expires: int  # Unix seconds
    audience: str  # peer ID of the only gateway that may use it, empty for anyone
    scope: tuple[str, ...]
    uses: int
    used: int


class ShutOutDocument(msgspec.Struct, frozen=True):
    """A gateway that is shut out."""

    peer_id: str
    name: str
    by: str  # peer ID of who shuts it out


class FederationDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/federation``."""

    peer_id: str
    members: tuple[MemberDocument, ...]  # without this gateway itself
    joining: tuple[str, ...]  # peer IDs of those whose answer to our ticket is awaited
    invitations: tuple[InvitationDocument, ...]
    shut_out: tuple[ShutOutDocument, ...]
    trouble: str = ""


class InviteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/federation/invite``."""

    valid_s: int = 3600
    audience: str = ""  # peer ID
    uses: int = 1
    until: int = 0  # Unix seconds
    scope: tuple[str, ...] = ()  # empty: the ordinary one
    addresses: tuple[str, ...] = ()  # empty: where this gateway listens


class InviteDocument(msgspec.Struct, frozen=True):
    """A new invitation. Whoever has the ticket or the code can use it."""

    ticket: str
    code: str
    expires: int  # Unix seconds
    audience: str
    scope: tuple[str, ...]
    uses: int
    until: int
    addresses: tuple[str, ...]


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/federation/join``."""

    ticket: str  # or a code
    addresses: tuple[str, ...] = ()  # where to call beside what the ticket says; a code needs one, with the peer ID
    patience_s: float = 30.0


class JoinDocument(msgspec.Struct, frozen=True):
    """What came of a ticket."""

    peer_id: str
    name: str
    state: str  # joined, or waiting where nobody has answered yet
    sentence: str


class RevokeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/federation/revoke``."""

    who: str  # peer ID, its beginning, or a name
    pardon: bool = False


class RevokeDocument(msgspec.Struct, frozen=True):
    """Who was shut out, or pardoned."""

    peer_id: str
    name: str
    sentence: str


class LeaveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/federation/leave``."""


class LeaveDocument(msgspec.Struct, frozen=True):
    """Whom this gateway has left."""

    left: tuple[str, ...]
    staying: tuple[str, ...]  # peer IDs that the configuration lists, and that may link as before
    sentence: str


class FederationRefusal(Exception):  # noqa: N818 - it is an answer
    """What was asked is refused.

    Args:
        status: of HTTP: 400 a request that makes no sense, 403 refused, 404 nobody like that, 503 not now.
        code: a word for programs.
        sentence: what happened.
        hint: what to do.

    """

    def __init__(self, status: int, code: str, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.hint = hint


class FederationControl(Protocol):
    """Answers for the federation; each raises `FederationRefusal`."""

    async def show(self, *, ask: bool) -> FederationDocument:
        """Tell who is a member; `ask` also asks the others how they are."""

    async def invite(self, wanted: InviteRequest) -> InviteDocument:
        """Make a ticket."""

    async def join(self, wanted: JoinRequest) -> JoinDocument:
        """Use a ticket of another gateway."""

    async def revoke(self, wanted: RevokeRequest) -> RevokeDocument:
        """Shut somebody out, or take that back."""

    async def leave(self) -> LeaveDocument:
        """Leave."""
