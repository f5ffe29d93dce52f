from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sepbench.errors import SignalError
from sepbench.metrics import best_permutation, improvement, load, permuted, sd_sdr, si_sdr, snr, stoi
from sepbench.metrics.improvement import improvements
from sepbench.metrics.metric import Score, framed

TABLES = st.integers(1, 5).flatmap(lambda n: arrays(np.float64, (n, n), elements=st.floats(-60, 60)))


@settings(deadline=None)
@given(TABLES)
def test_no_order_is_better_than_the_best(table):
    order = best_permutation(table)
    rows = np.arange(len(table))
    assert sorted(order) == rows.tolist()
    highest = max(table[rows, list(other)].sum() for other in itertools.permutations(rows))
    assert table[rows, order].sum() == pytest.approx(highest, abs=1e-9)


def test_twenty_speakers_are_found_again(noise):
    speakers, shuffled = noise(20, 400), np.random.default_rng(1).permutation(20)
    found = permuted(si_sdr, speakers, (speakers + 0.5 * noise(20, 400, seed=2))[shuffled])
    assert (shuffled[found.permutation] == np.arange(20)).all()


def test_values_are_those_of_the_pairs(noise, speech_like):
    speakers = np.stack([speech_like(1), speech_like(1, seed=1)])
    estimates = (speakers + 0.02 * noise(2, 16000))[::-1]
    found = permuted(partial(stoi, sample_rate=16000), speakers, estimates)
    assert found.permutation.tolist() == [1, 0]
    assert found.values[0] == stoi(speakers[0], estimates[1], 16000)


def test_what_has_no_value_has_no_say():
    assert best_permutation([[np.nan, np.nan], [3.0, 9.0]]).tolist() == [0, 1]
    assert best_permutation([[np.inf, 5.0], [60.0, -np.inf]]).tolist() in ([0, 1], [1, 0])
    assert best_permutation([[np.inf, 5.0], [60.0, 1.0]]).tolist() == [0, 1]


def test_there_may_be_more_estimates_than_references(noise):
    speaker, other = noise(2, 100)
    assert permuted(si_sdr, speaker[None], np.stack([other, 2 * speaker])).permutation.tolist() == [1]
    for references, estimates in (((2, 10), (1, 10)), ((10,), (10,))):
        with pytest.raises(SignalError, match="references have shape"):
            permuted(si_sdr, np.ones(references), np.ones(estimates))
    with pytest.raises(SignalError, match="at least as many estimates"):
        best_permutation(np.ones((2, 1)))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 10))
def test_improvement_is_the_difference(seed, level):
    speech, noise = np.random.default_rng(seed).standard_normal((2, 100))
    for measure in (snr, si_sdr, sd_sdr):
        gain = improvement(measure, speech, speech + level * noise, speech + noise)
        assert gain == measure(speech, speech + level * noise) - measure(speech, speech + noise)


def test_there_is_nothing_to_improve_where_the_mixture_is_the_reference():
    perfect, worst = Score(None, "saturated_high"), Score(None, "saturated_low")
    (metric,) = load(["snr"])
    for score in (Score(3.0), perfect, worst):
        assert improvements({"snr": score}, {"snr": perfect}, [metric])["snr_i"].status == "no_interferer"
    assert improvements({"snr": Score(3.0)}, {"snr": worst}, [metric])["snr_i"].status == "saturated_high"
    assert improvements({"snr": worst}, {"snr": Score(3.0)}, [metric])["snr_i"].status == "saturated_low"


def test_frames_as_files_have_them_are_refused_before_they_are_paired(noise):
    with pytest.raises(SignalError, match="permuted: expected signals of shape"):
        permuted(si_sdr, noise(16000, 2), noise(16000, 2))


def test_improvements_go_frame_by_frame_and_name_who_is_to_blame():
    before = framed([Score(1.0), Score(None, "silent_reference"), Score(3.0)])
    after = framed([Score(4.0), Score(9.0), Score(None, "saturated_high")])
    scores, unprocessed = ({"sdr_v4": one, "sar_v4_512": one} for one in (after, before))
    gain = improvements(scores, unprocessed, load(["bss_eval_images"]))
    assert list(gain) == ["sdr_v4_i"]
    assert gain["sdr_v4_i"].status == "saturated_high"  # half of what is known
    assert [frame.status for frame in gain["sdr_v4_i"].frames] == ["ok", "silent_reference", "saturated_high"]
