"""Planning: one row per mixture, drawn under keys, without audio."""

from itertools import pairwise

import pyarrow as pa
import pytest

from sepbench import recipe as recipes
from sepbench.errors import RecipeError
from sepbench.mixing import plan

SPEECH = {"name": "speech", "role": "target", "set": "librispeech", "splits": {"test": ["test-clean"]}}
NOISE = {"name": "noise", "role": "noise", "set": "esc50", "splits": {"test": ["fold5"]}, "when_short": "loop"}


def recipe(**changes):
    content = {
        "name": "planned", "version": 1, "sample_rate": 16000, "length": 2.0, "splits": {"test": 40},
        "sources": [SPEECH, NOISE], "levels": {"snr_db": {"uniform": [-5, 10]}},
    }  # fmt: skip
    return recipes.parse(content | changes)


def rows(tables, **changes):
    return list(plan(recipe(**changes), tables))


def test_planning_twice_gives_the_same_rows(tables):
    first, second = plan(recipe(), tables), plan(recipe(), tables)
    assert first.metadata["plan_hash"] == second.metadata["plan_hash"]
    assert first.table.equals(second.table)


def test_another_seed_or_epoch_gives_other_rows(tables):
    hashes = {
        plan(recipe(), tables, seed=seed, epoch=epoch).metadata["plan_hash"] for seed, epoch in ((0, 0), (1, 0), (0, 1))
    }
    assert len(hashes) == 3


def test_a_row_does_not_depend_on_how_many_there_are(tables):
    assert rows(tables, splits={"test": 5}) == rows(tables)[:5]


def test_the_order_of_the_catalog_does_not_matter(tables):
    shuffled = {name: table.take(list(reversed(range(len(table))))) for name, table in tables.items()}
    assert rows(shuffled) == rows(tables)


def test_every_target_is_used_once_before_any_is_used_again(tables):
    items = [row["sources"][0]["item"] for row in rows(tables)]
    size = len(set(items))
    assert size == 17
    for start in range(0, len(items) - size, size):
        assert len(set(items[start : start + size])) == size


def test_no_pair_comes_twice_before_all_have_come_once(tables):
    planned = rows(tables, length="target", splits={"test": 85})
    pairs = [tuple(source["item"] for source in row["sources"]) for row in planned]
    assert len(set(pairs)) == 85  # 17 utterances, 5 noises


def test_more_mixtures_than_there_are_pairs_are_refused_with_numbers(tables):
    with pytest.raises(RecipeError, match="asks for 86 mixtures, but 17 of speech × 5 of noise recordings give 85"):
        plan(recipe(length="target", splits={"test": 86}), tables)


def test_levels_are_integers_within_their_bounds(tables):
    levels = [row["snr_mdb"] for row in rows(tables)]
    assert all(isinstance(level, int) and -5000 <= level <= 10000 for level in levels)
    assert len(set(levels)) > 30


def test_choices_of_levels_all_occur(tables):
    levels = {row["snr_mdb"] for row in rows(tables, levels={"snr_db": {"choice": [-2.5, 0, 5]}})}
    assert levels == {-2500, 0, 5000}


def test_excerpts_lie_within_their_recordings(tables):
    frames = {row["item"]: row for name in tables for row in tables[name].to_pylist()}
    for row in rows(tables, length=4.9):
        for source in row["sources"]:
            item = frames[source["item"]]
            available = -(-item["frames"] * 16000 // item["sample_rate"])
            assert 0 <= source["start"] < available
            assert source["loop"] or source["start"] + source["frames"] <= available
            assert source["frames"] == row["frames"] == 78400


def test_recordings_that_are_too_short_are_left_out(tables):
    longer = {row["item"] for row in tables["librispeech"].to_pylist() if row["frames"] >= 80000}
    assert {row["sources"][0]["item"] for row in rows(tables, length=5.0)} <= longer


def test_coherent_stems_share_song_and_start(tables):
    vocals = {"name": "vocals", "role": "target", "set": "folder", "where": {"stem": "vocals"}}
    rest = {
        "name": "accompaniment", "role": "target", "set": "folder", "where": {"stem": {"not": "vocals"}},
        "coherent_with": "vocals", "pick": "all",
    }  # fmt: skip
    planned = rows(tables, sources=[vocals, rest], levels={}, sample_rate=44100, channels=2)
    for row in planned:
        assert [source["name"] for source in row["sources"]] == ["vocals", "accompaniment", "accompaniment"]
        assert len({(source["group"], source["start"]) for source in row["sources"]}) == 1
    assert len({source["start"] for row in planned for source in row["sources"]}) > 30


def test_excerpts_reach_the_level_that_is_asked_for(tables):
    source = SPEECH | {"min_level_dbfs": -20}
    profiles = {row["item"]: row["level_profile_dbfs"] for row in tables["librispeech"].to_pylist()}
    for row in rows(tables, sources=[source, NOISE], length=1.0):
        one = row["sources"][0]
        seconds = profiles[one["item"]][one["start"] // 16000 : -(-(one["start"] + 16000) // 16000)]
        assert max(seconds) >= -20


def test_shares_put_every_group_into_one_split(tables):
    source = SPEECH | {"splits": None, "shares": {"train": 2, "valid": 1, "test": 1}}
    planned = rows(tables, sources=[source], levels={}, splits={"train": 20, "valid": 20, "test": 20})
    groups = {split: {row["sources"][0]["group"] for row in planned if row["split"] == split} for split in ("train", "valid", "test")}  # fmt: skip
    assert all(groups.values())
    assert all(not first & second for first, second in pairwise([*groups.values(), groups["train"]]))


def test_a_group_in_two_splits_is_a_leak_and_refused(tables):
    source = SPEECH | {"splits": {"train": ["test-clean"], "test": ["test-clean"]}}
    with pytest.raises(RecipeError, match="would be in `train` and in `test`"):
        plan(recipe(sources=[source], levels={}, splits={"train": 3, "test": 3}), tables)


def test_a_pool_that_is_empty_is_explained_with_counts(tables):
    source = SPEECH | {"where": {"duration_s": {"min": 100}}}
    with pytest.raises(
        RecipeError, match=r"none of 25 recordings of `librispeech`.*17 excluded by `where`, 8 in other"
    ):
        plan(recipe(sources=[source, NOISE]), tables)


def test_an_unknown_label_is_refused_with_a_suggestion(tables):
    with pytest.raises(RecipeError, match="did you mean `speaker`"):
        plan(recipe(sources=[SPEECH | {"where": {"speakr": "9005"}}, NOISE]), tables)


def test_a_missing_catalog_is_named(tables):
    with pytest.raises(RecipeError, match="no catalog for esc50"):
        plan(recipe(), {"librispeech": tables["librispeech"]})


def test_silent_and_unreadable_recordings_are_never_dealt(tables):
    content = tables["librispeech"].to_pylist()
    for row in content[:10]:
        row["status"] = "unreadable"
    broken = tables | {"librispeech": pa.Table.from_pylist(content, schema=tables["librispeech"].schema)}
    used = {row["sources"][0]["item"] for row in plan(recipe(), broken)}
    assert used <= {row["item"] for row in content[10:]}
