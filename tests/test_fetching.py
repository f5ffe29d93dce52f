"""Fetching a whole set from a server on this machine: terms, parts, sums, what is unpacked, what is noted."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trees
import webserver
from webserver import Server, breaking, saying, whole

import sepbench
from sepbench.corpora.librispeech import LibriSpeech
from sepbench.errors import ArchiveError, FetchError, PlaceError, UsageError
from sepbench.fetching import fetch, offer
from sepbench.published import Erratum, Published, RemoteFile
from sepbench.storage import locked

SUBSETS = ("train-clean-100", "test-other")


@pytest.fixture
def server() -> Iterator[Server]:
    with webserver.serving() as server:
        yield server


@pytest.fixture
def packs(tmp_path: Path) -> dict[str, bytes]:
    """One archive for each subset, as LibriSpeech comes, each with the table of all speakers."""
    source = trees.librispeech(tmp_path / "source")
    packs = {}
    for subset in SUBSETS:
        folder = tmp_path / "packed" / subset
        shutil.copytree(source / "LibriSpeech" / subset, folder / "LibriSpeech" / subset)
        shutil.copy(source / "LibriSpeech" / "SPEAKERS.TXT", folder / "LibriSpeech")
        packs[subset] = Path(shutil.make_archive(str(tmp_path / subset), "gztar", folder)).read_bytes()
    return packs


@pytest.fixture
def reader(server: Server, packs: dict[str, bytes]) -> LibriSpeech:
    files = []
    for subset, body in packs.items():
        server.answers[f"/{subset}.tar.gz"] = whole(body)
        url = server.url(f"/{subset}.tar.gz")
        files.append(RemoteFile([url], subset, bytes=len(body), sha256=hashlib.sha256(body).hexdigest()))
    reader = LibriSpeech()
    reader.published = Published("https://example.org/terms", tuple(files))
    return reader


def get(reader: Any, to: Path, **options: Any) -> Path:
    return fetch(reader, to, **{"accept_licence": True, "pause_s": 0, **options})


def visible(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def test_fetched_set_can_be_indexed(reader: LibriSpeech, tmp_path: Path) -> None:
    to = get(reader, tmp_path / "sets")
    table = sepbench.index(reader, to, tmp_path / "c.parquet", workers=0)
    assert set(table["split"].to_pylist()) == set(SUBSETS)
    assert table["status"].to_pylist() == ["ok"] * 4
    assert visible(to) == ["LibriSpeech"]


def test_nothing_is_fetched_before_the_licence_is_accepted(reader: LibriSpeech, server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"its licence, CC-BY-4\.0, was not accepted") as caught:
        fetch(reader, tmp_path / "sets")
    assert "https://example.org/terms" in caught.value.hint
    assert server.asked == []
    assert not (tmp_path / "sets").exists()


def test_terms_come_with_places_sizes_and_what_is_known_to_be_wrong(reader: LibriSpeech) -> None:
    reader.published = Published(
        "https://example.org/terms",
        (
            RemoteFile(["https://example.org/a.zip"], "a", bytes=12_345_678, md5="0" * 32),
            RemoteFile(["https://example.org/b.zip"], "b"),
        ),
        errata=(Erratum("it hums", "somebody", action="note"),),
    )
    words = offer(reader).words()
    for piece in (
        "CC-BY-4.0 (https://example.org/terms)",
        "a.zip, 12 MB, checked",
        "b.zip, size not known, no sum published",
        "it hums",
    ):
        assert piece in words


def test_one_part_is_fetched_alone(reader: LibriSpeech, server: Server, tmp_path: Path) -> None:
    to = get(reader, tmp_path / "sets", parts=["test-other"])
    assert visible(to / "LibriSpeech") == ["SPEAKERS.TXT", "test-other"]
    assert [path for path, _ in server.asked] == ["/test-other.tar.gz"]


def test_parts_that_are_not_for_all_are_fetched_by_name_only(reader: LibriSpeech, tmp_path: Path) -> None:
    first, second = reader.published.files
    reader.published = Published("x", (first, RemoteFile(**{**vars(second), "default": False})))
    assert offer(reader).files == [first]
    assert [file.part for file in offer(reader, ["test-other"]).files] == ["test-other"]


def test_unknown_part_is_refused_with_the_nearest(reader: LibriSpeech) -> None:
    with pytest.raises(UsageError, match="unknown part `test-othr`") as caught:
        offer(reader, ["test-othr"])
    assert "did you mean `test-other`" in caught.value.hint


def test_second_run_fetches_nothing_and_says_so(reader: LibriSpeech, server: Server, tmp_path: Path) -> None:
    get(reader, tmp_path / "sets")
    server.asked.clear()
    said: list[str] = []
    get(reader, tmp_path / "sets", say=said.append)
    assert server.asked == []
    assert "train-clean-100.tar.gz: is there already" in said


def test_what_was_taken_away_is_fetched_again(reader: LibriSpeech, server: Server, tmp_path: Path) -> None:
    to = get(reader, tmp_path / "sets")
    shutil.rmtree(to / "LibriSpeech" / "test-other")
    server.asked.clear()
    get(reader, tmp_path / "sets")
    assert [path for path, _ in server.asked] == ["/test-other.tar.gz"]
    assert len(list(LibriSpeech().items(to))) == 4


def test_run_that_broke_off_goes_on(
    reader: LibriSpeech, server: Server, packs: dict[str, bytes], tmp_path: Path
) -> None:
    body = packs["test-other"]
    never = breaking(body, after=0, times=99)
    server.answers["/test-other.tar.gz"] = breaking(body, after=100, times=1, then=never)
    with pytest.raises(FetchError, match="broke off after 100 bytes"):
        get(reader, tmp_path / "sets")
    assert visible(tmp_path / "sets" / "LibriSpeech") == ["SPEAKERS.TXT", "train-clean-100"]
    server.answers["/test-other.tar.gz"] = whole(body)
    server.asked.clear()
    get(reader, tmp_path / "sets")
    assert server.asked == [("/test-other.tar.gz", "bytes=100-")]
    assert len(list(LibriSpeech().items(tmp_path / "sets"))) == 4


def test_wrong_sum_leaves_no_set(reader: LibriSpeech, server: Server, packs: dict[str, bytes], tmp_path: Path) -> None:
    body = packs["train-clean-100"]
    server.answers["/train-clean-100.tar.gz"] = saying(200, b"?" * len(body))
    with pytest.raises(FetchError, match="is not the file that was published"):
        get(reader, tmp_path / "sets")
    assert visible(tmp_path / "sets") == []


def test_hostile_archive_with_the_right_sum_leaves_no_set(reader: LibriSpeech, server: Server, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as pack:
        pack.writestr("LibriSpeech/a", b"x")
        pack.writestr("../../out", b"x")
    body = (tmp_path / "evil.zip").read_bytes()
    server.answers["/evil.zip"] = whole(body)
    file = RemoteFile([server.url("/evil.zip")], sha256=hashlib.sha256(body).hexdigest())
    reader.published = Published("x", (file,))
    with pytest.raises(ArchiveError, match="leads out of the folder"):
        get(reader, tmp_path / "a" / "sets")
    assert visible(tmp_path / "a" / "sets") == []
    assert visible(tmp_path / "a") == ["sets"]


def test_archives_are_gone_when_they_were_unpacked_unless_kept(reader: LibriSpeech, tmp_path: Path) -> None:
    get(reader, tmp_path / "1")
    get(reader, tmp_path / "2", keep=True)
    held = [{path.name for path in (tmp_path / name / ".sepbench-fetch").glob("*.tar.gz")} for name in "12"]
    assert held == [set(), {f"{subset}.tar.gz" for subset in SUBSETS}]


def test_archives_of_ones_own_are_used_and_stay(
    reader: LibriSpeech, server: Server, packs: dict[str, bytes], tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for subset, body in packs.items():
        (own / f"{subset}.tar.gz").write_bytes(body)
    to = get(reader, tmp_path / "sets", archives_in=own)
    assert server.asked == []
    assert visible(own) == sorted(f"{subset}.tar.gz" for subset in SUBSETS)
    assert len(list(LibriSpeech().items(to))) == 4


def test_archive_of_ones_own_that_is_another_is_not_touched(
    reader: LibriSpeech, packs: dict[str, bytes], tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "train-clean-100.tar.gz").write_bytes(b"half")
    with pytest.raises(FetchError, match=r"train-clean-100\.tar\.gz: is not the file that was published"):
        get(reader, tmp_path / "sets", archives_in=own)
    assert (own / "train-clean-100.tar.gz").read_bytes() == b"half"


def test_file_without_a_sum_is_taken_with_a_word(reader: LibriSpeech, server: Server, tmp_path: Path) -> None:
    url = server.url("/test-other.tar.gz")
    reader.published = Published("x", (RemoteFile([url]),))
    said: list[str] = []
    get(reader, tmp_path / "sets", say=said.append)
    assert any("nobody publishes its sum; it has the SHA-256 " in line for line in said)


def record(body: bytes, name: str = "test-other.tar.gz", algorithm: str = "md5") -> bytes:
    sums = f"{algorithm}:{hashlib.new('md5', body).hexdigest()}"
    return json.dumps({"files": [{"key": name, "size": len(body), "checksum": sums}]}).encode()


def listed(reader: LibriSpeech, server: Server, content: bytes) -> None:
    server.answers["/record"] = saying(200, content)
    file = RemoteFile([server.url("/test-other.tar.gz")], listed_at=server.url("/record"))
    reader.published = Published("x", (file,))


def test_sum_is_asked_of_the_publisher_where_none_is_known(
    reader: LibriSpeech, server: Server, packs: dict[str, bytes], tmp_path: Path
) -> None:
    listed(reader, server, record(packs["test-other"]))
    assert "checked" in offer(reader).words()
    get(reader, tmp_path / "sets")
    assert visible(tmp_path / "sets" / "LibriSpeech") == ["SPEAKERS.TXT", "test-other"]
    listed(reader, server, record(b"?" * len(packs["test-other"])))
    with pytest.raises(FetchError, match="is not the file that was published"):
        get(reader, tmp_path / "others")


@pytest.mark.parametrize(
    "content", [b"no JSON", b"[]", b"{}", record(b"x", name="other.zip"), record(b"x", algorithm="crc")]
)
def test_list_that_does_not_say_the_sum_is_an_error(
    content: bytes, reader: LibriSpeech, server: Server, tmp_path: Path
) -> None:
    listed(reader, server, content)
    with pytest.raises(FetchError, match=r"/record: (does not list|gives)"):
        get(reader, tmp_path / "sets")
    assert visible(tmp_path / "sets") == []


def test_file_that_is_no_archive_lies_where_it_belongs(reader: LibriSpeech, server: Server, tmp_path: Path) -> None:
    server.answers["/volume.z01"] = whole(b"a volume")
    file = RemoteFile([server.url("/volume.z01")], into="Set", unpack=False)
    reader.published = Published("x", (file,), afterwards="join the\nvolumes")
    said: list[str] = []
    to = get(reader, tmp_path / "sets", say=said.append)
    assert (to / "Set" / "volume.z01").read_bytes() == b"a volume"
    assert said[-1].endswith("join the volumes")


def test_site_with_a_form_gives_instructions_instead(tmp_path: Path) -> None:
    for name in ("urbansound8k", "medleydb", "moisesdb"):
        with pytest.raises(UsageError, match=f"{name}: .*can't be fetched") as caught:
            fetch(name, tmp_path, accept_licence=True)
        assert "https://" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_archive_got_by_a_form_is_checked_and_unpacked(
    reader: LibriSpeech, packs: dict[str, bytes], tmp_path: Path
) -> None:
    body = packs["test-other"]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "set.tar.gz").write_bytes(body)
    file = RemoteFile(name="set.tar.gz", md5=hashlib.md5(body).hexdigest())
    reader.published = Published("x", (file,), form="fill in the form on https://example.org")
    to = get(reader, tmp_path / "sets", archives_in=tmp_path / "own")
    assert visible(to / "LibriSpeech") == ["SPEAKERS.TXT", "test-other"]


def test_own_folder_can_not_be_fetched() -> None:
    with pytest.raises(UsageError, match="folder: can't be fetched"):
        offer("folder")


def test_folder_that_is_too_small_is_refused_before_anything_is_fetched(
    reader: LibriSpeech, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(PlaceError, match=r"LibriSpeech needs about .* GB here, and 0\.0 are free") as caught:
        get(reader, tmp_path / "sets")
    assert "--part" in caught.value.hint
    assert server.asked == []


def test_two_runs_on_one_folder_are_refused(reader: LibriSpeech, tmp_path: Path) -> None:
    with locked(tmp_path / "sets" / ".sepbench-fetch"), pytest.raises(PlaceError, match="another run is writing here"):
        get(reader, tmp_path / "sets")


@pytest.mark.parametrize("options", [{"name": "../a.zip"}, {"name": "a", "into": "../b"}, {"name": ".."}])
def test_data_of_a_set_can_not_lead_out_of_the_folder(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is no name of a file within a folder"):
        RemoteFile(["https://example.org/x.zip"], **options)


def test_command_shows_the_terms_first_and_asks_for_a_yes(
    reader: LibriSpeech, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sepbench import shelf
    from sepbench.cli import main

    load = shelf.load
    monkeypatch.setattr(shelf, "load", lambda group, name: (lambda: reader) if name == "mine" else load(group, name))
    words = ["fetch", "mine", "--to", str(tmp_path / "sets"), "--part", "test-other"]
    assert main(words) == 2
    said = capsys.readouterr()
    assert "licence: CC-BY-4.0" in said.out
    assert "--yes" in said.err
    assert main([*words, "--yes"]) == 0
    assert visible(tmp_path / "sets" / "LibriSpeech") == ["SPEAKERS.TXT", "test-other"]
