"""Mail that was acknowledged is there after a restart, with who has a copy of it."""

from dataclasses import replace

import pytest

from gateway.errors import Reason
from gateway.limits import MAX_ENDED_MAIL, MAX_SPOOL_PER_RECIPIENT
from gateway.store.mail import Ended
from gateway.store.spool import DEAD_LETTERS_MS
from tests.store.stores import HOUR, NOW, letter, opened, writing


def test_a_letter_comes_back_as_it_was_and_in_its_order(tmp_path):
    first = letter("first", via=b"hall----", depositor=b"", regular=True, holders=(b"courier1", b"courier2"))
    with writing(tmp_path / "store.db") as store:
        assert store.mail.take(first, NOW) is None
        assert store.mail.take(letter("second"), NOW) is None
    with opened(tmp_path / "store.db") as store:
        assert store.mail.load() == [first, letter("second")]
        assert store.mail.ended() == []


def test_a_letter_needs_a_durable_transaction(tmp_path):
    with opened(tmp_path / "store.db") as store, pytest.raises(RuntimeError), store.database.transaction():
        store.mail.take(letter(), NOW)


def test_a_letter_is_taken_once_and_one_that_has_ended_never_again(tmp_path):
    with writing(tmp_path / "store.db") as store:
        assert store.mail.take(letter(), NOW) is None
        assert store.mail.take(replace(letter(), copies=1), NOW) is None
        assert [one.copies for one in store.mail.load()] == [4]
        assert store.mail.end(b"letter", None, NOW + 1)
        assert not store.mail.end(b"letter", None, NOW + 2)
        assert store.mail.take(letter(), NOW + 3) is Reason.DUPLICATE
        assert store.mail.load() == []


def test_what_has_ended_is_told_with_who_has_copies_and_counted_by_its_reason(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for name in ("delivered", "expired", "refused"):
            store.mail.take(letter(name), NOW)
        assert store.mail.given(b"delivered", 2, (b"courier1",))
        store.mail.end(b"expired", Reason.EXPIRED, NOW + 1)
        store.mail.end(b"refused", Reason.STORE, NOW + 2)
        store.mail.end(b"delivered", None, NOW + 3)
        assert store.mail.ended() == [
            Ended(b"delivered", None, (b"courier1",)),
            Ended(b"refused", Reason.STORE, ()),
            Ended(b"expired", Reason.EXPIRED, ()),
        ]
        assert store.mail.counts() == {"delivered": 1, "expired": 1, "store": 1}
        assert not store.mail.given(b"nobody knows it", 1, ())


def test_who_had_copies_is_forgotten_with_the_letter(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.mail.take(letter(), NOW)
        store.mail.end(b"letter", None, NOW + 1)
        late = NOW + 25 * HOUR + DEAD_LETTERS_MS
        assert (store.spool.prune(late), store.mail.prune(late)) == (1, 1)
        assert store.mail.ended() == []


def test_only_so_many_that_have_ended_are_told(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for number in range(MAX_ENDED_MAIL + 2):
            store.mail.take(letter(f"{number}", depositor=b"", tag=b""), NOW)
            store.mail.end(f"{number}".encode(), None, NOW + number)
        ended = store.mail.ended()
        assert len(ended) == MAX_ENDED_MAIL
        assert ended[0].name == str(MAX_ENDED_MAIL + 1).encode()


def test_the_quotas_of_the_spool_hold_for_mail_too(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for number in range(MAX_SPOOL_PER_RECIPIENT):
            assert store.mail.take(letter(f"{number}", depositor=b"%8d" % number), NOW) is None
        assert store.mail.take(letter("one more", depositor=b"somebody"), NOW) is Reason.QUOTA_PEER
