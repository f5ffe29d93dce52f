"""Energies at silence: the metrics that a silent reference has."""

from __future__ import annotations

import numpy as np
import pytest

from sepbench.metrics import load, silence
from sepbench.metrics.silence import SILENCE

RATE = 100


def published(reference, estimate, window):
    """The loops of the paper's evaluation, frames one after the other."""
    pes, eps = [], []
    for start in range(0, len(reference) // window * window, window):
        true, predicted = reference[start : start + window], estimate[start : start + window]
        if not true.any():
            pes.append(10 * np.log10(np.sum(predicted**2) + 1e-12))
        if not predicted.any():
            eps.append(10 * np.log10(np.sum(true**2) + 1e-12))
    return np.mean(pes) if pes else np.nan, np.mean(eps) if eps else np.nan


def with_pauses(signal, *seconds):
    signal = signal.copy()
    for second in seconds:
        signal[second * RATE : (second + 1) * RATE] = 0
    return signal


@pytest.mark.parametrize(
    "pauses", [((1, 3), (2, 3)), ((0,), (4,)), ((), (1,)), ((1,), ()), ((), ()), ((0, 1, 2, 3, 4), ())]
)
def test_it_is_what_the_paper_s_loops_give(noise, pauses):
    reference, estimate = (with_pauses(noise(550, seed=k), *pauses[k]) for k in range(2))
    found = silence(reference, estimate, RATE)
    np.testing.assert_allclose([float(found.pes), float(found.eps)], published(reference, estimate, RATE), atol=1e-12)


def test_a_source_that_is_silent_throughout_has_these_and_no_other_value(noise):
    named, estimates = {"a": np.zeros((1, 500))}, {"a": 0.1 * noise(1, 500)}
    found = SILENCE.score(named, estimates, RATE)["a"]
    assert found["pes"].value == pytest.approx(0.0, abs=0.5)  # a hundred samples of -20 dB
    assert found["eps"].status == "no_silence"
    others = {score.status for metric in load(["snr", "si_sdr", "lsd"]) for score in metric.score(named, estimates, RATE)["a"].values()}  # fmt: skip
    assert others == {"silent_reference"}


def test_a_silent_source_leaves_the_others_their_values(noise):
    references = {"silent": np.zeros((1, 4000)), "loud": noise(1, 4000)}
    estimates = {"silent": 0.1 * noise(1, 4000, seed=1), "loud": references["loud"] + 0.1 * noise(1, 4000, seed=2)}
    for metric in load(["snr", "si_sdr", "bss_eval_sources", "lsd", "seg_snr", "stoi"]):
        together = metric.score(references, estimates, 16000)["loud"]
        alone = metric.score({"loud": references["loud"]}, {"loud": estimates["loud"]}, 16000)["loud"]
        assert together == alone


def test_the_best_of_all_is_a_floor_of_the_definition():
    silent = {"a": np.zeros((1, 200))}
    assert SILENCE.score(silent, silent, RATE)["a"]["pes"].value == pytest.approx(-120)
    assert SILENCE.lowest <= SILENCE.score(silent, silent, RATE)["a"]["pes"].value


def test_a_whisper_below_what_squares_hold_is_not_silence():
    reference = np.full(100, 1e-200)
    assert np.isnan(silence(reference, reference, RATE).pes)


def test_a_frame_is_silent_where_all_channels_are(noise):
    reference = np.stack([np.zeros(100), noise(100)])
    found = SILENCE.score({"a": reference}, {"a": reference}, RATE)["a"]
    assert found["pes"] == (None, "no_silence", "the reference is silent for no whole second")
    assert found["eps"] == (None, "no_silence", "the estimate is silent for no whole second")


def test_less_than_a_second_is_too_short(noise):
    assert SILENCE.score({"a": noise(1, 99)}, {"a": noise(1, 99)}, RATE)["a"]["pes"].status == "too_short"


@pytest.mark.parametrize(("broken", "status"), [("reference", "metric_failed"), ("estimate", "nonfinite_estimate")])
def test_what_is_not_finite_has_no_value(noise, broken, status):
    pair = {"reference": np.zeros((1, 200)), "estimate": noise(1, 200)}
    pair[broken][0, 7] = np.inf
    found = SILENCE.score({"a": pair["reference"]}, {"a": pair["estimate"]}, RATE)["a"]
    assert {score.status for score in found.values()} == {status}
