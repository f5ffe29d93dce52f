"""Archives that anybody may have made: what is unpacked, and what is refused without a trace."""

import io
import os
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepbench.archives import Limits, is_archive, unpack
from sepbench.errors import ArchiveError, PlaceError

PLAIN = {"set/a.wav": b"a" * 9000, "set/b/c.txt": b"words\n", "set/empty": b""}


def tar_entry(name: str, content: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def make_tar(path: Path, *entries: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as pack:  # type: ignore[call-overload]
        for info, content in entries:
            pack.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return path


def make_zip(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in entries:
            pack.writestr(name, content)
    return path


def zip_entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "home" / "sets").mkdir(parents=True)
    return tmp_path / "home" / "sets"


@pytest.mark.parametrize("name", ["s.zip", "s.tar", "s.tar.gz", "s.tgz", "s.tar.bz2", "s.tar.xz"])
def test_every_kind_of_archive_is_unpacked_whole(name: str, tmp_path: Path, into: Path) -> None:
    path = tmp_path / name
    if name.endswith(".zip"):
        make_zip(path, *PLAIN.items())
    else:
        mode = {"tar": "w", "gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}[name.rpartition(".")[2]]
        make_tar(path, *(tar_entry(*pair) for pair in PLAIN.items()), mode=mode)
    assert is_archive(path)
    seen: list[int] = []
    unpack(path, into, progress=lambda done, _: seen.append(done))
    assert tree(into) == PLAIN
    assert seen[-1] == sum(map(len, PLAIN.values()))
    assert os.listdir(into) == ["set"]


HOSTILE_TARS = {
    "a path that climbs": [tar_entry("set/../../out.txt")],
    "an absolute path": [tar_entry("/tmp/out.txt")],
    "a link out, absolute, and a file through it": [
        tar_entry("set/link", b"", type=tarfile.SYMTYPE, linkname="/tmp"), tar_entry("set/link/out.txt"),
    ],
    "a link out, relative": [tar_entry("set/link", b"", type=tarfile.SYMTYPE, linkname="../../..")],
    "a link within": [tar_entry("set/a"), tar_entry("set/link", b"", type=tarfile.SYMTYPE, linkname="a")],
    "a hard link to a file of the system": [tar_entry("set/h", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd")],
    "a device": [tar_entry("set/null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "a pipe": [tar_entry("set/pipe", b"", type=tarfile.FIFOTYPE)],
    "one name twice": [tar_entry("set/a", b"1"), tar_entry("set/a", b"2")],
    "names that differ by case": [tar_entry("set/Track.wav"), tar_entry("set/track.WAV")],
    "folders that differ by case": [tar_entry("Set/a"), tar_entry("set/b")],
    "names that differ by composition": [tar_entry("set/\u00e9"), tar_entry("set/e\u0301")],
    "a file where a folder is": [tar_entry("set/a/b"), tar_entry("set/a")],
    "a folder where a file is": [tar_entry("set/a"), tar_entry("set/a/b")],
    "a name of 300 characters": [tar_entry("n" * 300)],
    "a line break in a name": [tar_entry("set/a\nb")],
    "a drive of Windows": [tar_entry("C:/out.txt")],
    "a path of Windows": [tar_entry("set\\..\\out.txt")],
    "a name that is not Unicode": [tar_entry("set/\udcff")],
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE_TARS)
def test_hostile_tar_is_refused_and_leaves_nothing(kind: str, tmp_path: Path, into: Path) -> None:
    path = make_tar(tmp_path / "s.tar.gz", tar_entry("set/first.wav"), *HOSTILE_TARS[kind])
    before = tree(tmp_path)
    with pytest.raises(ArchiveError) as caught:
        unpack(path, into)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert tree(tmp_path) == before
    assert list(into.iterdir()) == []


HOSTILE_ZIPS = {
    "a path that climbs": [("../out.txt", b"x")],
    "an absolute path": [("/tmp/out.txt", b"x")],
    "a link": [(zip_entry("set/link", stat.S_IFLNK | 0o777), b"/etc/passwd")],
    "a pipe": [(zip_entry("set/pipe", stat.S_IFIFO | 0o666), b"")],
    "names that differ by case": [("set/A", b"1"), ("set/a", b"2")],
    "a NUL in a name": [(zipfile.ZipInfo("set/a.wav"), b"x")],
}


@pytest.mark.parametrize("kind", HOSTILE_ZIPS)
def test_hostile_zip_is_refused_and_leaves_nothing(kind: str, tmp_path: Path, into: Path) -> None:
    path = make_zip(tmp_path / "s.zip", ("set/first.wav", b"1"), *HOSTILE_ZIPS[kind])
    if kind == "a NUL in a name":
        path.write_bytes(path.read_bytes().replace(b"set/a.wav", b"set/\x00.wav"))
    before = tree(tmp_path)
    with pytest.raises(ArchiveError):
        unpack(path, into)
    assert tree(tmp_path) == before
    assert list(into.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_that_holds_a_name_twice_is_refused(tmp_path: Path, into: Path) -> None:
    path = make_zip(tmp_path / "s.zip", ("set/a", b"1"), ("set/a", b"2"))
    with pytest.raises(ArchiveError, match="holds `set/a` and `set/a`"):
        unpack(path, into)


def test_bits_and_owners_of_the_archive_are_not_taken_over(tmp_path: Path, into: Path) -> None:
    unpack(make_tar(tmp_path / "s.tar", tar_entry("set/tool", mode=0o6777, uid=0, uname="root"), mode="w"), into)
    mode = (into / "set" / "tool").stat().st_mode
    assert mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR | stat.S_IWOTH) == 0


SMALL = Limits(ratio=20, always=1000)


def test_bomb_is_refused_by_what_it_claims_before_anything_is_written(tmp_path: Path, into: Path) -> None:
    path = make_zip(tmp_path / "s.zip", ("set/zeros", bytes(1 << 20)))
    with pytest.raises(ArchiveError, match=r"comes to 1048576 bytes or more, from .*; up to .* are unpacked"):
        unpack(path, into, limits=SMALL)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("name", ["s.tar.gz", "s.zip"])
def test_bomb_is_refused_by_what_comes_out_of_it(name: str, tmp_path: Path, into: Path) -> None:
    path = tmp_path / name
    if name.endswith(".zip"):  # it claims one byte, and holds a million
        make_zip(path, ("set/zeros", bytes(1 << 20)))
        path.write_bytes(path.read_bytes().replace((1 << 20).to_bytes(4, "little"), (1).to_bytes(4, "little")))
    else:
        make_tar(path, *(tar_entry(f"set/{number}", bytes(1 << 18)) for number in range(4)))
    with pytest.raises(ArchiveError):
        unpack(path, into, limits=SMALL)
    assert list(into.iterdir()) == []


def test_archive_of_too_many_entries_is_refused(tmp_path: Path, into: Path) -> None:
    path = make_tar(tmp_path / "s.tar", *(tar_entry(f"set/{number}", b"") for number in range(9)), mode="w")
    with pytest.raises(ArchiveError, match="more than 8 entries"):
        unpack(path, into, limits=Limits(members=8))


def test_nested_archive_stays_an_archive(tmp_path: Path, into: Path) -> None:
    inner = make_zip(tmp_path / "inner.zip", ("../out.txt", b"x")).read_bytes()
    unpack(make_zip(tmp_path / "s.zip", ("set/inner.zip", inner)), into)
    assert tree(into) == {"set/inner.zip": inner}


@pytest.mark.parametrize("share", [0.02, 0.4, 0.97])
@pytest.mark.parametrize("name", ["s.tar.gz", "s.tar", "s.zip", "s.tar.bz2"])
def test_cut_archive_is_refused(name: str, share: float, tmp_path: Path, into: Path) -> None:
    path, noise = tmp_path / name, os.urandom(6000)
    entries = {f"set/{number}": noise for number in range(4)}
    if name.endswith(".zip"):
        make_zip(path, *entries.items())
    else:
        make_tar(
            path,
            *(tar_entry(*pair) for pair in entries.items()),
            mode={"gz": "w:gz", "tar": "w", "bz2": "w:bz2"}[name.rpartition(".")[2]],
        )
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share) if name != "s.tar" else int(4 * 6656 * share)])
    with pytest.raises(ArchiveError):
        unpack(path, into)
    assert list(into.iterdir()) == []


def test_tar_that_ends_between_two_files_is_refused(tmp_path: Path, into: Path) -> None:
    path = make_tar(tmp_path / "s.tar", tar_entry("set/a", b"x" * 512), tar_entry("set/b", b"y" * 512), mode="w")
    path.write_bytes(path.read_bytes()[:1024])
    with pytest.raises(ArchiveError, match="can't be unpacked"):
        unpack(path, into)


def test_damaged_header_is_not_taken_for_the_end(tmp_path: Path, into: Path) -> None:
    path = make_tar(tmp_path / "s.tar", tar_entry("set/a", b"x" * 512), tar_entry("set/b", b"y" * 512), mode="w")
    words = bytearray(path.read_bytes())
    words[1024 + 150] ^= 0xFF  # in the checksum of the second header
    path.write_bytes(words)
    with pytest.raises(ArchiveError):
        unpack(path, into)


def test_flipped_bit_in_a_zip_is_found(tmp_path: Path, into: Path) -> None:
    path = make_zip(tmp_path / "s.zip", ("set/a", os.urandom(4000)))
    words = bytearray(path.read_bytes())
    words[1000] ^= 1
    path.write_bytes(words)
    with pytest.raises(ArchiveError, match="can't be unpacked"):
        unpack(path, into)


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("mode", ["gz", "bz2", "xz"])
def test_flipped_bit_in_a_packed_tar_is_found(mode: str, at: float, tmp_path: Path, into: Path) -> None:
    path = make_tar(tmp_path / f"s.tar.{mode}", tar_entry("set/a", os.urandom(4000)), mode=f"w:{mode}")
    words = bytearray(path.read_bytes())
    words[int(len(words) * at)] ^= 1
    path.write_bytes(words)
    with pytest.raises(ArchiveError, match="can't be unpacked"):
        unpack(path, into)
    assert list(into.iterdir()) == []


def test_archive_that_something_follows_is_refused(tmp_path: Path, into: Path) -> None:
    path = make_tar(tmp_path / "s.tar", tar_entry("set/a"), mode="w")
    path.write_bytes(path.read_bytes() + bytes(17 << 20))
    with pytest.raises(ArchiveError, match="something else follows it"):
        unpack(path, into)


def test_what_is_there_with_the_same_content_stays(tmp_path: Path, into: Path) -> None:
    one = unpack(make_zip(tmp_path / "1.zip", ("set/README", b"words"), ("set/one/a", b"1")), into)
    two = unpack(make_zip(tmp_path / "2.zip", ("set/README", b"words"), ("set/two/b", b"2")), into)
    assert (one, two) == (["set"], ["set/README", "set/two"])
    assert tree(into) == {"set/README": b"words", "set/one/a": b"1", "set/two/b": b"2"}


def test_other_content_under_a_name_is_refused_before_anything_moves(tmp_path: Path, into: Path) -> None:
    unpack(make_zip(tmp_path / "1.zip", ("set/z/README", b"words")), into)
    with pytest.raises(PlaceError, match=r"README: is there already, with other content"):
        unpack(make_zip(tmp_path / "2.zip", ("set/a", b"1"), ("set/z/README", b"other")), into)
    assert tree(into) == {"set/z/README": b"words"}


def test_link_in_the_target_is_not_followed(tmp_path: Path, into: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (into / "set").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PlaceError, match="is no plain folder"):
        unpack(make_zip(tmp_path / "s.zip", ("set/a", b"1")), into)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_leftovers_of_a_killed_run_are_cleared(tmp_path: Path, into: Path) -> None:
    path = make_zip(tmp_path / "s.zip", *PLAIN.items())
    (into / ".s.zip.unpacking" / "set").mkdir(parents=True)
    (into / ".s.zip.unpacking" / "set" / "a.wav").write_bytes(b"half")
    unpack(path, into)
    assert tree(into) == PLAIN


def test_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(PlaceError, match="unpacks to 9006 bytes, and 100 are free"):
        unpack(make_zip(tmp_path / "s.zip", *PLAIN.items()), into)


NAMES = st.text(st.sampled_from("ab./\\:\x00é~C "), min_size=1, max_size=12)


@given(names=st.lists(NAMES, min_size=1, max_size=4))
@settings(max_examples=100)
def test_nothing_ever_lies_outside_of_the_folder(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        into = home / "deep" / "sets"
        into.mkdir(parents=True)
        path = make_tar(home / "s.tar", *(tar_entry(name) for name in names), mode="w")
        try:
            unpack(path, into)
        except (ArchiveError, PlaceError):
            assert list(into.iterdir()) == []
        assert {entry.name for entry in home.iterdir()} == {"deep", "s.tar"}
        assert [entry.name for entry in (home / "deep").iterdir()] == ["sets"]
