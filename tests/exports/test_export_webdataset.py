"""WebDataset: tar files that are the same each time, one sample after the other."""

import json

import pytest
from openers import members

import sepbench
from sepbench import Corpus
from sepbench.exports.webdataset import WebDataset, key_of


def test_the_same_corpus_gives_the_same_bytes(talk, tmp_path):
    for name in ("one", "two"):
        sepbench.export(talk, "webdataset", tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_members_have_no_time_and_no_owner_and_samples_lie_together(talk, tmp_path):
    sepbench.export(talk, "webdataset", tmp_path / "out")
    found = members(tmp_path / "out/train-000000.tar")
    assert {(one.mtime, one.uid, one.gid, one.uname, one.gname, one.mode) for one in found} == {
        (0, 0, 0, "", "", 0o644)
    }
    parts = ("json", "mixture.flac", "speech.flac", "noise.flac")
    expected = [f"{example.mixture_id}.{part}" for example in Corpus(talk, split="train") for part in parts]
    assert [one.name for one in found] == expected


def test_a_new_file_is_begun_when_one_is_full(talk, tmp_path):
    form = WebDataset()
    form.shard_bytes = 1
    sepbench.export(talk, form, tmp_path / "out", split="test")
    assert json.loads((tmp_path / "out/shards.json").read_text()) == {f"test-00000{n}.tar": 1 for n in range(3)}


def test_a_dot_in_an_id_does_not_cut_the_key():
    webdataset = pytest.importorskip("webdataset")
    assert webdataset.tariterators.base_plus_ext(f"{key_of('p232.001')}.mixture.flac") == ("p232%2E001", "mixture.flac")


def test_the_row_goes_along(talk, tmp_path):
    import tarfile

    sepbench.export(talk, "webdataset", tmp_path / "out", split="valid")
    (example,) = Corpus(talk, split="valid")
    with tarfile.open(tmp_path / "out/valid-000000.tar") as tar:
        row = json.loads(tar.extractfile(f"{example.mixture_id}.json").read())
    assert row["snr_db"] == example.row["proof"]["achieved_snr_db"]
    assert [one["stem_pcm_sha256"] for one in row["stems"]] == [
        one["stem_pcm_sha256"] for one in example.row["proof"]["stems"]
    ]
