"""DuckDB: tables that can be joined, with paths that lead to the audio."""

import sys

import numpy as np
import pytest
from openers import OPENERS, assert_same_samples

import sepbench
from sepbench import Corpus, catalog
from sepbench.errors import MissingExtraError

duckdb = pytest.importorskip("duckdb")


@pytest.fixture(scope="module")
def folder(talk, catalogs, tmp_path_factory):
    out = tmp_path_factory.mktemp("duckdb") / "out"
    sepbench.export(talk, "duckdb", out, catalogs={"librispeech": catalogs["librispeech"]})
    return out


@pytest.fixture
def database(folder):
    with duckdb.connect(str(folder / "corpus.duckdb"), read_only=True) as found:
        yield found


def test_tables_can_be_joined_and_hold_the_achieved_levels(database, talk):
    rows = database.sql(
        "SELECT m.mixture_id, m.snr_db, n.labels['class'] FROM mixtures m JOIN sources n USING (mixture_id) "
        "WHERE n.role = 'noise' ORDER BY ALL"
    ).fetchall()
    expected = []
    for example in Corpus(talk):
        labels = {one["name"]: one["value"] for one in example.row["sources"][1]["labels"]}
        expected.append((example.mixture_id, example.row["proof"]["achieved_snr_db"], labels["class"]))
    assert rows == sorted(expected)


def test_a_stem_has_its_level(database, talk):
    for mixture, name, rms in database.sql("SELECT mixture_id, name, rms_dbfs FROM stems").fetchall():
        example = Corpus(talk)[Corpus(talk).places()[mixture]]
        assert rms == pytest.approx(10 * np.log10(np.mean(example.sources[name].astype(float) ** 2)), abs=1e-6)


def test_the_database_says_which_corpus_it_is_and_what_columns_mean(database, talk):
    assert dict(database.sql("FROM corpus").fetchall())["corpus_hash"] == Corpus(talk).corpus_hash
    comments = database.sql("SELECT comment FROM duckdb_columns() WHERE table_name IN ('mixtures', 'sources', 'stems')")
    assert all(comment for (comment,) in comments.fetchall())


def test_words_are_in_the_table_of_sources(database, catalogs):
    known = {row["item"]: row["transcript"] for row in catalog.read(catalogs["librispeech"]).to_pylist()}
    rows = database.sql("SELECT item, transcript FROM sources WHERE role = 'target'").fetchall()
    assert all(known[item] == words for item, words in rows)
    assert any(words for _, words in rows)


def test_paths_hold_when_the_folder_has_moved(talk, tmp_path):
    sepbench.export(talk, "duckdb", tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    assert_same_samples(OPENERS["duckdb"](tmp_path / "moved"), Corpus(talk))


def test_paths_into_the_corpus_are_absolute_and_bring_no_audio(talk, tmp_path):
    sepbench.export(talk, "duckdb", tmp_path / "out", options={"audio": "refer"})
    assert not (tmp_path / "out/audio").exists()
    assert_same_samples(OPENERS["duckdb"](tmp_path / "out"), Corpus(talk))


def test_the_manifest_can_be_queried_as_it_is(talk):
    rows = duckdb.sql(
        f"SELECT mixture_id, proof.achieved_snr_db FROM '{talk}/manifest.parquet' ORDER BY ALL"
    ).fetchall()
    assert rows == sorted((one.mixture_id, one.row["proof"]["achieved_snr_db"]) for one in Corpus(talk))


def test_a_package_that_is_missing_is_named_with_its_extra(talk, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r"(?s)`duckdb` is not installed.*pip install 'sepbench\[duckdb\]'"):
        sepbench.export(talk, "duckdb", tmp_path / "out")
    assert not list(tmp_path.iterdir())
