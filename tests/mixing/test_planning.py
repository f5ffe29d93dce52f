"""Planning: one row per mixture, drawn under keys, without audio."""

import json
import pickle
from itertools import pairwise
from pathlib import Path

import planned as kinds
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench import recipe as recipes
from sepbench import soundness
from sepbench.errors import RecipeError
from sepbench.manifest import Manifest, plan_hash
from sepbench.mixing import Plan, plan

FROZEN = json.loads((Path(__file__).parent.parent / "frozen" / "plans-v1.json").read_text(encoding="utf-8"))

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


def test_shares_that_leave_a_split_without_a_group_are_named_with_the_remedy(tables):
    source = SPEECH | {"splits": None, "shares": {"train": 10**9, "test": 1}}
    with pytest.raises(RecipeError, match=r"25 in groups of other splits") as caught:
        plan(recipe(sources=[source], levels={}, splits={"train": 3, "test": 3}), tables)
    assert "`shares` draws for each of the" in caught.value.hint
    assert "another seed" in caught.value.hint


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


@pytest.fixture(scope="module")
def many():
    return kinds.tables()


@pytest.mark.parametrize("name", FROZEN)
def test_what_is_planned_never_changes(many, name):
    content, seed, epoch = kinds.KINDS.get(name) or (recipes.load(name), None, 0)
    assert plan_hash(Plan(content, many, seed=seed, epoch=epoch)) == FROZEN[name]


def test_every_kind_is_frozen():
    assert FROZEN.keys() >= kinds.KINDS.keys()


@pytest.mark.parametrize("name", kinds.KINDS)
def test_a_row_alone_is_the_row_in_bulk(many, name):
    content, seed, epoch = kinds.KINDS[name]
    drawn = Plan(content, many, seed=seed, epoch=epoch)
    rows = list(plan(content, many, seed=seed, epoch=epoch))
    # backwards, so that no row finds what the one before it left
    for at in [-1, *range(len(rows) - 1, 0, -7), 0]:
        assert drawn.row(at) == rows[at]
    assert list(drawn.row(0)) == list(rows[0])
    with pytest.raises(IndexError):
        drawn.row(len(drawn))


@given(size=st.integers(1, 90), at=st.integers(0, 99))
def test_batches_of_any_size_hold_the_same_rows(many, size, at):
    drawn = Plan(kinds.recipe(), many)
    batches = list(drawn.batches(size))
    assert all(len(batch) <= size and len(set(batch["split"].to_pylist())) == 1 for batch in batches)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert len(rows) == len(drawn) == 100
    assert rows[at] == drawn.row(at)
    assert rows == list(drawn)


def test_a_plan_travels(many):
    drawn = Plan(kinds.KINDS["three noises, dealt in many rounds"][0], many)
    sent = pickle.loads(pickle.dumps(drawn))  # noqa: S301 - our own
    assert [sent.row(at) for at in (499, 3)] == [drawn.row(at) for at in (499, 3)]
    assert plan_hash(sent) == plan_hash(drawn)


def test_another_epoch_of_a_plan_is_the_plan_of_that_epoch(many):
    first = Plan(kinds.recipe(), many)
    other = first.at_epoch(7)
    assert (first.metadata["epoch"], other.metadata["epoch"]) == (0, 7)
    assert list(other) == list(Plan(kinds.recipe(), many, epoch=7))
    assert list(first) == list(Plan(kinds.recipe(), many))


def test_a_plan_is_refused_before_any_row_is_drawn(many):
    rest = kinds.REST | {"where": {"stem": "drums", "duration_s": {"min": 12}}, "pick": "one"}
    lacking = kinds.recipe(sources=[kinds.VOCALS, rest], levels={}, splits={"test": 40})
    with pytest.raises(RecipeError, match=r"the group `song \d+` has no recording for `accompaniment`"):
        Plan(lacking, many)


def test_groups_that_no_row_asks_for_may_lack_a_recording(many):
    rest = kinds.REST | {"where": {"stem": "drums", "duration_s": {"min": 6}}, "pick": "one"}
    for seed in range(20):
        content = kinds.recipe(sources=[kinds.VOCALS, rest], levels={}, splits={"test": 1}, seed=seed)
        try:
            assert len(plan(content, many)) == 1
            return
        except RecipeError:
            continue
    raise AssertionError("no seed begins with a song that has drums of 6 s")


def test_a_plan_is_written_as_it_is_in_memory(tmp_path, many, monkeypatch):
    monkeypatch.setattr(soundness, "refuse_unsound", lambda *_: None)  # names with tabs, which no catalog has
    content, seed, epoch = kinds.KINDS["more rows than a batch"]
    drawn = Plan(content, many, seed=seed, epoch=epoch)
    done = []
    written = drawn.write(
        tmp_path / "manifest.parquet", metadata={"container": "wav"}, progress=lambda *at: done.append(at)
    )
    loaded = plan(content, many, seed=seed, epoch=epoch)
    assert Manifest.read(tmp_path).table.equals(loaded.table)
    assert written.metadata == {**loaded.metadata, "container": "wav", "table": "manifest", "schema_version": 3}
    assert done == [(4096, 8194), (8192, 8194), (8194, 8194)]
