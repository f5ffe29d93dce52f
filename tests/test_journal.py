"""A journal gives what was written, up to the first line that is not whole."""

import json
import zlib

import pytest

from sepbench import journal
from sepbench.errors import PlaceError

RECORDS = [[0, {"status": "ok"}], [1, {"status": "source_missing", "reason": "é\n"}], [2, None]]


def written(path, records=RECORDS):
    with journal.Journal(path) as lines:
        for record in records:
            lines.append(record)
    return path.read_bytes()


def ends(content):
    """Where each line ends."""
    return [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]


def test_what_was_written_is_read(tmp_path):
    written(tmp_path / "j")
    assert journal.read(tmp_path / "j") == RECORDS


def test_no_journal_and_an_empty_one_hold_nothing(tmp_path):
    assert journal.read(tmp_path / "j") == []
    (tmp_path / "j").touch()
    assert journal.read(tmp_path / "j") == []
    assert written(tmp_path / "j") == written(tmp_path / "new" / "j")


def test_a_tail_torn_at_any_byte_costs_the_torn_line_only_and_is_cut_off(tmp_path):
    path = tmp_path / "j"
    whole = written(path)
    lines = ends(whole)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        left = sum(end <= size for end in lines)
        assert journal.read(path) == RECORDS[:left]
        assert written(path, RECORDS[left:]) == whole


def test_any_flipped_byte_costs_its_line_and_what_follows(tmp_path):
    path = tmp_path / "j"
    whole = written(path)
    lines = ends(whole)
    for at in range(len(whole)):
        for mask in (1, 0x80, 0xFF):
            broken = bytearray(whole)
            broken[at] ^= mask
            path.write_bytes(broken)
            assert journal.read(path) == RECORDS[: sum(end <= at for end in lines)]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 4096,
        b"\n",
        b"\n\n\n",
        b"00000000 \n",  # the checksum of nothing
        b"00000000\n",
        b"%08x %s\n" % (zlib.crc32(b"{not json"), b"{not json"),
        b"%08x %s\n" % (zlib.crc32(b"\xff\xfe"), b"\xff\xfe"),
        b"deadbeef [0,1]\n",
        bytes(range(256)) * 16,
        b"[" * 10_000,
    ],
    ids=range(10),
)
def test_garbage_is_where_a_journal_ends(tmp_path, garbage):
    path = tmp_path / "j"
    whole = written(path)
    path.write_bytes(whole + garbage + whole)
    assert journal.read(path) == RECORDS
    assert written(path, []) == whole
    path.write_bytes(garbage)
    assert journal.read(path) == []


def test_a_line_is_a_checksum_and_json(tmp_path):
    (line,) = written(tmp_path / "j", [[7, "x"]]).splitlines()
    checksum, _, words = line.partition(b" ")
    assert json.loads(words) == [7, "x"]
    assert int(checksum, 16) == zlib.crc32(words)


def test_a_journal_that_cannot_be_kept_names_its_place(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PlaceError, match=r"file/j: can't be written"):
        journal.Journal(tmp_path / "file" / "j")
    (tmp_path / "j").mkdir()
    with pytest.raises(PlaceError, match=r"j: can't be written \(Is a directory\)"):
        journal.Journal(tmp_path / "j")
