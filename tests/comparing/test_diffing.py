"""Comparing two corpora: what is the same does not differ, and one change is found and named."""

import copy
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sepbench
from sepbench import manifest, mixing
from sepbench import recipe as recipes
from sepbench.errors import TableError, UsageError

SMALL = {
    "name": "small", "version": 1, "sample_rate": 16000, "length": 0.5, "splits": {"train": 6, "test": 8},
    "sources": [
        {"name": "speech", "role": "target", "set": "librispeech",
         "splits": {"train": ["train-clean-100"], "test": ["test-clean"]}},
        {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop",
         "splits": {"train": ["fold1", "fold2", "fold3"], "test": ["fold5"]}},
    ],
    "levels": {"snr_db": {"uniform": [-5, 10]}},
}  # fmt: skip


@pytest.fixture(scope="module")
def make(catalogs):
    """Make a corpus like the small one."""

    def made(folder, changes=None, **options):
        recipe = recipes.parse(SMALL | (changes or {}))
        return mixing.mix(recipe, folder, catalogs=catalogs, **({"workers": 0} | options))

    return made


@pytest.fixture(scope="module")
def corpus(make, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparing") / "corpus"
    make(folder)
    return folder


@pytest.fixture(scope="module")
def rows(corpus):
    """Give the rows of the corpus, new ones each time."""
    found = manifest.Manifest.read(corpus)
    return lambda: found.table.to_pylist()


@pytest.fixture(scope="module")
def words(corpus):
    return manifest.Manifest.read(corpus).metadata


@pytest.fixture(scope="module")
def write(words):
    """Write rows as a manifest with the corpus's metadata, its hashes made anew."""

    def written(content, path: Path, **changes):
        batch = pa.RecordBatch.from_pylist(content, manifest.SCHEMA)
        manifest.write([batch], path, words | changes)
        return path

    return written


OTHER = "0" * 64


def the_only(differing):
    """Give the one column in which rows differ."""
    (column,) = differing.columns
    return column


def columns(differing):
    return {column.name: column.rows for column in differing.columns}


def test_a_corpus_does_not_differ_from_itself(corpus):
    found = sepbench.diff(corpus, corpus / "manifest.parquet")
    assert found.same
    assert found.same_corpus
    assert not found.one_name
    assert found.a.rows == found.a.rendered == 14
    assert (found.recipe, found.planned.rows, found.made.rows, found.only_a.n, found.only_b.n) == ((), 0, 0, 0, 0)
    assert all(pair.a == pair.b for pair in found.levels)


def test_a_corpus_does_not_differ_from_itself_made_again_by_other_workers_in_another_container(corpus, make, tmp_path):
    make(tmp_path / "again", workers=2, container="wav")
    assert sepbench.diff(corpus, tmp_path / "again").same


def test_the_order_of_the_rows_is_no_difference(corpus, rows, write, tmp_path):
    assert sepbench.diff(corpus, write(rows()[::-1], tmp_path / "m.parquet")).same


def test_a_plan_is_the_same_as_the_corpus_that_it_is_rendered_to(corpus, make, tmp_path):
    make(tmp_path / "plan", plan_only=True)
    found = sepbench.diff(corpus, tmp_path / "plan")
    assert found.same
    assert (found.a.rendered, found.b.rendered, found.b.corpus_hash) == (14, 0, None)


def test_another_seed_is_another_corpus_under_one_name(corpus, make, tmp_path):
    make(tmp_path / "other", seed=1)
    found = sepbench.diff(corpus, tmp_path / "other")
    assert (found.a.seed, found.b.seed) == (0, 1)
    assert found.recipe == ()
    assert found.one_name
    assert columns(found.planned)["snr_mdb"] == found.planned.rows == 14
    assert found.made.rows == 0


@pytest.mark.parametrize("change", [{"name": "other"}, {"version": 2}])
def test_a_corpus_of_another_name_or_version_is_taken_for_no_other(corpus, make, tmp_path, change):
    make(tmp_path / "other", change)
    found = sepbench.diff(corpus, tmp_path / "other")
    assert not found.same
    assert not found.one_name
    assert [(one.key, one.after) for one in found.recipe] == list(change.items())


def test_a_recipe_that_says_more_is_a_difference_though_the_corpus_is_the_same(corpus, make, tmp_path):
    make(tmp_path / "other", {"title": "Small"})
    found = sepbench.diff(corpus, tmp_path / "other")
    assert found.same_corpus
    assert not found.same
    assert found.recipe == (("title", None, "Small"),)


def test_a_level_that_was_moved_is_found_with_both_values(corpus, rows, write, tmp_path):
    altered = rows()
    before = altered[9]["snr_mdb"]
    altered[9]["snr_mdb"] += 1
    found = sepbench.diff(corpus, write(altered, tmp_path / "m.parquet"))
    assert found.planned.rows == 1
    column = the_only(found.planned)
    assert (column.name, column.rows) == ("snr_mdb", 1)
    assert column.examples == ((altered[9]["mixture_id"], before, before + 1),)


def test_a_licence_of_one_source_is_found_in_row_and_source(corpus, rows, write, tmp_path):
    altered = rows()
    altered[2]["sources"][1]["licence"] = altered[2]["licence"] = "CC-BY-NC-4.0"
    found = sepbench.diff(corpus, write(altered, tmp_path / "m.parquet"))
    assert columns(found.planned) == {"licence": 1, "sources.licence": 1}
    assert ("CC-BY-NC-4.0", 0, 1) in found.licences


def test_other_samples_of_one_stem_are_named(corpus, rows, write, tmp_path):
    altered = rows()
    for row in altered[3:5]:
        row["proof"]["stems"][1]["stem_pcm_sha256"] = OTHER
    found = sepbench.diff(corpus, write(altered, tmp_path / "m.parquet"))
    assert found.planned.rows == 0
    assert found.made.rows == 2
    column = the_only(found.made)
    assert (column.name, column.rows) == ("samples.noise", 2)
    assert column.examples[0].b == OTHER


def test_other_gains_are_a_difference_and_other_floats_are_none(corpus, rows, write, tmp_path):
    altered = rows()
    altered[0]["proof"]["gains"][0]["mantissa"] ^= 1
    altered[1]["proof"]["achieved_snr_db"] += 1e-12
    found = sepbench.diff(corpus, write(altered, tmp_path / "m.parquet"))
    assert found.made.rows == 1
    assert the_only(found.made).name == "gains"


def test_a_row_that_failed_differs_in_its_status_and_all_that_is_missing(corpus, rows, write, tmp_path):
    altered = rows()
    altered[5]["proof"] |= {"status": "source_missing", "reason": "gone", "stems": [], "mixture_pcm_sha256": None}
    found = sepbench.diff(corpus, write(altered, tmp_path / "m.parquet"))
    assert {"status", "samples.speech", "samples.noise", "samples.mixture"} <= set(columns(found.made))
    assert found.statuses == (("ok", 14, 13), ("source_missing", 0, 1))


def test_the_versions_of_inexact_stages_are_told_but_are_no_difference_while_the_samples_are_the_same(
    corpus, rows, write, tmp_path
):
    altered = rows()
    altered[5]["proof"]["float_stages"] = ["decode: libsndfile 9"]
    found = sepbench.diff(corpus, write(altered, tmp_path / "m.parquet"))
    assert found.same
    assert found.stages == (("decode: libsndfile 9", 0, 1),)


def test_rows_of_one_corpus_alone_are_counted_and_named_up_to_the_limit(corpus, rows, write, tmp_path):
    few = [row for row in rows() if row["split"] == "train"]
    found = sepbench.diff(corpus, write(few, tmp_path / "m.parquet"), limit=2)
    assert found.only_a == (8, ("test-000000", "test-000001"))
    assert found.only_b == (0, ())
    assert sepbench.diff(corpus, tmp_path / "m.parquet", limit=0).only_a == (8, ())


def test_what_is_heard_in_two_splits_is_counted_and_a_leak_is_told_from_the_rest(corpus, rows, write, tmp_path):
    swapped = rows()
    for row in swapped:
        row["split"] = {"train": "test", "test": "train"}[row["split"]]
    found = sepbench.diff(corpus, write(swapped, tmp_path / "m.parquet"))
    train = {source["source_pcm_sha256"] for row in rows() if row["split"] == "train" for source in row["sources"]}
    groups = {
        (source["set"], source["group"]) for row in rows() if row["split"] == "train" for source in row["sources"]
    }
    assert ("train", "test", len(train), len(groups)) in found.leaks
    assert {(one.split_a, one.split_b) for one in found.leaks} == {("train", "test"), ("test", "train")}
    assert sepbench.diff(corpus, corpus).leaks == ()


def test_levels_are_those_of_pandas(corpus, make, tmp_path):
    other = make(tmp_path / "other", seed=5).table.to_pandas()
    pairs = {pair.name: pair.b for pair in sepbench.diff(corpus, tmp_path / "other").levels}
    achieved = other["proof"].map(lambda proof: proof["achieved_snr_db"])
    assert pairs["achieved_snr_db"] == pytest.approx(
        (14, achieved.mean(), achieved.min(), achieved.median(), achieved.max()), abs=1e-12
    )
    assert pairs["duration_s"] == (14, 0.5, 0.5, 0.5, 0.5)


def mirrored(differing):
    return [(one.name, one.rows, [(e.mixture_id, e.b, e.a) for e in one.examples]) for one in differing.columns]


def plain(differing):
    return [(one.name, one.rows, [tuple(e) for e in one.examples]) for one in differing.columns]


CHANGES = {
    "snr_mdb": lambda row: row.update(snr_mdb=row["snr_mdb"] + 1),
    "sources.start": lambda row: row["sources"][1].update(start=row["sources"][1]["start"] + 1),
    "sources.item": lambda row: row["sources"][0].update(item="somebody else"),
    "samples.speech": lambda row: row["proof"]["stems"][0].update(stem_pcm_sha256=OTHER),
    "samples.mixture": lambda row: row["proof"].update(mixture_pcm_sha256=OTHER),
    "common_gain": lambda row: row["proof"]["common_gain"].update(shift=row["proof"]["common_gain"]["shift"] + 1),
}


@settings(max_examples=30)
@given(
    st.dictionaries(st.integers(0, 13), st.sampled_from(sorted(CHANGES)), max_size=14),
    st.permutations(range(14)),
    st.sets(st.integers(0, 13), max_size=3),
)
def test_every_change_is_found_where_it_is_and_nothing_else_in_any_order_and_either_way(
    corpus, rows, write, changed, order, left_out
):
    altered = rows()
    for at, name in changed.items():
        CHANGES[name](altered[at])
    there = [copy.deepcopy(altered[at]) for at in order if at not in left_out]
    with tempfile.TemporaryDirectory() as folder:
        other = write(there, Path(folder) / "m.parquet")
        found, back = (sepbench.diff(*pair, limit=20) for pair in ((corpus, other), (other, corpus)))
    ids = [row["mixture_id"] for row in altered]
    expected = {}
    for at, name in changed.items():
        if at not in left_out:
            expected.setdefault(name, set()).add(ids[at])
    named = {
        column.name: {one.mixture_id for one in column.examples}
        for differing in (found.planned, found.made)
        for column in differing.columns
    }
    assert named == expected
    assert set(found.only_a.first) == {ids[at] for at in left_out}
    assert found.same == (not expected and not left_out)
    # the other way round it is the same, with A and B exchanged
    assert (back.only_b, back.only_a) == (found.only_a, found.only_b)
    assert (mirrored(back.planned), mirrored(back.made)) == (plain(found.planned), plain(found.made))
    assert [(one.name, one.b, one.a) for one in back.levels] == [tuple(one) for one in found.levels]
    assert {(s.split_b, s.split_a, *s[2:]) for s in back.shared} == set(found.shared)


def test_progress_counts_the_rows_of_both(corpus):
    seen = []
    sepbench.diff(corpus, corpus, progress=lambda *at: seen.append(at))
    assert seen[-1] == (28, 28)


def test_bad_input_is_refused(corpus, tmp_path):
    with pytest.raises(TableError, match="there is no such manifest"):
        sepbench.diff(corpus, tmp_path)
    with pytest.raises(UsageError, match="expected a limit of at least 0"):
        sepbench.diff(corpus, corpus, limit=-1)
