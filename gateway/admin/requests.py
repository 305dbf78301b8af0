"""Who answers the routes of `gateway.admin.routes`."""

import asyncio
from collections.abc import Callable

import msgspec

from gateway.admin.audit import CallWitness, Changes, Witness, nobody, of_calls
from gateway.admin.federation import FederationControl, InviteRequest, JoinRequest, RevokeRequest
from gateway.admin.policy import Rules
from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.radio import RadioControl, ResetDocument, ResetRequest, ScanDocument, ScanRequest, heard_document, radio_document
from gateway.admin.route import Answers, Call
from gateway.admin.routes import (
    NO_ADAPTER,
    NO_FEDERATION,
    NO_POLICY,
    NO_RADIO,
    NO_RECORD,
    NO_WIPE,
    NOBODY_SEARCHES,
    NOT_CONFIRMED,
    UNKNOWN_ID,
    AuditQuery,
    FederationQuery,
    HistoryQuery,
    LatestQuery,
)
from gateway.admin.why import Inquiry
from gateway.admin.wipe import WORD, Wipe, WipeRequest
from gateway.status import GatewayStatus
from gateway.store.audit import Action


def answers(
    status: Callable[[], msgspec.Struct],
    radio: RadioControl | None = None,
    record: Inquiry | None = None,
    rules: Rules | None = None,
    federation: FederationControl | None = None,
    wipe: Wipe | None = None,
    changes: Changes | None = None,
    witness: Witness = nobody,
) -> Answers:
    """Return who answers these routes; what is None answers that it is not there, and `witness` notes what each request has changed."""
    note = of_calls(witness)
    asked, told, joined = RadioRequests(radio, note), RecordRequests(record, changes), FederationRequests(federation, note)

    async def get_policy(_call: Call) -> msgspec.Struct:
        if rules is None:
            raise ProblemError(NO_POLICY, "This gateway goes by no rules.")
        return rules.document()

    async def erase(call: Call) -> msgspec.Struct:
        if call.body(WipeRequest).confirm != WORD:
            raise ProblemError(NOT_CONFIRMED, f"Nothing was erased: confirm must be {WORD!r}.")
        if wipe is None:
            raise ProblemError(NO_WIPE, "This gateway keeps nothing that could be erased.")
        note(call, Action.WIPE_ASKED, "")  # before it: afterwards there is no log
        return await wipe()

    async def get_status(call: Call) -> msgspec.Struct:
        found = status()
        return found if call.sees_names or not isinstance(found, GatewayStatus) else without_names(found)

    return {
        "get_status": get_status,
        "get_radio": asked.show,
        "scan_radio": asked.scan,
        "reset_radio": asked.reset,
        "get_policy": get_policy,
        "get_policy_history": told.history,
        "list_latest": told.latest,
        "get_why": told.why,
        "list_changes": told.changes,
        "get_federation": joined.show,
        "invite": joined.invite,
        "join": joined.join,
        "revoke": joined.revoke,
        "leave": joined.leave,
        "wipe": erase,
    }


def without_names(status: GatewayStatus) -> GatewayStatus:
    """Return a status that does not say what people are called."""
    peers = tuple(msgspec.structs.replace(one, nickname="") for one in status.mesh.peers)
    return msgspec.structs.replace(status, mesh=msgspec.structs.replace(status.mesh, peers=peers))


class RadioRequests:
    """What can be asked of the radio."""

    def __init__(self, radio: RadioControl | None, note: CallWitness) -> None:
        self._radio = radio
        self._note = note

    async def show(self, _call: Call) -> msgspec.Struct:
        """Answer how the adapters and their links are doing."""
        return radio_document(self._usable().radio(), asyncio.get_running_loop().time())

    async def scan(self, call: Call) -> msgspec.Struct:
        """Listen, and answer who is on the air."""
        wanted = call.body(ScanRequest)
        radio = self._usable()
        if not any(adapter.central for adapter in radio.radio().adapters):
            raise ProblemError(NOBODY_SEARCHES, "No adapter of this gateway searches for phones.", "See: meshgate radio links.")
        rows = await radio.scan_report(wanted.seconds)
        return ScanDocument(wanted.seconds, tuple(heard_document(row, peer_ids=wanted.peer_ids) for row in rows))

    async def reset(self, call: Call) -> msgspec.Struct:
        """Take a step of the recovery ladder, and answer how it went."""
        wanted = call.body(ResetRequest)
        radio = self._usable()
        from hw.bluez.steps import Outcome, Step  # noqa: PLC0415 -- only a gateway with a radio needs them

        names = [adapter.name for adapter in radio.radio().adapters]
        if not names or wanted.adapter not in (None, *names):
            detail = f"There is no adapter {wanted.adapter} in use." if names else "There is no Bluetooth adapter in use."
            raise ProblemError(NO_ADAPTER, detail, "See: meshgate radio links.")
        if wanted.step not in set(Step):
            raise ProblemError(BAD_REQUEST, f"There is no step {wanted.step!r}.", f"One of: {', '.join(Step)}.")
        step, began = Step(wanted.step), asyncio.get_running_loop().time()
        sentences = await radio.reset(wanted.adapter, step)
        done = all(
            any(one.step is step and one.started >= began and one.outcome is Outcome.OK for one in adapter.history)
            for adapter in radio.radio().adapters
            if adapter.name in names and wanted.adapter in (None, adapter.name)
        )
        self._note(call, Action.RADIO_RESET, f"{step.value}, {wanted.adapter or 'every adapter'}, {'done' if done else 'failed'}")
        return ResetDocument(done, tuple(sentences))

    def _usable(self) -> RadioControl:
        if self._radio is None:
            hint = "It was started with --simulate, radio.enabled is false, or Meshgate was installed without the extra ble."
            raise ProblemError(NO_RADIO, "This gateway has no Bluetooth radio.", hint)
        return self._radio


class RecordRequests:
    """What can be asked about what became of things."""

    def __init__(self, record: Inquiry | None, changes: Changes | None) -> None:
        self._record = record
        self._changes = changes

    async def why(self, call: Call) -> msgspec.Struct:
        """Answer what is known of one ID."""
        try:
            story = await self._usable().why(call["id"])
        except ValueError as error:
            raise ProblemError(BAD_REQUEST, f"{error}.".capitalize(), "Write more of the ID.") from error
        if not story.id and not story.candidates:
            hint = "See: meshgate why --last 20. It may also be too long ago, or have happened elsewhere."
            raise ProblemError(UNKNOWN_ID, f"This gateway knows nothing of {story.wanted}.", hint)
        return story

    async def latest(self, call: Call) -> msgspec.Struct:
        """Answer what something was done with last."""
        return await self._usable().latest(call.query(LatestQuery).last)

    async def history(self, call: Call) -> msgspec.Struct:
        """Answer what rules could have seen of the past."""
        wanted = call.query(HistoryQuery)
        return await self._usable().history(wanted.from_ms, wanted.to_ms, wanted.after)

    async def changes(self, call: Call) -> msgspec.Struct:
        """Answer what was changed, and by which way."""
        wanted = call.query(AuditQuery)
        if self._changes is None:
            raise ProblemError(NO_RECORD, "This gateway keeps no log of changes.")
        return await self._changes.page(wanted.limit, wanted.cursor)

    def _usable(self) -> Inquiry:
        if self._record is None:
            raise ProblemError(NO_RECORD, "This gateway keeps no record.")
        return self._record


class FederationRequests:
    """What can be asked of the federation."""

    def __init__(self, federation: FederationControl | None, note: CallWitness) -> None:
        self._federation = federation
        self._note = note

    async def show(self, call: Call) -> msgspec.Struct:
        """Answer who is a member."""
        return await self._usable().show(ask=call.query(FederationQuery).ask)

    async def invite(self, call: Call) -> msgspec.Struct:
        """Make a ticket."""
        made = await self._usable().invite(call.body(InviteRequest))
        self._note(call, Action.MEMBER_INVITED, f"for {made.uses} {'gateway' if made.uses == 1 else 'gateways'}, {' '.join(made.scope)}")
        return made

    async def join(self, call: Call) -> msgspec.Struct:
        """Use a ticket."""
        came = await self._usable().join(call.body(JoinRequest))
        self._note(call, Action.FEDERATION_JOINED, came.state)
        return came

    async def revoke(self, call: Call) -> msgspec.Struct:
        """Shut somebody out, or take that back."""
        wanted = call.body(RevokeRequest)
        done = await self._usable().revoke(wanted)
        self._note(call, Action.MEMBER_PARDONED if wanted.pardon else Action.MEMBER_REVOKED, "")
        return done

    async def leave(self, call: Call) -> msgspec.Struct:
        """Leave."""
        left = await self._usable().leave()
        self._note(call, Action.FEDERATION_LEFT, "")
        return left

    def _usable(self) -> FederationControl:
        if self._federation is None:
            hint = "Set transports.libp2p.enabled or transports.websocket.enabled to true, and start the gateway again."
            raise ProblemError(NO_FEDERATION, "This gateway has no way to other gateways.", hint)
        return self._federation
