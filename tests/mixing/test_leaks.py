"""The guard against leaks, within a corpus, between public sets, and against another corpus."""

import pyarrow as pa
import pytest
from test_grammar import NOISE, TALKERS, recipe

from sepbench import catalog, mixing, shelf
from sepbench.cli import main
from sepbench.errors import RecipeError
from sepbench.overlaps import may_share, unit_of, units_of

SPEECH = TALKERS | {"name": "speech"}


@pytest.fixture(scope="module")
def tables(catalogs):
    return {name: catalog.read(path) for name, path in catalogs.items()}


def renamed(table, set_, **changes):
    """Give the recordings of a set as another set has them."""
    rows = [row | {"set": set_} | {key: change(row) for key, change in changes.items()} for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, catalog.SCHEMA)


def other_samples(row):
    return row["pcm_sha256"][::-1]


def test_a_talker_of_two_related_sets_is_not_put_into_two_splits(tables):
    both = tables | {"libritts": renamed(tables["librispeech"], "libritts", pcm_sha256=other_samples)}
    asked = recipe(
        SPEECH | {"splits": {"train": ["train-clean-100", "test-clean"], "test": ["dev-clean"]}},
        SPEECH | {"name": "b", "set": "libritts", "splits": {"train": ["train-clean-100"], "test": ["test-clean"]}},
        splits={"train": 2, "test": 2}, length=0.5,
    )  # fmt: skip
    words = r"the group `900\d` of `libritts` in `test` is `900\d` of `librispeech` in `train`: LibriVox readers"
    with pytest.raises(RecipeError, match=words):
        mixing.plan(asked, both)


def test_talkers_of_related_sets_are_different_people_within_a_mixture(tables):
    both = tables | {"libritts": renamed(tables["librispeech"], "libritts", pcm_sha256=other_samples)}
    asked = recipe(SPEECH, SPEECH | {"name": "b", "set": "libritts", "role": "interferer"}, splits={"test": 60})
    for row in mixing.plan(asked, both):
        assert row["sources"][0]["group"] != row["sources"][1]["group"]


def test_the_same_samples_under_two_names_are_a_leak(tables):
    copies = renamed(tables["esc50"], "folder-copies", group=lambda row: f"copy of {row['group']}")
    folds = {"train": ["fold1", "fold2", "fold3"], "test": ["fold5"]}
    crossed = {"train": ["fold5"], "test": ["fold1"]}
    asked = recipe(
        SPEECH | {"shares": {"train": 1, "test": 1}}, NOISE | {"splits": folds},
        NOISE | {"name": "copy", "set": "folder-copies", "splits": crossed}, splits={"train": 2, "test": 2},
    )  # fmt: skip
    with pytest.raises(
        RecipeError, match=r"of `esc50` in `test` is .* of `folder-copies` in `train`: their samples are the same"
    ):
        mixing.plan(asked, tables | {"folder-copies": copies})


@pytest.fixture(scope="module")
def theirs(tables, tmp_path_factory):
    """Somebody's test corpus: two talkers, and the noises of a fold."""
    asked = recipe(
        SPEECH | {"where": {"group": ["9005", "9006"]}},
        NOISE | {"splits": {"test": ["fold5"]}},
        splits={"test": 20},
        length=0.5,
    )
    folder = tmp_path_factory.mktemp("theirs")
    mixing.Plan(asked, tables).write(folder / "manifest.parquet")
    return folder


def test_a_corpus_that_shares_a_talker_with_one_that_it_must_not_is_refused(tables, theirs):
    asked = recipe(SPEECH, NOISE | {"where": {"split": {"not": "fold5"}}})
    with pytest.raises(RecipeError, match=r"grammar: 2 groups that it may take are in .*, the first: `9005`") as error:
        mixing.Plan(asked, tables, disjoint_from=[theirs])
    assert 'where = { group = { not = ["9005", "9006"] } }' in error.value.hint
    apart = recipe(
        SPEECH | {"where": {"group": {"not": ["9005", "9006"]}}}, NOISE | {"where": {"split": {"not": "fold5"}}}
    )
    rows = list(mixing.Plan(apart, tables, disjoint_from=[theirs, theirs / "manifest.parquet"]))
    assert not {source["group"] for row in rows for source in row["sources"]} & {"9005", "9006"}


def test_a_recording_under_another_name_is_noticed_there_too(tables, theirs):
    copies = renamed(tables["esc50"], "folder-copies", group=lambda row: f"copy of {row['item']}")
    asked = recipe(SPEECH | {"where": {"group": ["9007"]}}, NOISE | {"set": "folder-copies"})
    with pytest.raises(RecipeError, match=r"5 groups that it may take are in .*, the first: `copy of "):
        mixing.Plan(asked, tables | {"folder-copies": copies}, disjoint_from=[theirs])


def test_the_command_line_refuses_it_with_code_2(catalogs, theirs, tmp_path, capsys):
    words = [f"--catalog={name}={path}" for name, path in catalogs.items()]
    code = main(
        ["mix", "speech-demo", *words, "--out", str(tmp_path / "c"), "--plan-only", "--disjoint-from", str(theirs)]
    )
    assert code == 2
    assert "groups that it may take are in" in capsys.readouterr().err


def test_the_registry_knows_what_sets_share():
    assert may_share("librispeech", "libritts-r")
    assert not may_share("librispeech", "vctk")
    assert unit_of("voicebank-demand", "p232", "p232_001") == unit_of("vctk", "p232", "p232_002_mic1")
    assert units_of("folder-mine", "a", "a/b") == (("folder-mine", "a"),)
    assert unit_of("musdb18hq", "AvaLuna - Waterduct", "x") == unit_of("medleydb", "AvaLuna", "AvaLuna_Waterduct/S03")


def test_every_set_of_the_registry_is_one_that_there_is():
    from sepbench.overlaps import _families

    assert set(_families()) <= set(shelf.names("sets"))
