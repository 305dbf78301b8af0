"""The last entries of the log, for those who read them over the API."""

from gateway.admin.limits import MAX_LOG_RING
from gateway.telemetry.events import Entry, Event, Level
from gateway.telemetry.logs import Form, Logs
from gateway.telemetry.ring import Ring


def test_names_and_secrets_are_taken_out_whatever_the_log_shows() -> None:
    ring = Ring(lambda: 1_800_000_000.0)
    fields = {"nickname": "Ada", "peer": "00112233445566aa", "bytes": 5, "odd": object()}
    ring.tell(Entry(Level.WARNING, Event.LIBP2P, "token=abcdefgh of 00112233445566aa", fields))
    (entry,) = ring.entries()
    assert (entry.level.value, entry.event, entry.fields["bytes"]) == ("warning", "libp2p", 5)
    for secret in ("Ada", "abcdefgh", "00112233445566aa"):
        assert secret not in str(entry)


def test_only_the_last_are_kept_and_the_others_counted() -> None:
    ring = Ring(lambda: 0.0)
    for number in range(MAX_LOG_RING + 7):
        ring.tell(Entry(Level.INFO, Event.MESSAGE, f"entry {number}"))
    assert (len(ring.entries()), ring.lost, ring.entries()[0].id) == (MAX_LOG_RING, 7, 8)


def test_it_stands_beside_the_log_and_is_told_what_matters_enough(capsys) -> None:
    ring = Ring(lambda: 0.0)
    logs = Logs(Form.TEXT, Level.WARNING, now=lambda: 0.0, wall=lambda: 0.0)
    logs.beside = ring.tell
    logs.tell(Entry(Level.INFO, Event.MESSAGE, "small talk"))
    logs.tell(Entry(Level.ERROR, Event.STORE, "the disk is full"))
    assert [one.sentence for one in ring.entries()] == ["the disk is full"]
