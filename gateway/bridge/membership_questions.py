"""What members ask each other: what they missed, and how the other is. Each has a right of its own, and a name to be asked by."""

from typing import Final

from gateway.bridge.membership_events import Effect, HistoryAsked, Send, StatusAsked, StatusTold
from gateway.bridge.standing import Standing
from gateway.wire import federation as wire
from gateway.wire.federation import AskHistory, AskStatus, Capabilities, Message, Status
from gateway.wire.ticket import Scope

HISTORY: Final = "history/1"
STATUS: Final = "status/1"
CAPABILITIES: Final = Capabilities((HISTORY, STATUS))
"""What this version can be asked for."""


def answer(key: bytes, message: Message, standing: Standing) -> list[Effect]:
    """Return what to do about a question or an answer of a member; nothing where its rights do not go so far."""
    match message:
        case AskHistory(since_ms) if standing.scope & Scope.HISTORY:
            return [HistoryAsked(key, since_ms)]
        case AskStatus() if standing.scope & Scope.STATUS:
            return [StatusAsked(key)]
        case Status():
            return [StatusTold(key, message)]
    return []


def ask_history(key: bytes, scope: Scope, capabilities: tuple[str, ...]) -> list[Effect]:
    """Return the question for what we missed, to somebody who has just let us in, if it may and can be asked."""
    may = scope & Scope.HISTORY and HISTORY in capabilities
    return [Send(key, wire.encode(AskHistory(0)))] if may else []


def ask_status(key: bytes, capabilities: tuple[str, ...]) -> list[Effect]:
    """Return the question how somebody is, if it can be asked."""
    return [Send(key, wire.encode(AskStatus()))] if STATUS in capabilities else []
