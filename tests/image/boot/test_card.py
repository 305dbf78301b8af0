"""The card that power cuts are tried with: a test that loses nothing would prove nothing."""

import shutil
import socket
import struct
import subprocess
from random import Random

import pytest

from tests.image.boot import nbd
from tests.image.boot.card import MOST_HELD, SECTOR, Card, PowerLostError

SECTORS = 64
OLD, NEW, NEWER = (bytes([what]) * SECTOR for what in b"onN")


@pytest.fixture
def path(tmp_path):
    """The file of a card full of the old."""
    path = tmp_path / "card.img"
    path.write_bytes(OLD * SECTORS)
    return path


def sectors(path):
    data = path.read_bytes()
    return [data[at : at + SECTOR] for at in range(0, len(data), SECTOR)]


@pytest.mark.parametrize("seed", range(30))
def test_what_was_flushed_is_there_after_a_cut_and_what_was_not_may_be_lost(path, seed):
    print(f"seed {seed}")
    with Card(path, Random(seed)) as card:
        card.write(0, NEW * 20)
        card.flush()
        card.write(10 * SECTOR, NEWER * 20)
        assert card.read(0, 30 * SECTOR) == NEW * 10 + NEWER * 20
        cut = card.cut()
    found = sectors(path)
    assert found[:10] == [NEW] * 10
    assert {*found[10:20]} <= {NEW, NEWER}
    assert {*found[20:30]} <= {OLD, NEWER}
    assert found[30:] == [OLD] * 34
    assert (cut.held, cut.stored, cut.older) == (20, found.count(NEWER), 0)


def test_some_cuts_lose_everything_some_nothing_and_most_tear(path):
    torn = {"nothing": 0, "everything": 0, "some": 0}
    with Card(path, Random(7)) as card:
        for _ in range(50):
            card.write(0, NEW * 40)
            cut = card.cut()
            card.restore_power()
            card.write(0, OLD * SECTORS)
            card.flush()
            torn["everything" if cut.stored == 0 else "nothing" if cut.stored == 40 else "some"] += 1
    assert min(torn.values()) >= 5, torn


def test_a_sector_that_was_written_twice_may_be_left_with_what_came_between(path):
    seen = set()
    for seed in range(40):
        path.write_bytes(OLD * SECTORS)
        with Card(path, Random(seed)) as card:
            card.write(0, NEW * 8)
            card.write(0, NEWER * 8)
            cut = card.cut()
        found = sectors(path)[:8]
        assert (cut.stored, cut.older) == (found.count(NEWER), found.count(NEW))
        seen |= {*found}
    assert seen == {OLD, NEW, NEWER}


@pytest.mark.parametrize("seed", range(10))
def test_what_is_written_at_once_is_never_lost(path, seed):
    print(f"seed {seed}")
    with Card(path, Random(seed)) as card:
        card.write(0, NEW * 4)
        card.write(0, NEWER * 4, at_once=True)
        assert card.cut().held == 0
    assert sectors(path)[:4] == [NEWER] * 4


def test_a_cut_within_a_write_tears_that_write_and_nothing_comes_after(path):
    cuts, left = [], set()
    for seed in range(20):
        path.write_bytes(OLD * SECTORS)
        with Card(path, Random(seed)) as card:
            card.cut_within(2, cuts.append)
            card.write(0, NEW, at_once=True)
            with pytest.raises(PowerLostError):
                card.write(SECTOR, NEW * 16, at_once=True)
            for after in (card.flush, card.cut, lambda card=card: card.read(0, SECTOR), lambda card=card: card.write(0, OLD)):
                with pytest.raises(PowerLostError):
                    after()
        found = sectors(path)
        assert found[0] == NEW
        assert {*found[1:17]} <= {OLD, NEW}
        left.add(found.count(NEW))
    assert len(cuts) == 20
    assert len(left) > 3


def test_with_its_power_it_comes_back_as_it_was_left(path):
    with Card(path, Random(1)) as card:
        card.cut()
        card.restore_power()
        card.write(0, NEW)
        card.flush()
        assert card.read(0, SECTOR) == NEW


def test_it_holds_no_more_than_it_can(path):
    with Card(path, Random(1)) as card:
        whole = NEW * SECTORS
        for _ in range(MOST_HELD // len(whole) + 1):
            card.write(0, whole)
        assert card.cut().held == 0
    assert sectors(path) == [NEW] * SECTORS


@pytest.mark.parametrize(("offset", "length"), [(1, SECTOR), (0, 100), (SECTORS * SECTOR, SECTOR), (-SECTOR, SECTOR)])
def test_what_are_no_sectors_of_it_is_refused(path, offset, length):
    with Card(path, Random(1)) as card:
        with pytest.raises(ValueError, match="not sectors"):
            card.write(offset, bytes(length))
        with pytest.raises(ValueError, match="not sectors"):
            card.read(offset, length)


def test_a_file_of_no_whole_sectors_is_no_card(tmp_path):
    (tmp_path / "odd").write_bytes(b"x" * 700)
    with pytest.raises(ValueError, match="no whole number of sectors"):
        Card(tmp_path / "odd", Random(1))


class Client:
    """A machine that has the card as its disk."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(str(path))
        self.line = self.socket.makefile("rwb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()
        self.socket.close()

    def agree(self):
        assert self.line.read(18)[:16] == nbd.GREETING + nbd.OPTION
        self.send(struct.pack(">I8sIIIH", 3, nbd.OPTION, nbd.GO, 6, 0, 0))
        replies = {}
        while nbd.ACK not in replies:
            _, _, kind, length = struct.unpack(">QIII", self.line.read(20))
            replies.setdefault(kind, []).append(self.line.read(length))
        return struct.unpack(">HQH", replies[nbd.INFORMATION][0])

    def send(self, data):
        self.line.write(data)
        self.line.flush()

    def ask(self, kind, offset=0, length=0, data=b"", flags=0):
        self.send(struct.pack(">IHHQQI", nbd.REQUEST, flags, kind, 77, offset, length or len(data)) + data)

    def hears(self):
        magic, error, cookie = struct.unpack(">IIQ", self.line.read(16))
        assert (magic, cookie) == (nbd.REPLY, 77)
        return error


@pytest.fixture
def served(path):
    with Card(path, Random(3)) as card, nbd.exported(card, path.with_suffix(".sock")):
        yield card, path.with_suffix(".sock")


def test_a_machine_reads_writes_and_flushes_it(served, path):
    card, at = served
    with Client(at) as client:
        client.send = client.send
        assert client.agree() == (nbd.INFO_EXPORT, SECTORS * SECTOR, nbd.FLAGS)
        client.ask(nbd.WRITE, data=NEW * 2)
        assert client.hears() == 0
        assert sectors(path)[0] == OLD
        client.ask(nbd.READ, 0, SECTOR)
        assert (client.hears(), client.line.read(SECTOR)) == (0, NEW)
        client.ask(nbd.FLUSH)
        assert client.hears() == 0
        assert sectors(path)[:3] == [NEW, NEW, OLD]
        client.ask(nbd.WRITE, 5 * SECTOR, data=NEWER, flags=nbd.FUA)
        assert client.hears() == 0
        assert sectors(path)[5] == NEWER
        client.ask(nbd.WRITE, SECTORS * SECTOR, data=NEW)
        assert client.hears() != 0
    assert (card.writes, card.flushes) == (2, 1)


def test_without_power_it_answers_nothing_and_the_next_machine_finds_it_again(served):
    card, at = served
    with Client(at) as client:
        client.agree()
        card.cut()
        client.ask(nbd.READ, 0, SECTOR)
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.line.read(16)
    card.restore_power()
    with Client(at) as client:
        client.agree()
        client.ask(nbd.READ, 0, SECTOR)
        assert (client.hears(), client.line.read(SECTOR)) == (0, OLD)


def test_the_emulator_itself_has_it_as_a_disk(served):
    if shutil.which("qemu-io") is None:
        pytest.skip("qemu-io is not here: apt install qemu-utils")
    _card, at = served
    asked = [word for what in ("write -P 7 0 4k", "flush", "read -P 7 0 4k", "read -P 111 4k 4k") for word in ("-c", what)]
    done = subprocess.run(
        ["qemu-io", "-f", "raw", *asked, f"nbd+unix:///?socket={at}"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done
    assert "failed" not in done.stdout + done.stderr
