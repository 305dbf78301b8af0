"""Which commands are carried out, and what is answered.

A command is a JSON object, or a bare value as buttons and switches send it:

    {"value": "OFF", "transaction": "7f3a", "at": 1767000000, "expires": 1767000030}

Rules, in this order; whatever breaks one is answered and not carried out:

* answers and refusals together have a budget; beyond it commands are only counted;
* a retained command is somebody's mistake: it would be given again at every connection;
* the verb is known, allowed by the operator, and served by this gateway;
* the form is right and the size within its cap;
* a command that says when it was made (`at`) or until when it is meant (`expires`, both Unix seconds) is
  not older than 30 seconds, not of the future, and not over; without a time of day nobody can tell, so
  it is refused;
* a transaction that was answered is answered again and not carried out again.

Nothing older than the connection to the broker comes this way without `at`, because the gateway asks
the broker to keep nothing for it while it is away.
"""

from collections import OrderedDict
from collections.abc import Container, Mapping
from enum import StrEnum

import msgspec

from gateway.config.mqtt import Verb
from gateway.errors import GatewayError
from gateway.session.rate import TokenBucket
from gateway.telemetry.limits import (
    MAX_MQTT_ANSWERS,
    MAX_MQTT_COMMAND,
    MAX_MQTT_TEXT,
    MAX_MQTT_TRANSACTION,
    MQTT_COMMAND_AGE_S,
    MQTT_COMMAND_BURST,
    MQTT_COMMAND_RATE,
    MQTT_SEND_BURST,
    MQTT_SEND_RATE,
)
from gateway.telemetry.mqtt.values import Order


class Fault(StrEnum):
    """Why a command is not carried out."""

    RETAINED = "retained"
    UNKNOWN = "unknown"
    NOT_ALLOWED = "not_allowed"
    NOT_SERVED = "not_served"
    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    STALE = "stale"
    EARLY = "early"
    NO_CLOCK = "no_clock"
    RATE = "rate"
    FAILED = "failed"  # it was carried out and went wrong


class RefusedError(GatewayError):
    """A command that is not carried out."""

    def __init__(self, fault: Fault, sentence: str, transaction: str | None = None) -> None:
        super().__init__(sentence)
        self.fault = fault
        self.transaction = transaction


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    value: str | bool = ""
    transaction: str | None = None
    at: float | None = None
    expires: float | None = None


_OFF_AND_ON: Mapping[str, str] = {"on": "on", "off": "off", "true": "on", "false": "off"}
_PRESSED = frozenset({"", "press"})


def read(payload: bytes) -> _Written:
    """Return what a command says.

    Raises:
        RefusedError: OVERSIZED or MALFORMED.

    """
    if len(payload) > MAX_MQTT_COMMAND:
        raise RefusedError(Fault.OVERSIZED, f"A command has at most {MAX_MQTT_COMMAND} bytes.")
    try:
        text = payload.decode().strip()
        written = msgspec.json.decode(text, type=_Written) if text.startswith("{") else _Written(text)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        raise RefusedError(Fault.MALFORMED, "This is neither a bare value nor an object with value, transaction, at, expires.") from None
    if written.transaction is not None and len(written.transaction) > MAX_MQTT_TRANSACTION:
        raise RefusedError(Fault.OVERSIZED, f"A transaction has at most {MAX_MQTT_TRANSACTION} characters.")
    return written


def value_of(verb: Verb, value: str | bool, transaction: str | None = None) -> str:
    """Return the value of a command in the one form it is carried out in.

    Raises:
        RefusedError: OVERSIZED or MALFORMED.

    """
    text = str(value)
    if verb is Verb.SEND:
        if not isinstance(value, str) or not text.strip() or any(letter < " " and letter != "\n" for letter in text):
            raise RefusedError(Fault.MALFORMED, "A notice is text without control characters.", transaction)
        if len(text.encode(errors="surrogatepass")) > MAX_MQTT_TEXT:
            raise RefusedError(Fault.OVERSIZED, f"A notice has at most {MAX_MQTT_TEXT} bytes.", transaction)
        return text
    if verb is Verb.BRIDGE:
        if text.lower() not in _OFF_AND_ON:
            raise RefusedError(Fault.MALFORMED, "The bridge can be switched ON or OFF.", transaction)
        return _OFF_AND_ON[text.lower()]
    if text.lower() not in _PRESSED:
        raise RefusedError(Fault.MALFORMED, f"The command {verb.value} takes no value.", transaction)
    return ""


def check_time(written: _Written, wall: float | None) -> None:
    """Accept a command that is of now.

    Raises:
        RefusedError: STALE, EARLY or NO_CLOCK.

    """
    if written.at is None and written.expires is None:
        return
    if wall is None:
        raise RefusedError(Fault.NO_CLOCK, "The clock of this gateway is not set, so it cannot tell how old the command is.")
    if written.expires is not None and not wall < written.expires:
        raise RefusedError(Fault.STALE, "The time this command was meant for is over.")
    if written.at is not None and not written.at > wall - MQTT_COMMAND_AGE_S:
        raise RefusedError(Fault.STALE, f"By the clock of this gateway the command is older than {MQTT_COMMAND_AGE_S:.0f} seconds.")
    if written.at is not None and written.at > wall + MQTT_COMMAND_AGE_S:
        raise RefusedError(Fault.EARLY, "By the clock of this gateway the command comes from the future.")


def answered(data: Mapping[str, object] | None, transaction: str | None) -> dict[str, object]:
    """Return the answer to a command that was carried out."""
    return _with({"status": "ok", "data": dict(data or {})}, transaction)


def refused(error: RefusedError) -> dict[str, object]:
    """Return the answer to one that was not."""
    return _with({"status": "error", "code": error.fault.value, "error": str(error)}, error.transaction)


def _with(answer: dict[str, object], transaction: str | None) -> dict[str, object]:
    return answer if transaction is None else answer | {"transaction": transaction}


class Admission:
    """Judges commands and remembers the answers.

    Args:
        allowed: the verbs the operator allows.
        served: the verbs somebody carries out.

    `taken`, `turned_away` (with an answer) and `ignored` (without one) count commands; of those taken, `done` and
    `failed` are over.

    """

    def __init__(self, allowed: Container[Verb], served: Container[Verb]) -> None:
        self._allowed = allowed
        self._served = served
        self._budget = TokenBucket(MQTT_COMMAND_RATE, MQTT_COMMAND_BURST)
        self._notices = TokenBucket(MQTT_SEND_RATE, MQTT_SEND_BURST)
        self._answers: OrderedDict[tuple[Verb, str], dict[str, object] | None] = OrderedDict()
        self.taken = self.turned_away = self.ignored = self.done = self.failed = 0

    def judge(self, name: str, payload: bytes, retained: bool, now: float, wall: float | None) -> Order | dict[str, object] | None:
        """Decide on a command.

        Args:
            name: of the verb, as the topic has it.
            payload: of the message.
            retained: whether the broker had kept it.
            now: monotonic seconds.
            wall: Unix seconds, None while the time of day is not known.

        Returns:
            An order to carry out, an answer to publish, or nothing at all.

        """
        if not self._budget.take(now):
            self.ignored += 1
            return None
        try:
            found = self._admit(name, payload, retained, now, wall)
        except RefusedError as error:
            self.turned_away += 1
            return refused(error)
        if isinstance(found, Order):
            self.taken += 1
        else:
            self.ignored += 1
        return found

    def close(self, order: Order, answer: dict[str, object]) -> None:
        """Count the answer to an order, and remember it."""
        if answer["status"] == "ok":
            self.done += 1
        else:
            self.failed += 1
        if order.transaction is not None and (order.verb, order.transaction) in self._answers:
            self._answers[order.verb, order.transaction] = answer

    def _admit(self, name: str, payload: bytes, retained: bool, now: float, wall: float | None) -> Order | dict[str, object] | None:
        if retained:
            raise RefusedError(Fault.RETAINED, "The command is retained by the broker and was not carried out. Publish it without retain.")
        verb = next((verb for verb in Verb if verb.value == name), None)
        if verb is None:
            raise RefusedError(Fault.UNKNOWN, "There is no such command.")
        if verb not in self._allowed:
            raise RefusedError(Fault.NOT_ALLOWED, "This command is not among mqtt.commands.")
        if verb not in self._served:
            raise RefusedError(Fault.NOT_SERVED, "This gateway cannot do that.")
        written = read(payload)
        try:
            value = value_of(verb, written.value)
            check_time(written, wall)
        except RefusedError as error:
            error.transaction = written.transaction
            raise
        if written.transaction is not None:
            key = (verb, written.transaction)
            if key in self._answers:
                return self._answers[key]
        if verb is Verb.SEND and not self._notices.take(now):
            raise RefusedError(Fault.RATE, "There were several notices already; air time belongs to the phones.", written.transaction)
        if written.transaction is not None:
            self._answers[key] = None
            while len(self._answers) > MAX_MQTT_ANSWERS:
                self._answers.popitem(last=False)
        return Order(verb, value, written.transaction)
