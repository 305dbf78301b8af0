"""The thread through all logs: what is done with a message is told under its ID, which every hop and every site knows it by."""

from gateway.mesh.effects import Receipt
from gateway.mesh.records import Decided, Verb
from gateway.telemetry.events import Entry, Event, Level

_SHOWN = 8  # characters of an ID in a sentence


def entry_of(effect: Decided | Receipt) -> Entry:
    """Return the entry for a decision about a message, or about the way to a site."""
    if isinstance(effect, Receipt):
        return _entry(effect.message_id, effect.kind, {"message": effect.message_id, "verb": effect.kind, "hop": "radio"})
    subject = effect.subject.hex() if isinstance(effect.subject, bytes) else effect.subject
    hop = effect.hop.hex() if isinstance(effect.hop, bytes) else effect.hop.partition(":")[0]
    about = {"site": subject} if effect.verb is Verb.ROUTE else {"message": subject}
    fields: dict[str, object] = {**about, "verb": effect.verb.value, "hop": hop}
    if effect.rule:
        fields["rule"] = effect.rule
    if effect.reason is not None:
        fields["reason"] = effect.reason.value
    if isinstance(effect.detail, bytes):
        fields["known_as"] = effect.detail.hex()
    elif effect.detail:
        fields["detail"] = effect.detail
    return _entry("" if effect.verb is Verb.ROUTE else subject, effect.verb.value, fields)


def _entry(identifier: str, verb: str, fields: dict[str, object]) -> Entry:
    words = verb.replace("_", " ")
    return Entry(Level.DEBUG, Event.MESSAGE, f"{f'Message {identifier[:_SHOWN]}' if identifier else 'A way'}: {words}.", fields)
