"""Croissant: a description without a fault, that names the licences and how the corpus is cited."""

import json
import warnings

import pytest

import sepbench
from sepbench import Corpus
from sepbench.errors import UsageError

mlcroissant = pytest.importorskip("mlcroissant")


def opened(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlcroissant.Dataset(str(folder / "croissant.json"))


@pytest.mark.parametrize("corpus", ["talk", "crowd", "songs"])
def test_mlcroissant_finds_neither_an_error_nor_a_warning(corpus, tmp_path, request):
    sepbench.export(request.getfixturevalue(corpus), "croissant", tmp_path / "out")
    issues = opened(tmp_path / "out").metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings


def test_the_columns_are_records(talk, tmp_path):
    sepbench.export(talk, "croissant", tmp_path / "out")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = {row["mixtures/mixture_id"].decode(): row for row in opened(tmp_path / "out").records("mixtures")}
    for example in Corpus(talk):
        row = rows[example.mixture_id]
        assert row["mixtures/snr_db"] == example.row["proof"]["achieved_snr_db"]
        assert row["mixtures/split"].decode() == example.row["split"]


def test_licences_and_citations_are_in_the_description(talk, tmp_path):
    sepbench.export(talk, "croissant", tmp_path / "out")
    description = json.loads((tmp_path / "out/croissant.json").read_text(encoding="utf-8"))
    assert "https://creativecommons.org/licenses/by-sa/3.0/" in description["license"]
    assert "panayotov2015librispeech" in description["citeAs"]


def test_the_day_can_be_said(talk, tmp_path, monkeypatch):
    def day(name, **options):
        sepbench.export(talk, "croissant", tmp_path / name, options=options)
        return json.loads((tmp_path / name / "croissant.json").read_text(encoding="utf-8"))["datePublished"]

    assert day("said", date="2026-02-28", url="https://example.org/set") == "2026-02-28"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert day("epoch") == "1970-01-02"
    with pytest.raises(UsageError, match=r"(?s)date: `tomorrow` is no day.*date=2026-12-31"):
        day("odd", date="tomorrow")


def test_it_is_a_hugging_face_dataset_too(talk, tmp_path):
    pytest.importorskip("datasets")
    from openers import hugging_face_dataset

    sepbench.export(talk, "croissant", tmp_path / "out")
    assert len(hugging_face_dataset(tmp_path / "out")["train"]) == 3
