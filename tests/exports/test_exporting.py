"""Exports are whole or absent, and never take the place of anything but an earlier export."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import sepbench
from sepbench import storage
from sepbench.cli import main
from sepbench.errors import PlaceError, TableError, UnknownNameError, UsageError
from sepbench.exports.webdataset import WebDataset

STRANGER = """
class Listing:
    title = "A list of names"
    opening = "```sh\\ncat FOLDER/names.txt\\n```"

    def __init__(self, end=""):
        self.end = end

    def write(self, contents, folder):
        names = [f"{row['mixture_id']}{self.end}\\n" for row in contents.rows()]
        (folder / "names.txt").write_text("".join(names))
        return {"mine": True}
"""


def test_a_format_of_a_stranger_is_as_good_as_ours(talk, tmp_path):
    (tmp_path / "listing.py").write_text(STRANGER)
    sepbench.export(talk, f"{tmp_path / 'listing.py'}:Listing", tmp_path / "out", options={"end": "!"})
    assert (tmp_path / "out/names.txt").read_text().split()[0] == "train-000000!"
    assert "mine: true" in (tmp_path / "out/README.md").read_text()


def test_a_format_may_be_given_as_it_is(talk, tmp_path):
    assert sepbench.export(talk, WebDataset(shard_mb=1), tmp_path / "out").mixtures == 7


def test_a_corpus_may_be_named_by_its_manifest(talk, tmp_path):
    assert sepbench.export(talk / "manifest.parquet", "kaldi", tmp_path / "out").mixtures == 7


@pytest.mark.parametrize("place", ["corpus", "corpus/export", "."])
def test_an_export_never_lies_in_its_corpus_nor_around_it(talk, place):
    with pytest.raises(PlaceError, match="can't lie in the corpus"):
        sepbench.export(talk, "kaldi", talk.parent / place, force=True)


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_export_is_not_replaced_even_by_force(talk, tmp_path, kind):
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("precious")
    elif kind == "folder":
        out.mkdir()
        (out / "precious").touch()
    else:
        sepbench.export(talk, "kaldi", tmp_path / "elsewhere")
        out.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PlaceError, match=r"(?s)is no export of sepbench, and is not replaced.*hint"):
        sepbench.export(talk, "kaldi", out, force=True)
    assert os.path.lexists(out)
    assert kind != "folder" or (out / "precious").exists()


def test_what_a_killed_export_left_is_no_export_and_in_nobodys_way(talk, tmp_path):
    slow = STRANGER.replace("names = [", "(folder / 'half').touch(); __import__('time').sleep(60); names = [")
    (tmp_path / "slow.py").write_text(slow)
    code = f"import sepbench; sepbench.export({str(talk)!r}, {str(tmp_path / 'slow.py')!r} + ':Listing', {str(tmp_path / 'out')!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        until = time.monotonic() + 50
        while not (tmp_path / ".out.exporting/half").exists() and time.monotonic() < until:
            time.sleep(0.02)
        with pytest.raises(PlaceError, match="another run is writing here"):
            sepbench.export(talk, "kaldi", tmp_path / "out")
        assert (tmp_path / ".out.exporting/half").exists(), "a second run took away what the first writes"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "out").exists()
    sepbench.export(talk, "kaldi", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("half"))
    assert not list(tmp_path.glob(".out*"))


def test_an_interrupted_export_leaves_the_earlier_one(talk, tmp_path, monkeypatch):
    sepbench.export(talk, "kaldi", tmp_path / "out", split="test")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sepbench.export(talk, "lhotse", tmp_path / "out", force=True)
    assert json.loads((tmp_path / "out/sepbench-export.json").read_text())["format"] == "Kaldi"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_that_was_put_aside_when_the_process_died_comes_back(talk, tmp_path, monkeypatch):
    sepbench.export(talk, "kaldi", tmp_path / "out", split="test")
    (tmp_path / "out").rename(tmp_path / ".out.replaced")
    with pytest.raises(PlaceError, match="is there already"):
        sepbench.export(talk, "kaldi", tmp_path / "out")
    assert json.loads((tmp_path / "out/sepbench-export.json").read_text())["mixtures"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_somebody_put_there_meanwhile_is_not_replaced(talk, tmp_path):
    def put(done, total):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out/precious").touch()

    with pytest.raises(PlaceError, match="is there already"):
        sepbench.export(talk, "kaldi", tmp_path / "out", progress=put)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "precious"]


def test_no_lock_travels_with_an_export(talk, tmp_path):
    sepbench.export(talk, "kaldi", tmp_path / "out")
    assert not list((tmp_path / "out").glob(".*"))


def test_audio_that_is_gone_is_named(talk, tmp_path):
    import shutil

    shutil.copytree(talk, tmp_path / "corpus")
    gone = next((tmp_path / "corpus/audio").rglob("speech.flac"))
    gone.unlink()
    with pytest.raises(PlaceError, match=rf"(?s){gone}: is not there, though the manifest.*hint.*verify"):
        sepbench.export(tmp_path / "corpus", "lhotse", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_unknown_names_are_refused_with_the_nearest(talk, tmp_path):
    with pytest.raises(UnknownNameError, match=r"(?s)unknown export format `kadli`.*did you mean `kaldi`"):
        sepbench.export(talk, "kadli", tmp_path / "out")
    with pytest.raises(UsageError, match=r"(?s)no mixtures in the split `tset`.*did you mean `test`"):
        sepbench.export(talk, "kaldi", tmp_path / "out", split="tset")
    with pytest.raises(UsageError, match=r"(?s)audio: unknown choice `symlink`.*copy, link, refer"):
        sepbench.export(talk, "kaldi", tmp_path / "out", options={"audio": "symlink"})
    with pytest.raises(UsageError, match=r"(?s)shard_mb: expected a number of megabytes, got `0`.*shard_mb=500"):
        sepbench.export(talk, "webdataset", tmp_path / "out", options={"shard_mb": "0"})
    assert not list(tmp_path.iterdir())


def test_a_corpus_without_any_audio_is_refused(gaps, catalogs, tmp_path):
    import shutil

    shutil.copytree(gaps.parent / "speech", tmp_path / "speech")
    for path in (tmp_path / "speech").rglob("*.flac"):
        path.unlink()
    roots = {"librispeech": tmp_path / "speech"}
    sepbench.mix("speech-demo", tmp_path / "none", catalogs=catalogs, roots=roots, mixtures={"test": 3}, max_failed=1.0,
                 pack="never", workers=0)  # fmt: skip
    with pytest.raises(TableError, match=r"(?s)none of its 3 mixtures has audio.*hint"):
        sepbench.export(tmp_path / "none", "kaldi", tmp_path / "out")


def test_links_take_no_room_and_copies_can_be_changed(talk, tmp_path):
    for audio, links in (("link", 2), ("copy", 1)):
        sepbench.export(talk, "duckdb", tmp_path / audio, options={"audio": audio})
        path = next((tmp_path / audio / "audio").rglob("mixture.flac"))
        assert path.stat().st_nlink >= links
        assert (path.stat().st_nlink == 1) == (audio == "copy")


def test_audio_is_copied_where_the_disk_has_no_links(talk, tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    sepbench.export(talk, "duckdb", tmp_path / "out")
    assert next((tmp_path / "out/audio").rglob("mixture.flac")).stat().st_nlink == 1


def test_progress_counts_every_mixture(talk, tmp_path):
    seen = []
    sepbench.export(talk, "huggingface", tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 7) for done in range(1, 8)]


def test_the_command_says_what_it_did_and_refuses_what_is_there(talk, tmp_path, capsys):
    words = ["export", str(talk), "kaldi", "--out", str(tmp_path / "out"), "--option", "paths=relative"]
    assert main([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["mixtures"], said["left_out"]) == (7, {})
    assert main(words) == 4
    assert "is there already\nhint: name a new folder with --out" in capsys.readouterr().err
    assert main([*words, "--force", "--split", "test"]) == 0
    assert "3 mixtures" in capsys.readouterr().out
    assert main(["list", "exports"]) == 0
    assert "huggingface" in capsys.readouterr().out
