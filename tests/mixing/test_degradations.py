"""What is done to a whole mixture is a stem of its own: stems still add up, and everything else stays provable."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sepbench import Corpus, catalog, mixing
from sepbench import recipe as recipes
from sepbench.errors import RecipeError

RATE = 16000
SPEECH = {"name": "speech", "role": "target", "set": "librispeech", "when_short": "pad"}
NOISE = {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop"}
CHAIN = [
    {"name": "resample", "rate_hz": {"choice": [4000, 8000]}},
    {"name": "clip_quantiles", "low": {"uniform": [0, 0.1]}, "high": {"uniform": [0.9, 1]}},
    {"name": "packet_loss", "rate": {"uniform": [0.05, 0.25]}},
]
SOME = {"degradations": CHAIN, "degradation_count": {"choice": [0, 1, 2, 3]}}


@pytest.fixture(scope="module")
def tables(catalogs):
    return {name: catalog.read(path) for name, path in catalogs.items()}


def recipe(*sources, **changes):
    content = {
        "name": "degraded", "version": 1, "sample_rate": RATE, "length": 1.0, "splits": {"test": 12},
        "sources": sources or (SPEECH, NOISE), "levels": {"snr_db": 5},
    }  # fmt: skip
    return recipes.parse(content | changes)


def energy(signal):
    return float(np.square(signal.astype(float)).sum())


def test_stems_add_up_and_what_changed_is_one_of_them(tables, roots):
    clean = mixing.plan(recipe(), tables)
    degraded = mixing.plan(recipe(**SOME), tables)
    for row, before in zip(degraded, clean, strict=True):
        made, whole = mixing.render(row, roots), mixing.render(before, roots)
        assert np.array_equal(made.mixture, sum(made.stems.values()))
        assert ("degradation" in made.stems) == bool(row["degradations"])
        for name in ("speech", "noise"):
            assert np.array_equal(made.stems[name], whole.stems[name])
        if not row["degradations"]:
            assert np.array_equal(made.mixture, whole.mixture)


def test_the_mixture_is_what_the_chain_gives_of_the_sum(tables, roots):
    only = recipe(degradations=[{"name": "polarity"}], levels={"snr_db": 5, "level_dbfs": -40})
    row = mixing.plan(only, tables)[0]
    made = mixing.render(row, roots)
    assert np.array_equal(made.mixture, -(made.stems["speech"] + made.stems["noise"]))


def test_as_many_are_chosen_as_were_drawn_and_each_as_often(tables):
    drawn = [row["degradations"] for row in mixing.plan(recipe(splits={"test": 400}, **SOME), tables)]
    counts = Counter(map(len, drawn))
    assert set(counts) == {0, 1, 2, 3}
    assert all(70 < count < 130 for count in counts.values())
    names = Counter(one["name"] for row in drawn for one in row)
    assert max(names.values()) < 1.25 * min(names.values())
    order = [one["name"] for one in CHAIN]
    assert all(
        [order.index(one["name"]) for one in row] == sorted(order.index(one["name"]) for one in row) for row in drawn
    )


def test_each_has_its_own_probability_where_no_count_is_given(tables):
    chain = [CHAIN[0] | {"probability": 0.25}, CHAIN[2]]
    drawn = [row["degradations"] for row in mixing.plan(recipe(splits={"test": 400}, degradations=chain), tables)]
    assert all(row[-1]["name"] == "packet_loss" for row in drawn)
    assert 70 < sum(len(row) == 2 for row in drawn) < 130


def test_the_wanted_ratio_is_that_before_and_the_proof_says_what_came(tables, roots):
    for row in itertools.islice(mixing.plan(recipe(degradations=CHAIN[1:2]), tables), 3):
        made = mixing.render(row, roots)
        speech, noise, change = (made.stems[name] for name in ("speech", "noise", "degradation"))
        assert 10 * np.log10(energy(speech) / energy(noise)) == pytest.approx(5, abs=1e-3)
        after = 10 * np.log10(energy(speech) / energy(noise.astype(int) + change))
        assert made.proof["achieved_snr_db"] == pytest.approx(after, abs=1e-9)


def test_a_degraded_corpus_is_verified_remade_and_made_on_the_fly(catalogs, roots, tmp_path):
    made = mixing.mix(recipe(**SOME), tmp_path / "corpus", catalogs=catalogs, workers=0)
    assert not made.failures()
    assert not mixing.verify(tmp_path / "corpus", workers=0).differences
    assert mixing.mix(tmp_path / "corpus", tmp_path / "again", workers=0).corpus_hash == made.corpus_hash
    read, rendered = (Corpus(tmp_path / "corpus", on_the_fly=fly) for fly in (False, True))
    assert read.sources == ("speech", "noise", "degradation")
    for one, other in zip(read, rendered, strict=True):
        assert list(one.sources) == list(other.sources)
        for name in one.sources:
            np.testing.assert_array_equal(one.sources[name], other.sources[name])
        np.testing.assert_array_equal(one.mixture, other.mixture)
    batch = rendered.batch(range(len(rendered)))
    for at, one in enumerate(read):
        np.testing.assert_array_equal(batch["mixture"][at], one.mixture)
        np.testing.assert_array_equal(sum(batch["sources"][name][at] for name in rendered.sources), one.mixture)


def test_what_drives_the_mixture_beyond_full_scale_has_no_audio(tables, roots):
    row = mixing.plan(recipe(degradations=[{"name": "gain_transition", "first_db": 40, "second_db": 40}]), tables)[0]
    proof = mixing.render(row, roots).proof
    assert (proof["status"], "beyond full scale" in proof["reason"]) == ("clipped", True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"degradations": [{"name": "time_stretch", "rate": 1.1}]}, "is for sources"),
        ({"degradations": [{"name": "room", "set": "rooms"}]}, "is for sources"),
        ({"degradations": CHAIN, "degradation_count": 4}, "between 0 and 3"),
        ({"degradation_count": 1}, "between 0 and 0"),
        ({"degradations": CHAIN, "degradation_count": 1.5}, "is a whole number"),
        ({"degradations": CHAIN, "degradation_count": {"normal": [1, 1]}}, "is a whole number"),
        ({"sources": [SPEECH | {"transforms": CHAIN, "transform_count": 4}, NOISE]}, "between 0 and 3"),
        ({"degradations": CHAIN, "rendering": "dns-master"}, "made exactly"),
        ({"degradations": [{"name": "resmple"}]}, "did you mean `resample`"),
        ({"degradations": CHAIN, "sources": [SPEECH, NOISE | {"name": "degradation"}]}, "give the source another name"),
        ({"degradations": [{"name": "low_pass", "corner_hz": 9000}]}, "half the sample rate|below"),
    ],
)
def test_what_no_mixture_can_have_done_to_it_is_refused(tables, changes, words):
    with pytest.raises(RecipeError, match=words):
        mixing.plan(recipe(**changes), tables)


# as many transforms of a source


def test_a_source_has_as_many_transforms_as_were_drawn_and_its_loudness_always(tables):
    chosen = SPEECH | {"transforms": CHAIN, "transform_count": 1, "loudness_lufs": -30}
    drawn = [
        row["sources"][0]["transforms"]
        for row in mixing.plan(recipe(chosen, NOISE, levels={}, splits={"test": 300}), tables)
    ]
    assert all([one["name"] for one in row][1:] == ["to_loudness"] for row in drawn)
    counts = Counter(row[0]["name"] for row in drawn)
    assert set(counts) == {one["name"] for one in CHAIN}
    assert all(70 < count < 130 for count in counts.values())


# the level of a mixture


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(level_db=st.integers(-50, -25), snr_db=st.integers(-5, 15), bits=st.sampled_from([16, 24]))
def test_the_mixture_has_the_level_and_the_ratio_that_were_asked_for(tables, roots, level_db, snr_db, bits):
    """Rounding stems at 16 bits moves a level of -50 dBFS by less than 0.01 dB."""
    row = mixing.plan(recipe(bits=bits, levels={"snr_db": snr_db, "level_dbfs": level_db}), tables)[0]
    made = mixing.render(row, roots)
    assert made.proof["status"] == "ok"
    found = 10 * np.log10(energy(made.mixture) / made.mixture.size) - 20 * np.log10(2.0 ** (bits - 1))
    assert found == pytest.approx(level_db, abs=0.01)
    assert made.proof["achieved_snr_db"] == pytest.approx(snr_db, abs=1e-3)


def test_a_level_that_would_clip_is_turned_down_with_all_stems(tables, roots):
    row = mixing.plan(recipe(levels={"snr_db": 0, "level_dbfs": -3}), tables)[0]
    proof = mixing.render(row, roots).proof
    assert proof["common_gain"]["mantissa"] / 2 ** proof["common_gain"]["shift"] < 1
    assert proof["peak"] <= 2**15 * 10 ** (-1 / 20)
    assert proof["achieved_snr_db"] == pytest.approx(0, abs=1e-3)


# recordings that follow each other


def test_recordings_of_one_group_follow_each_other_until_the_place_is_full(tables):
    appended = recipe(SPEECH | {"when_short": "append", "gap_s": 0.25}, NOISE, length=20.0, splits={"test": 8})
    for row in mixing.plan(appended, tables):
        speech = [one for one in row["sources"] if one["name"] == "speech"]
        assert len({one["group"] for one in speech}) == 1
        assert speech[0]["offset"] == 0
        for one, after in itertools.pairwise(speech):
            assert after["offset"] == one["offset"] + one["frames"] + RATE // 4
        assert speech[-1]["offset"] + speech[-1]["frames"] <= 20 * RATE
        assert 20 * RATE - (speech[-1]["offset"] + speech[-1]["frames"]) <= RATE // 4  # nothing more began
        own = {one["item"] for one in tables["librispeech"].to_pylist() if one["group"] == speech[0]["group"]}
        assert len({one["item"] for one in speech[: len(own)]}) == min(
            len(own), len(speech)
        )  # all, before one comes again


def test_what_is_long_enough_stands_alone(tables):
    for row in mixing.plan(recipe(SPEECH | {"when_short": "append"}, NOISE, length=0.5), tables):
        assert [one["name"] for one in row["sources"]] == ["speech", "noise"]


def test_appended_recordings_are_one_stem_with_one_ratio(tables, roots):
    row = mixing.plan(recipe(SPEECH | {"when_short": "append", "gap_s": 0.2}, NOISE, length=12.0), tables)[0]
    made = mixing.render(row, roots)
    assert list(made.stems) == ["speech", "noise"]
    assert made.proof["achieved_snr_db"] == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"when_short": "append", "level_dbfs": -20}, "takes no `level_dbfs`"),
        ({"when_short": "append", "loudness_lufs": -20}, "takes no `loudness_lufs`"),
        ({"when_short": "pad", "gap_s": 0.2}, "`gap_s` is for"),
    ],
)
def test_an_append_that_makes_no_sense_is_refused(change, words):
    with pytest.raises(RecipeError, match=words):
        recipe(SPEECH | change, NOISE, levels={})


# values by split


def test_a_value_may_be_drawn_otherwise_in_each_split(tables):
    by_split = {"splits": {"train": {"choice": [0, 5]}, "test": 12.5}}
    split = recipe(SPEECH | {"shares": {"train": 1, "test": 1}}, NOISE | {"shares": {"train": 1, "test": 1}},
                   splits={"train": 20, "test": 5}, levels={"snr_db": by_split})  # fmt: skip
    found = {
        name: {row["snr_mdb"] for row in mixing.plan(split, tables) if row["split"] == name}
        for name in ("train", "test")
    }
    assert found == {"train": {0, 5000}, "test": {12500}}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"splits": {"train": 3}}, "none is given for `test`"),
        ({"splits": {}}, "for at least one split"),
        ({"splits": {"test": 3}, "choice": [4]}, "stands alone"),
        ({"splits": {"test": {"splits": {"test": 3}}}}, "`splits` within `splits`"),
        ({"splits": {"test": 999}}, "levels lie between"),
    ],
)
def test_values_by_split_that_make_no_sense_are_refused(tables, value, words):
    with pytest.raises(RecipeError, match=words):
        mixing.plan(recipe(levels={"snr_db": value}), tables)
