"""What can be asked of a gateway's parts that every gateway has: the routes, and who answers them."""

from typing import Annotated, Final

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.audit import AuditDocument
from gateway.admin.federation import (
    FederationDocument,
    InviteDocument,
    InviteRequest,
    JoinDocument,
    JoinRequest,
    LeaveDocument,
    LeaveRequest,
    RevokeDocument,
    RevokeRequest,
)
from gateway.admin.policy import HistoryDocument, PolicyDocument
from gateway.admin.problems import BAD_REQUEST, UNAVAILABLE, Problem
from gateway.admin.radio import (
    RadioDocument,
    ResetDocument,
    ResetRequest,
    ScanDocument,
    ScanRequest,
)
from gateway.admin.route import Route
from gateway.admin.why import LatestDocument, WhyDocument
from gateway.admin.wipe import WipeDocument, WipeRequest
from gateway.limits import MAX_AUDIT_PAGE, MAX_WHY_LATEST
from gateway.status import GatewayStatus

MAX_ROW: Final = 2**63 - 1  # what SQLite takes for a number

NO_RADIO: Final = Problem(404, "no_radio", "this gateway has no Bluetooth radio")
NO_ADAPTER: Final = Problem(404, "no_adapter", "there is no such adapter in use")
NOBODY_SEARCHES: Final = Problem(409, "no_adapter", "no adapter searches for phones")
NO_POLICY: Final = Problem(404, "no_policy", "this gateway goes by no rules")
NO_RECORD: Final = Problem(404, "no_record", "this gateway keeps no record")
UNKNOWN_ID: Final = Problem(404, "unknown_id", "nothing is known of that ID")
NO_FEDERATION: Final = Problem(404, "no_federation", "this gateway has no way to other gateways")
_NOBODY: Final = Problem(404, "unknown_member", "no member is called so, or `not_shut_out`: nobody was shut out")
_NONSENSE: Final = Problem(400, "no_address", "no address is known, or `no_way`, `unknown_issuer`, `ambiguous`: the request leads nowhere")
_REFUSED: Final = Problem(403, "refused", "the ticket or the wish is refused; the code is the reason, such as `expired` or `replayed`")
_NOT_NOW: Final = Problem(503, "not_now", "it cannot be written down or answered now; the code says why")
NOT_CONFIRMED: Final = Problem(400, "not_confirmed", "the word is missing without which nothing is erased")
NO_WIPE: Final = Problem(404, "no_wipe", "there is nothing that could be erased")

_Row = Annotated[int, msgspec.Meta(ge=0, le=MAX_ROW)]


class LatestQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many IDs to list."""

    last: Annotated[int, msgspec.Meta(ge=1, le=MAX_WHY_LATEST)] = 20


class HistoryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when until before when, in Unix milliseconds, and after which page."""

    from_ms: _Row = 0
    to_ms: _Row = 0
    after: _Row = 0


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many changes to list, and before which number."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_AUDIT_PAGE)] = 50
    cursor: _Row = MAX_ROW


class FederationQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether to ask the other gateways how they are."""

    ask: bool = False


_OF_FEDERATION = (NO_FEDERATION, _NONSENSE, _REFUSED, _NOBODY, _NOT_NOW)

ROUTES: Final = (
    Route(
        name="get_status",
        method="GET",
        path="/api/v1/status",
        role=Role.VIEWER,
        answer=GatewayStatus,
        summary="How the gateway is doing: everything in one document; viewers see no nicknames.",
    ),
    Route(
        name="get_radio",
        method="GET",
        path="/api/v1/radio",
        role=Role.VIEWER,
        answer=RadioDocument,
        problems=(NO_RADIO,),
        summary="How the Bluetooth adapters and their links are doing.",
    ),
    Route(
        name="scan_radio",
        method="POST",
        path="/api/v1/radio/scan",
        role=Role.OPERATOR,
        body=ScanRequest,
        answer=ScanDocument,
        problems=(NO_RADIO, NOBODY_SEARCHES),
        summary="Listen for some seconds, and tell who is on the air.",
    ),
    Route(
        name="reset_radio",
        method="POST",
        path="/api/v1/radio/reset",
        role=Role.OPERATOR,
        body=ResetRequest,
        answer=ResetDocument,
        problems=(NO_RADIO, NO_ADAPTER),
        changes=True,
        summary="Take a step against a radio that does not work.",
    ),
    Route(
        name="get_policy",
        method="GET",
        path="/api/v1/policy",
        role=Role.VIEWER,
        answer=PolicyDocument,
        problems=(NO_POLICY,),
        summary="The rules in force.",
    ),
    Route(
        name="get_policy_history",
        method="GET",
        path="/api/v1/policy/history",
        role=Role.OPERATOR,
        query=HistoryQuery,
        answer=HistoryDocument,
        problems=(NO_RECORD, UNAVAILABLE),
        summary="What rules could have seen of the past, a page at a time.",
    ),
    Route(
        name="list_latest",
        method="GET",
        path="/api/v1/why",
        role=Role.VIEWER,
        query=LatestQuery,
        answer=LatestDocument,
        problems=(NO_RECORD, UNAVAILABLE),
        summary="The IDs something was done with last.",
    ),
    Route(
        name="get_why",
        method="GET",
        path="/api/v1/why/{id}",
        role=Role.VIEWER,
        answer=WhyDocument,
        problems=(BAD_REQUEST, NO_RECORD, UNKNOWN_ID, UNAVAILABLE),
        summary="What was done with a message, and why.",
    ),
    Route(
        name="list_changes",
        method="GET",
        path="/api/v1/audit",
        role=Role.ADMIN,
        query=AuditQuery,
        answer=AuditDocument,
        problems=(NO_RECORD, UNAVAILABLE),
        summary="Who has changed what, the latest first.",
    ),
    Route(
        name="get_federation",
        method="GET",
        path="/api/v1/federation",
        role=Role.VIEWER,
        query=FederationQuery,
        answer=FederationDocument,
        problems=_OF_FEDERATION,
        summary="Who is a member of the federation.",
    ),
    Route(
        name="invite",
        method="POST",
        path="/api/v1/federation/invite",
        role=Role.ADMIN,
        body=InviteRequest,
        answer=InviteDocument,
        problems=_OF_FEDERATION,
        changes=True,
        summary="Make a ticket that lets another gateway in.",
    ),
    Route(
        name="join",
        method="POST",
        path="/api/v1/federation/join",
        role=Role.ADMIN,
        body=JoinRequest,
        answer=JoinDocument,
        problems=_OF_FEDERATION,
        changes=True,
        summary="Use a ticket of another gateway.",
    ),
    Route(
        name="revoke",
        method="POST",
        path="/api/v1/federation/revoke",
        role=Role.ADMIN,
        body=RevokeRequest,
        answer=RevokeDocument,
        problems=_OF_FEDERATION,
        changes=True,
        summary="Shut a gateway out, or take that back.",
    ),
    Route(
        name="leave",
        method="POST",
        path="/api/v1/federation/leave",
        role=Role.ADMIN,
        body=LeaveRequest,
        answer=LeaveDocument,
        problems=_OF_FEDERATION,
        changes=True,
        summary="Leave the federation.",
    ),
    Route(
        name="wipe",
        method="POST",
        path="/api/v1/wipe",
        role=Role.ADMIN,
        body=WipeRequest,
        answer=WipeDocument,
        problems=(NOT_CONFIRMED, NO_WIPE),
        changes=True,
        summary="Erase what this gateway knows, and end.",
    ),
)
