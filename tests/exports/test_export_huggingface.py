"""Hugging Face: typed audio, splits by their names, columns beside, in files that are read piece by piece."""

import json

import pyarrow.parquet as pq
import pytest
import yaml
from openers import hugging_face_dataset

import sepbench
from sepbench import Corpus
from sepbench.errors import UsageError
from sepbench.exports import huggingface

datasets = pytest.importorskip("datasets")


@pytest.fixture(scope="module")
def folder(talk, catalogs, tmp_path_factory):
    out = tmp_path_factory.mktemp("huggingface") / "out"
    sepbench.export(talk, "huggingface", out, catalogs={"librispeech": catalogs["librispeech"]})
    return out


@pytest.fixture(scope="module")
def dataset(folder):
    return hugging_face_dataset(folder)


def test_the_features_are_audio_at_the_corpus_rate(folder):
    (words,) = {pq.read_schema(path).metadata[b"huggingface"] for path in folder.glob("data/*.parquet")}
    of_file = datasets.Features.from_dict(json.loads(words)["info"]["features"])
    _, header, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    of_card = datasets.Features._from_yaml_list(yaml.safe_load(header)["dataset_info"]["features"])
    loaded = datasets.load_dataset(str(folder), cache_dir=str(folder.parent / "cache"), split="test").features
    for found in (of_file, of_card, loaded):
        assert {name for name, one in found.items() if isinstance(one, datasets.Audio)} == {
            "mixture",
            "speech",
            "noise",
        }
        assert found["mixture"].sampling_rate == 16000
    # old releases write a list as `[…]`, new ones as `List(…)`: the types below are the same
    assert of_file.arrow_schema.equals(of_card.arrow_schema)
    assert of_card.arrow_schema.equals(loaded.arrow_schema)


def test_splits_have_the_names_of_the_hub(dataset):
    assert {name: len(one) for name, one in dataset.items()} == {"train": 3, "validation": 1, "test": 3}


def test_the_columns_are_those_of_the_manifest(dataset, talk):
    for row, example in zip(dataset["test"], Corpus(talk, split="test"), strict=True):
        proof = example.row["proof"]
        assert row["mixture_id"] == example.mixture_id
        assert (row["snr_db"], row["licence"]) == (proof["achieved_snr_db"], example.row["licence"])
        assert row["wanted_snr_db"] * 1000 == pytest.approx(example.row["snr_mdb"], abs=1e-9)
        assert row["duration_s"] == example.mixture.shape[1] / 16000
        assert [one["item"] for one in row["sources"]] == [one["item"] for one in example.row["sources"]]
        assert row["sources"][0]["labels"] == example.row["sources"][0]["labels"]
        assert row["mixture"]["path"] == f"{example.mixture_id}.mixture.flac"


def test_words_are_there_where_the_whole_utterance_is_heard(dataset):
    (words,) = [row["sources"][0]["transcript"] for row in dataset["validation"]]
    item = dataset["validation"][0]["sources"][0]["item"]
    assert words == ("GO FORWARD TEN METERS" if "9004" in item else None)
    assert all(row["sources"][1]["transcript"] is None for row in dataset["test"])


def test_a_stem_that_a_mixture_does_not_have_is_null(crowd, tmp_path):
    sepbench.export(crowd, "huggingface", tmp_path / "out")
    rows = hugging_face_dataset(tmp_path / "out")["test"]
    assert {row["speaker3"] is None for row in rows} == {True, False}


def test_files_are_read_in_small_pieces_with_checksums(talk, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface, "_GROUP_BYTES", 1)
    sepbench.export(talk, "huggingface", tmp_path / "out")
    path = tmp_path / "out/data/train-00000-of-00001.parquet"
    footer = pq.read_metadata(path)
    assert [footer.row_group(number).num_rows for number in range(footer.num_row_groups)] == [1, 1, 1]
    assert footer.row_group(0).column(1).has_offset_index
    content = bytearray(path.read_bytes())
    at = content.index(b"fLaC") + 2000
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


def test_long_splits_are_several_files(talk, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface, "_GROUP_BYTES", 1)
    form = huggingface.HuggingFace()
    form.shard_bytes = 1
    sepbench.export(talk, form, tmp_path / "out", split="test")
    names = sorted(path.name for path in (tmp_path / "out/data").iterdir())
    assert names == [f"test-0000{number}-of-00003.parquet" for number in range(3)]
    assert len(hugging_face_dataset(tmp_path / "out")["test"]) == 3


def test_the_same_corpus_gives_the_same_bytes(talk, folder, catalogs, tmp_path):
    sepbench.export(talk, "huggingface", tmp_path / "out", catalogs={"librispeech": catalogs["librispeech"]})
    for path in folder.rglob("*.*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "out" / path.relative_to(folder)).read_bytes(), path


def test_a_stem_with_the_name_of_a_column_is_refused(catalogs, tmp_path):
    from small_corpora import NOISE, SPEECH, of, recipe

    odd = [of([SPEECH], "test")[0] | {"name": "licence"}, *of([NOISE], "test")]
    sepbench.mix(recipe("odd", splits={"test": 1}, sources=odd), tmp_path / "corpus", catalogs=catalogs, workers=0)
    with pytest.raises(UsageError, match=r"(?s)stem `licence` has the name of a column.*hint"):
        sepbench.export(tmp_path / "corpus", "huggingface", tmp_path / "out")
