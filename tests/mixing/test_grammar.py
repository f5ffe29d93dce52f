"""Every kind of recipe delivers the lengths, overlaps, levels and distinct groups that it asks for, in rows and in sound."""

import itertools
import math
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sepbench import catalog, mixing
from sepbench import recipe as recipes
from sepbench.errors import RecipeError

RATE = 16000
TALKERS = {"name": "speaker{n}", "role": "target", "set": "librispeech", "when_short": "pad"}
NOISE = {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop"}


@pytest.fixture(scope="module")
def tables(catalogs):
    return {name: catalog.read(path) for name, path in catalogs.items()}


def recipe(*sources, **changes):
    content = {
        "name": "grammar", "version": 1, "sample_rate": RATE, "length": "max", "splits": {"test": 30}, "sources": sources,
    }  # fmt: skip
    return recipes.parse(content | changes)


def rows(tables, *sources, **changes):
    return list(mixing.plan(recipe(*sources, **changes), tables))


def named(row, name):
    return [source for source in row["sources"] if source["name"] == name]


def energy(signal):
    return float(np.square(signal.astype(float)).sum())


# how many, and who


def test_numbered_sources_are_stems_of_their_own(tables, roots):
    (row, *_) = rows(tables, TALKERS | {"count": 3})
    assert [source["name"] for source in row["sources"]] == ["speaker1", "speaker2", "speaker3"]
    made = mixing.render(row, roots)
    assert list(made.stems) == ["speaker1", "speaker2", "speaker3"]
    assert np.array_equal(made.mixture, sum(made.stems.values()))


def test_sources_of_one_name_are_summed_into_one_stem(tables, roots):
    (row, *_) = rows(tables, TALKERS | {"name": "speech"}, NOISE | {"count": 3}, levels={"snr_db": 5}, length=1.0)
    assert len(named(row, "noise")) == 3
    assert list(mixing.render(row, roots).stems) == ["speech", "noise"]


def test_a_count_is_drawn_for_each_mixture(tables):
    drawn = rows(tables, TALKERS | {"count": {"uniform": [1, 3]}}, splits={"test": 90})
    counts = [len(row["sources"]) for row in drawn]
    assert set(counts) == {1, 2, 3}
    assert all(20 < counts.count(number) < 40 for number in (1, 2, 3))


@pytest.mark.parametrize("count", [2, 4, 6])
def test_talkers_of_a_mixture_are_different_people(tables, count):
    for row in rows(tables, TALKERS | {"count": count}):
        groups = [source["group"] for source in row["sources"]]
        assert len(set(groups)) == count


def test_an_interferer_of_the_same_set_is_somebody_else_too(tables):
    drawn = rows(tables, TALKERS | {"name": "speech"}, TALKERS | {"name": "babble", "role": "interferer"})
    assert all(row["sources"][0]["group"] != row["sources"][1]["group"] for row in drawn)


def test_what_may_be_shared_is_said(tables):
    free = rows(tables, TALKERS | {"count": 2, "distinct": "none"}, splits={"test": 100})
    assert any(one["sources"][0]["group"] == one["sources"][1]["group"] for one in free)
    own = rows(tables, TALKERS | {"count": 2, "distinct": "recording"}, splits={"test": 100})
    assert all(one["sources"][0]["item"] != one["sources"][1]["item"] for one in own)


def test_more_talkers_than_there_are_is_refused_with_numbers(tables):
    words = r"split `test` has 9 different groups of `librispeech` for `speaker10`, and a mixture needs 10"
    with pytest.raises(RecipeError, match=words):
        rows(tables, TALKERS | {"count": 10})


def test_more_pairs_than_different_talkers_make_are_refused(tables):
    two = {"where": {"group": ["9005", "9006"]}}  # four recordings each
    assert len(rows(tables, TALKERS | two | {"count": 2}, splits={"test": 32})) == 32
    with pytest.raises(RecipeError, match=r"8 of speaker1 × 8 of speaker2 recordings give 32 different ones"):
        rows(tables, TALKERS | two | {"count": 2}, splits={"test": 33})


def test_lists_of_groups_divide_a_set(tables):
    lists = {"train": ["9005", "9006"], "test": ["9007"]}
    drawn = rows(tables, TALKERS | {"name": "speech", "groups": lists}, splits={"train": 6, "test": 4})
    for row in drawn:
        assert row["sources"][0]["group"] in lists[row["split"]]


def test_a_list_in_a_file_beside_the_recipe_is_taken_into_it(tmp_path):
    (tmp_path / "valid.txt").write_text("9005\n\n9006\n")
    (tmp_path / "r.toml").write_text(
        'name = "r"\nversion = 1\nsample_rate = 16000\nlength = 1.0\nsplits = { valid = 3 }\n'
        '[[sources]]\nname = "s"\nrole = "target"\nset = "librispeech"\ngroups = { valid = "valid.txt" }\n'
    )
    assert recipes.load(tmp_path / "r.toml").sources[0].groups == {"valid": ("9005", "9006")}
    (tmp_path / "valid.txt").unlink()
    with pytest.raises(RecipeError, match=r"r\.toml: the list of groups .*valid\.txt can't be read"):
        recipes.load(tmp_path / "r.toml")


def test_a_list_with_a_typing_error_is_refused(tables):
    words = "`speech` lists 1 groups for split `test` that `librispeech` does not have, the first: `9905`"
    with pytest.raises(RecipeError, match=words) as error:
        rows(tables, TALKERS | {"name": "speech", "groups": {"test": ["9005", "9905"]}})
    assert "did you mean `9005`?" in error.value.hint


# when, and how long


def overlap_of(one, other):
    start, end = (
        max(one["offset"], other["offset"]),
        min(one["offset"] + one["frames"], other["offset"] + other["frames"]),
    )
    return max(0, end - start) / min(one["frames"], other["frames"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1000), st.integers(2, 4))
def test_neighbours_overlap_by_the_share_that_is_asked_for(tables, share, count):
    drawn = rows(tables, TALKERS | {"count": count, "overlap": share / 1000}, splits={"test": 3})
    for row in drawn:
        for one, other in itertools.pairwise(row["sources"]):
            assert overlap_of(one, other) == pytest.approx(share / 1000, abs=1 / min(one["frames"], other["frames"]))
        assert row["frames"] == max(source["offset"] + source["frames"] for source in row["sources"])


def test_sources_sound_where_they_are_placed_and_nowhere_else(tables, roots):
    row = rows(tables, TALKERS | {"count": 2, "overlap": 0.0})[0]
    made = mixing.render(row, roots)
    first, second = row["sources"]
    assert second["offset"] == first["frames"]
    assert not made.stems["speaker1"][:, first["frames"] :].any()
    assert not made.stems["speaker2"][:, : second["offset"]].any()
    assert made.stems["speaker2"][:, second["offset"] :].any()


def test_an_offset_and_a_duration_are_kept(tables):
    speech = TALKERS | {"name": "speech", "offset_s": {"uniform": [0.25, 0.75]}, "duration_s": {"uniform": [0.5, 1.0]}}
    drawn = rows(tables, speech, NOISE, length=2.0)
    for row in drawn:
        speech, noise = row["sources"]
        assert 0.25 * RATE <= speech["offset"] <= 0.75 * RATE
        assert 0.5 * RATE <= speech["frames"] <= 1.0 * RATE
        assert (noise["offset"], noise["frames"]) == (0, 2 * RATE)
    assert len({row["sources"][0]["offset"] for row in drawn}) > 20


def test_anywhere_is_within_the_mixture_and_everywhere_in_it(tables):
    speech = TALKERS | {"name": "speech", "offset_s": "anywhere", "duration_s": 0.5}
    offsets = [row["sources"][0]["offset"] for row in rows(tables, speech, length=4.0, splits={"test": 200})]
    assert 0 <= min(offsets) < 0.2 * RATE
    assert 3.3 * RATE < max(offsets) <= 3.5 * RATE


def test_a_source_that_would_begin_after_the_end_is_refused(tables):
    with pytest.raises(RecipeError, match="test-000000: `speech` would begin after the end of the mixture"):
        rows(tables, TALKERS | {"name": "speech", "offset_s": 3}, length=2.0)


def test_padding_holds_noise_only(tables, roots):
    drawn = rows(
        tables, TALKERS | {"name": "speech"}, NOISE, length="target", levels={"snr_db": 5},
        padding={"before_s": {"uniform": [0.1, 0.5]}, "after_s": 0.25},
    )  # fmt: skip
    row = drawn[3]
    speech, noise = row["sources"]
    assert 0.1 * RATE <= speech["offset"] <= 0.5 * RATE
    assert row["frames"] == speech["offset"] + speech["frames"] + 0.25 * RATE
    assert (noise["offset"], noise["frames"]) == (0, row["frames"])
    made = mixing.render(row, roots)
    outside = np.r_[: speech["offset"], speech["offset"] + speech["frames"] : row["frames"]]
    assert not made.stems["speech"][:, outside].any()
    assert made.stems["noise"][:, outside].any()


@pytest.mark.parametrize(
    ("length", "ends"),
    [("target", lambda s: s[0]), ("targets", lambda s: max(s[:2])), ("max", max), ("min", min)],
)
def test_a_mixture_is_as_long_as_its_recipe_says(tables, length, ends):
    sources = (
        TALKERS | {"name": "a"},
        TALKERS | {"name": "b", "role": "interferer", "offset_s": 0.5},
        NOISE | {"when_short": "pad"},
    )
    frames = {(row["set"], row["item"]): row["frames"] * RATE // row["sample_rate"]
              for table in tables.values() for row in table.to_pylist()}  # fmt: skip
    for row in rows(tables, *sources, length=length):
        whole = [frames[source["set"], source["item"]] for source in row["sources"]]
        assert row["frames"] == pytest.approx(ends([whole[0], whole[1] + RATE // 2, whole[2]]), abs=2)


def test_recordings_that_are_too_short_are_left_out_with_a_word(tables, catalogs, tmp_path):
    asked = recipe(TALKERS | {"name": "speech", "when_short": "exclude"}, length=3.0, splits={"test": 4})
    plan = mixing.Plan(asked, tables)
    (note,) = plan.left_out
    assert re.fullmatch(
        r"speech: \d+ recordings of `librispeech` may serve `test`, and \d+ shorter than 3 s are left out", note
    )
    said = []
    mixing.mix(asked, tmp_path / "corpus", catalogs=catalogs, workers=0, say=said.append)
    assert said[0] == note
    assert mixing.Plan(recipe(TALKERS | {"name": "speech"}, splits={"test": 4}), tables).left_out == []


# levels


def achieved(tables, roots, *sources, count=8, **changes):
    for row in rows(tables, *sources, **changes)[:count]:
        made = mixing.render(row, roots)
        assert made.proof["status"] == "ok"
        yield row, made


def test_a_normal_level_has_its_mean_and_its_deviation(tables):
    drawn = rows(tables, TALKERS | {"name": "speech"}, NOISE, levels={"snr_db": {"normal": [5, 3]}}, length=1.0,
                 splits={"test": 2000})  # fmt: skip
    levels = np.array([row["snr_mdb"] for row in drawn]) / 1000
    assert abs(levels.mean() - 5) < 4 * 3 / math.sqrt(2000)
    assert abs(levels.std() - 3) < 4 * 3 / math.sqrt(2 * 2000)
    assert 0.63 < np.mean(abs(levels - 5) < 3) < 0.73


def active_snr_db(made, own, rest):
    frames = [
        np.square(np.pad(signal.astype(float), ((0, 0), (0, -signal.shape[1] % 320))).reshape(-1, 320)).sum(1)
        for signal in (own, rest)
    ]
    active = frames[0] >= frames[0].max() / 10_000
    return 10 * math.log10(frames[0][active].sum() / frames[1][active].sum())


def test_an_active_ratio_is_that_of_the_frames_in_which_the_target_speaks(tables, roots):
    speech = TALKERS | {"name": "speech", "offset_s": 1.0, "duration_s": 1.5}
    sources = speech, NOISE | {"count": 2}
    for row, made in achieved(tables, roots, *sources, levels={"active_snr_db": {"uniform": [-5, 15]}}, length=4.0):
        wanted = row["snr_mdb"] / 1000
        assert row["snr_over"] == "active"
        assert active_snr_db(made, made.stems["speech"], made.stems["noise"]) == pytest.approx(wanted, abs=0.001)
        assert made.proof["active_snr_db"] == pytest.approx(wanted, abs=0.001)
        assert made.proof["achieved_snr_db"] < wanted - 2  # the pauses are noise alone


def test_a_row_with_an_active_ratio_is_the_same_with_its_frozen_gains(tables, roots):
    for row, made in achieved(
        tables, roots, TALKERS | {"name": "speech"}, NOISE, levels={"active_snr_db": 3}, length=2.0
    ):
        again = mixing.render({**row, "proof": made.proof}, roots)
        assert again.proof == made.proof


def test_speech_and_music_and_noise_have_ratios_of_their_own(tables, roots):
    music = {
        "name": "music",
        "role": "interferer",
        "set": "folder",
        "where": {"stem": ["guitar", "backing"]},
        "when_short": "loop",
    }
    sources = (
        TALKERS | {"name": "speech"},
        music | {"snr_db": {"uniform": [0, 10]}},
        NOISE | {"snr_db": {"uniform": [5, 20]}},
    )
    for row, made in achieved(tables, roots, *sources, length=2.0):
        for name in ("music", "noise"):
            ratio = 10 * math.log10(energy(made.stems["speech"]) / energy(made.stems[name]))
            assert ratio == pytest.approx(named(row, name)[0]["snr_mdb"] / 1000, abs=0.01)


# what is refused


@pytest.mark.parametrize(
    ("sources", "changes", "words"),
    [
        ([TALKERS | {"count": 0}], {}, "a count is a whole number from 1 to 64"),
        ([TALKERS | {"count": {"uniform": [1, 2.5]}}], {}, "a count is a whole number"),
        ([TALKERS | {"name": "speech", "count": 2}], {}, "several targets need numbers: `speech{n}`"),
        ([TALKERS | {"overlap": 1.5, "count": 2}], {}, "`overlap` lies between 0 and 1"),
        ([TALKERS | {"overlap": {"normal": [0.5, 0.1]}, "count": 2}], {}, "`overlap` lies between 0 and 1"),
        ([TALKERS | {"overlap": 0.5}], {}, "there is no source before it to overlap with"),
        ([TALKERS | {"overlap": 0.5, "offset_s": 1, "count": 2}], {}, "`offset_s` and `overlap` exclude each other"),
        ([TALKERS | {"offset_s": -1}], {}, "`offset_s` lies between 0 and 3600"),
        ([TALKERS | {"splits": {"test": ["x"]}, "shares": {"test": 1}}], {}, "`splits` and `shares` exclude each other"),
        ([TALKERS, NOISE], {"levels": {"snr_db": 3, "active_snr_db": 3}}, "`snr_db` and `active_snr_db` exclude each other"),
        ([TALKERS, NOISE | {"snr_db": 3}], {"levels": {"active_snr_db": 3}}, "`levels.active_snr_db` and a level of noise exclude"),
        ([TALKERS, NOISE], {"padding": {"before_s": 1}, "length": 3.0}, "`padding` is for mixtures that are as long"),
        ([TALKERS, NOISE], {"levels": {"snr_db": {"normal": [0, -1]}}}, "the deviation -1.0 is negative"),
        ([TALKERS, NOISE], {"levels": {"snr_db": {"normal": [0, 60]}}}, "the deviation is too large"),
        ([TALKERS | {"transforms": [{"name": "x.py:Y"}]}], {}, "unknown transform `x.py:Y`"),
        ([TALKERS], {"metrics": ["evil.py:Metric"]}, "String should match pattern"),
        ([TALKERS, NOISE | {"coherent_with": "speaker{n}", "count": 2}], {}, "`coherent_with` takes no count"),
        ([TALKERS], {"padding": {"befor_s": 1}}, "unknown key `padding.befor_s`"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(sources, changes, words):
    with pytest.raises(RecipeError) as error:
        recipe(*sources, **changes)
    assert words in str(error.value)


def test_nothing_that_ends_leaves_a_mixture_without_a_length(tables):
    with pytest.raises(RecipeError, match="nothing says how long a mixture is"):
        rows(tables, TALKERS | {"offset_s": "anywhere"})


def test_the_examples_of_the_reference_are_recipes():
    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    examples = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    examples = [one for one in examples if "variants" not in one]  # a family is shown in part
    assert len(examples) == 2
    for example in examples:
        asked = recipes.parse(
            {"name": "x", "version": 1, "sample_rate": RATE, "splits": {"train": 1, "test": 1}} | example
        )
        assert asked.sources
