"""Every recording that is no good gets a row with a reason, and stops no other."""

import contextlib
import io
import json
import os
import random
import re
import shutil
from pathlib import Path

import bad_audio
import commands
import pytest

from sepbench import Manifest, catalog, containers
from sepbench.audio import read_pcm
from sepbench.cli import main
from sepbench.errors import AudioError

MUCH_MEMORY = 700 << 20  # the libraries alone take some 250 MiB; a decoded bomb takes 2 GiB and more
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0  # reads what nobody may read
WHERE_THEY_LIE = [one for one in bad_audio.AUDIO if not (ROOT and one.name == "mode-000.wav")]
UNREADABLE = [one for one in WHERE_THEY_LIE if one.status == "unreadable"]

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes, and other names for files")


def names(inputs):
    return [ascii(one.name)[1:25] for one in inputs]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """Index all of them in one run."""
    place = tmp_path_factory.mktemp("bad")
    root = bad_audio.make(place / "root")
    run = commands.sepbench(
        "index", "folder", "--root", root, "--out", place / "c.parquet", "--workers", 0, "--json", "--quiet"
    )
    return run, {row["path"]: row for row in catalog.read(place / "c.parquet").to_pylist()}


def test_the_good_ones_are_indexed_beside_all_the_others(indexed):
    run, rows = indexed
    assert run.code == 3
    assert [rows[name]["status"] for name in bad_audio.GOOD] == ["ok", "ok"]
    told = json.loads(run.out)
    assert sum(told["recordings"].values()) == len(rows)
    assert len(told["unusable"]) == sum(row["status"] != "ok" for row in rows.values())
    assert "Traceback" not in run.err


def test_no_header_decides_how_much_memory_is_taken(indexed):
    run, _ = indexed
    assert run.peak_bytes < MUCH_MEMORY
    assert run.seconds < 60


@pytest.mark.parametrize("one", WHERE_THEY_LIE, ids=names(WHERE_THEY_LIE))
def test_each_has_a_row_with_status_and_reason(indexed, one):
    _, rows = indexed
    row = rows.get(one.name, {"status": "absent", "reason": None})
    assert (one.name, row["status"]) == (one.name, one.status), row["reason"]
    if one.status == "ok":
        assert row["reason"] is None
        assert row["frames"] > 0
    elif one.status != "absent":
        assert re.search(one.words, row["reason"])
        assert ascii(one.name)[1:-1] in row["reason"].replace("\\\\", "\\").encode("ascii", "backslashreplace").decode()
        assert "\n" not in row["reason"]


@pytest.mark.parametrize("one", UNREADABLE, ids=names(UNREADABLE))
def test_alone_it_ends_the_command_with_one_sentence_and_a_remedy(tmp_path, capfd, one):
    root = tmp_path / "root"
    root.mkdir()
    one.make(root / one.name)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    code = main(["index", "folder", "--root", str(root), "--out", str(tmp_path / "c.parquet"), "--workers", "0"])
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: .*: none of 1 recordings can be used; the first: .*\nhint: .+\n", err)
    assert re.search(one.words, err)
    assert not (tmp_path / "c.parquet").exists()
    assert (len(os.listdir("/proc/self/fd")) if before else 0) == before, "a file was left open"


@pytest.mark.parametrize("one", UNREADABLE, ids=names(UNREADABLE))
def test_the_error_names_the_file_and_what_to_do(tmp_path, one):
    path = tmp_path / one.name
    one.make(path)
    if "control character" in one.words:
        return  # the samples are good: only the index minds the name
    with pytest.raises(AudioError, match=one.words) as caught:
        read_pcm(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_link_out_of_the_root_is_refused_and_nothing_behind_it_opened(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    secret = tmp_path / "secret.wav"
    shutil.copy(bad_audio.make(tmp_path / "all") / "good-1.wav", secret)
    (root / "passwd.wav").symlink_to("/etc/passwd")
    (root / "secret.wav").symlink_to(secret)
    shutil.copy(secret, root / "good.wav")
    run = commands.sepbench("index", "folder", "--root", root, "--out", tmp_path / "c.parquet")
    assert run.code == 2
    assert f"error: {root}: holds links that lead out of it (2)" in run.err
    assert "\nhint: " in run.err
    assert not {"/etc/passwd", str(secret), str(root / "passwd.wav"), str(root / "secret.wav")} & run.opened


def test_a_name_that_is_not_unicode_is_refused_with_its_bytes(tmp_path, capfd):
    root = tmp_path / "root"
    root.mkdir()
    try:
        (root / os.fsdecode(b"caf\xe9.wav")).write_bytes(bad_audio.encoded("WAV", "PCM_16"))
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    code = main(["index", "folder", "--root", str(root), "--out", str(tmp_path / "c.parquet"), "--workers", "0"])
    assert code == 2
    assert "caf\\udce9.wav" in capfd.readouterr().err


def test_what_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.wav"
    path.write_bytes(bad_audio.encoded("WAV", "PCM_16"))
    look = containers.inspect

    def look_and_append(*arguments):
        promise = look(*arguments)
        with path.open("ab") as file:
            file.write(b"more")
        return promise

    monkeypatch.setattr(containers, "inspect", look_and_append)
    with pytest.raises(AudioError, match="changed while it was read"):
        read_pcm(path)


def test_what_takes_the_place_of_a_file_while_it_is_read_is_not_read(tmp_path, monkeypatch):
    path, other = tmp_path / "x.wav", tmp_path / "other.wav"
    path.write_bytes(bad_audio.encoded("WAV", "PCM_16"))
    other.write_bytes(bad_audio.encoded("WAV", "PCM_16", signal=bad_audio.tone(100)))
    whole, look = read_pcm(path), containers.inspect

    def look_and_replace(*arguments):
        promise = look(*arguments)
        os.replace(other, path)
        return promise

    monkeypatch.setattr(containers, "inspect", look_and_replace)
    assert read_pcm(path).sha256() == whole.sha256()


@pytest.mark.parametrize(
    ("name", "decoder"),
    [("flac-in-wav.wav", ""), ("mu-law.wav", ""), ("ogg-vorbis.ogg", "vorbis"), ("ogg-opus.ogg", "opus"),
     ("mp3-mpeg.mp3", "mpeg_layer_iii")],
)  # fmt: skip
def test_a_lossy_recording_says_what_decoded_it(tmp_path, name, decoder):
    (one,) = (one for one in bad_audio.AUDIO if one.name == name)
    one.make(tmp_path / name)
    found = read_pcm(tmp_path / name).decoder
    assert re.fullmatch(rf"{decoder} libsndfile-\d+\.\d+\.\d+" if decoder else "", found)


# --- sources that turned bad after they were indexed -----------------------------------------------------------------


def take_away(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def replace(path: Path) -> None:
    path.write_bytes(bad_audio.encoded("WAV", "PCM_16", signal=-bad_audio.tone(8000)))


def into(make):
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


TURNED = {
    "missing": (take_away, "source_missing"),
    "truncated": (cut, "source_unreadable"),
    "replaced": (replace, "source_changed"),
    "longer": (into(bad_audio.file("WAV", "PCM_16", signal=bad_audio.tone(9000))), "source_changed"),
    "other-rate": (into(bad_audio.file("WAV", "PCM_16", signal=bad_audio.tone(8000), rate=8000)), "source_changed"),
    "pipe": (into(os.mkfifo) if hasattr(os, "mkfifo") else take_away, "source_unreadable"),
    "pointer": (into(bad_audio.content(b"version https://git-lfs.github.com/spec/v1")), "source_unreadable"),
    "folder": (into(Path.mkdir), "source_unreadable"),
    "dangling": (into(lambda path: path.symlink_to("nowhere")), "source_missing"),
    "bomb": (into(bad_audio.sparse), "source_unreadable"),
}
if not ROOT:
    TURNED["mode-000"] = (into(bad_audio.unreadable), "source_unreadable")


def two_folders(place: Path, speech: list[str]) -> list[str]:
    """Index a folder of targets and one of noise; give the options that name them."""
    for number, name in enumerate(speech):
        path = place / "speech" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bad_audio.encoded("WAV", "PCM_16", signal=bad_audio.tone(8000 + number)))
    (place / "noise").mkdir()
    (place / "noise" / "hiss.wav").write_bytes(
        bad_audio.encoded("WAV", "PCM_16", signal=bad_audio.tone(5000, level=0.1))
    )
    options = []
    for name in ("speech", "noise"):
        catalog.index("folder", place / name, place / f"{name}.parquet", workers=0)
        options.append(f"--catalog=folder-{name}={place / name}.parquet")
    return options


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Mix a corpus whose sources turned bad between index and mix."""
    place = tmp_path_factory.mktemp("turned")
    speech = [*TURNED, "good-1", "good-2"]
    options = two_folders(place, speech)
    for name, (change, _) in TURNED.items():
        change(place / "speech" / f"{name}.wav")
    recipe = commands.folder_recipe(place, len(speech))
    words = ["mix", str(recipe), "--out", str(place / "corpus"), "--workers", "0", "--json", *options]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main(words)
    return (code, json.loads(out.getvalue())), {
        row["sources"][0]["item"]: row for row in Manifest.read(place / "corpus")
    }


def test_a_mix_over_bad_sources_finishes_the_others(mixed):
    (code, told), rows = mixed
    assert code == 3
    assert (told["mixtures"], len(told["failed"])) == (len(TURNED) + 2, len(TURNED))
    assert [rows[name]["proof"]["status"] for name in ("good-1", "good-2")] == ["ok", "ok"]


@pytest.mark.parametrize("name", TURNED)
def test_a_source_that_turned_bad_is_a_row_with_a_status(mixed, name):
    _, rows = mixed
    proof = rows[name]["proof"]
    assert proof["status"] == TURNED[name][1]
    assert f"{name}.wav" in proof["reason"]


def test_a_source_that_became_a_link_out_of_the_root_is_a_row_with_a_status(tmp_path):
    options = two_folders(tmp_path, ["a", "b"])
    (tmp_path / "speech" / "a.wav").rename(tmp_path / "secret.wav")
    (tmp_path / "speech" / "a.wav").symlink_to(tmp_path / "secret.wav")
    recipe = commands.folder_recipe(tmp_path, 2)
    code = main(["mix", str(recipe), "--out", str(tmp_path / "corpus"), "--workers", "0", *options])
    statuses = {row["sources"][0]["item"]: row["proof"]["status"] for row in Manifest.read(tmp_path / "corpus")}
    assert (code, statuses) == (3, {"a": "source_unreadable", "b": "ok"})


# --- what nobody thought of ------------------------------------------------------------------------------------------

SOUND = {
    "wav": bad_audio.riff(bad_audio.fmt(), bad_audio.chunk(b"data", bad_audio.SAMPLES[:400]), bad_audio.A_LIST),
    "rf64": bad_audio.rf64(), "flac": bad_audio.flac(), "ogg": bad_audio.ogg(), "mp3": bad_audio.mp3(), "aiff": bad_audio.aiff(),
    "au": bad_audio.au(), "sphere": bad_audio.sphere(), "ima": bad_audio.encoded("WAV", "IMA_ADPCM"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SOUND)
def test_a_file_with_any_bytes_changed_is_read_or_refused_and_nothing_else(tmp_path, kind):
    path, draw = tmp_path / "x", random.Random(kind)
    for _ in range(60):
        data = bytearray(SOUND[kind])
        for _ in range(draw.choice((1, 2, 4, 16))):
            at = draw.randrange(min(len(data), draw.choice((64, 200, len(data)))))
            piece = draw.choice((b"", b"\0", b"\xff", b"\x7f\xff", draw.randbytes(5)))
            data[at : at + draw.choice((0, 1, 1, 4))] = piece
        path.write_bytes(data)
        with contextlib.suppress(AudioError):
            assert read_pcm(path).frames > 0
