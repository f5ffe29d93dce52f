"""Surveys: levels are what the rows say, and nothing depends on how the rows come."""

from collections import Counter

import numpy as np
import planned
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench import mixing
from sepbench.manifest import SCHEMA
from sepbench.mixing.proofs import failed_proof
from sepbench.surveys import Levels, Tally, distribution, levels_of

numbers = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=40)


@given(numbers, st.randoms())
def test_a_distribution_is_that_of_the_values_there_are_in_any_order(values, random):
    there = [value for value in values if value == value]
    found = distribution(np.array(values, float))
    shuffled = values[:]
    random.shuffle(shuffled)
    assert distribution(np.array(shuffled, float)) == found
    assert found.n == len(there)
    if there:
        assert (found.min, found.max, found.median) == (min(there), max(there), np.median(there))
        assert found.min <= found.mean <= found.max or found.mean == pytest.approx(found.min)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"))), st.integers(1, 7))
def test_a_tally_counts_as_a_counter_does_in_whatever_pieces(pairs, size):
    tally = Tally("one", "other")
    for at in range(0, len(pairs), size):
        some = pairs[at : at + size]
        tally.add(pa.table({"one": [one for one, _ in some], "other": [other for _, other in some]}))
    assert tally.counts() == Counter(pairs)
    counts = list(tally.counts().values())
    assert counts == sorted(counts, reverse=True)


def test_a_tally_keeps_no_more_than_what_is_distinct():
    tally = Tally("n")
    for _ in range(40):
        tally.add(pa.table({"n": [str(number) for number in range(10_000)]}))
    assert sum(map(len, tally._parts)) <= 2**16 + 3 * 10_000
    assert tally.counts() == {(str(number),): 40 for number in range(10_000)}


@pytest.fixture(scope="module")
def talkers():
    """Rows of one to three talkers that overlap, and noise."""
    recipe, seed, epoch = planned.KINDS["one to three talkers that overlap, and noise before and after"]
    return mixing.plan(recipe, planned.tables(), seed=seed, epoch=epoch).table.to_pylist()


def test_overlap_is_the_share_of_samples_with_two_talkers_or_more(talkers):
    found = levels_of(pa.RecordBatch.from_pylist(talkers, SCHEMA))["overlap"]
    seen = 0
    for row, share in zip(talkers, found, strict=True):
        people = [source for source in row["sources"] if source["role"] != "noise"]
        active = np.zeros(row["frames"] + 1, int)
        for source in people:
            active[source["offset"] : source["offset"] + source["frames"]] += 1
        if len(people) < 2:
            assert np.isnan(share)
        else:
            assert share == pytest.approx(100 * (active > 1).sum() / (active > 0).sum(), abs=1e-9)
            seen += 1
    assert seen > 20


def test_levels_are_those_of_each_row_and_nan_where_it_has_none(talkers):
    rows = [dict(row) for row in talkers[:3]]
    stem = {"role": "noise", "stem_pcm_sha256": "0" * 64, "peak": 1}
    rows[0]["proof"] = failed_proof("ok", "") | {
        "common_gain": {"mantissa": 1 << 27, "shift": 28}, "peak": 1 << (rows[0]["bits"] - 2), "achieved_snr_db": 3.0,
        "stems": [stem | {"name": "noise", "rms_dbfs": -30.5}, stem | {"name": "speech", "rms_dbfs": None}],
    }  # fmt: skip
    rows[1]["proof"] = failed_proof("silent_source", "it is silent")
    levels = Levels()
    levels.add(pa.RecordBatch.from_pylist(rows[:1], SCHEMA))
    levels.add(pa.RecordBatch.from_pylist(rows[1:], SCHEMA))
    found = levels.columns()
    half = 20 * np.log10(0.5)
    for name, first in (("common_gain_db", half), ("peak_dbfs", half), ("achieved_snr_db", 3.0), ("stem:noise", -30.5)):
        assert found[name] == pytest.approx([first, np.nan, np.nan], nan_ok=True), name
    assert found["duration_s"] == pytest.approx([row["frames"] / 16000 for row in rows])
    assert "stem:speech" not in found, "no row has one"
    assert "loudness_lufs" not in found


@pytest.mark.parametrize("over", [None, "active"])
def test_the_error_of_the_ratio_is_taken_over_what_was_asked_for(talkers, over):
    proof = failed_proof("ok", "") | {"achieved_snr_db": 5.0, "active_snr_db": 7.0}
    row = talkers[0] | {"snr_mdb": 5000, "snr_over": over, "proof": proof}
    assert levels_of(pa.RecordBatch.from_pylist([row], SCHEMA))["snr_error_db"] == [2.0 if over else 0.0]
    degraded = row | {"degradations": [{"name": "clip", "parameters": "{}"}]}
    assert np.isnan(levels_of(pa.RecordBatch.from_pylist([degraded], SCHEMA))["snr_error_db"]).all()
