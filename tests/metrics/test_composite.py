"""CSIG, CBAK and COVL: their parts against the book's own loops, their sum by hand, and their edges."""

from __future__ import annotations

import sys

import loizou
import numpy as np
import pytest

from sepbench.errors import MissingExtraError, SignalError
from sepbench.metrics import composite, llr, pesq_wb, seg_snr, wss
from sepbench.metrics.composite import COMPOSITE
from sepbench.metrics.pesq import PESQ_WB

IDS = ("csig_wb", "cbak_wb", "covl_wb")


@pytest.fixture
def pair(speech_like, noise):
    speech = speech_like(1.2) + 1e-3 * noise(19200, seed=2)
    return speech, speech + 0.02 * noise(19200, seed=1)


def score(reference, estimate, sample_rate=16000):
    return COMPOSITE.score({"a": reference[None]}, {"a": estimate[None]}, sample_rate)["a"]


def test_the_parts_are_what_the_book_has_frame_by_frame(pair):
    assert float(llr(*pair, 16000)) == pytest.approx(loizou.llr(*pair, 16000), rel=1e-8)
    assert float(wss(*pair, 16000)) == pytest.approx(loizou.wss(*pair, 16000), rel=1e-9)
    narrow = pair[0][:8000], pair[1][:8000]
    assert float(llr(*narrow, 8000)) == pytest.approx(loizou.llr(*narrow, 8000, order=10), rel=1e-8)
    assert float(wss(*narrow, 8000)) == pytest.approx(loizou.wss(*narrow, 8000), rel=1e-9)


@pytest.mark.parametrize("estimate", ["smooth", "rough", "reversed"])
def test_the_parts_are_the_book_s_for_very_different_spectra(pair, noise, estimate):
    reference, _ = pair
    other = {
        "smooth": np.convolve(reference, np.hanning(31), "same") + 1e-6 * noise(len(reference)),
        "rough": np.diff(reference, prepend=0.0),
        "reversed": reference[::-1].copy(),
    }[estimate]
    assert float(llr(reference, other, 16000)) == pytest.approx(loizou.llr(reference, other, 16000), rel=1e-6)
    assert float(wss(reference, other, 16000)) == pytest.approx(loizou.wss(reference, other, 16000), rel=1e-8)


def test_the_whole_is_the_paper_s_sum_of_the_parts(pair):
    pytest.importorskip("pesq")
    found = composite(*pair, 16000)
    pesq, snr = float(pesq_wb(*pair, 16000)), float(seg_snr(*pair, 16000))
    parts = float(llr(*pair, 16000)), float(wss(*pair, 16000))
    assert float(found.csig) == pytest.approx(3.093 - 1.029 * parts[0] + 0.603 * pesq - 0.009 * parts[1])
    assert float(found.cbak) == pytest.approx(1.634 + 0.478 * pesq - 0.007 * parts[1] + 0.063 * snr)
    assert float(found.covl) == pytest.approx(1.594 + 0.805 * pesq - 0.512 * parts[0] - 0.007 * parts[1])
    assert [score(*pair)[name].value for name in IDS] == [float(value) for value in found]


def test_all_are_within_one_and_five(pair):
    pytest.importorskip("pesq")
    reference, _ = pair
    assert [float(value) for value in composite(reference, reference, 16000)] == [5.0, 5.0, 5.0]
    tone = np.sin(2 * np.pi * 200 * np.arange(len(reference)) / 16000)
    assert [float(value) for value in composite(reference, tone, 16000)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("gain", [1e-8, -1.0, 1e6])
def test_llr_and_wss_do_not_hear_a_gain(pair, gain):
    assert float(llr(pair[0], gain * pair[1], 16000)) == pytest.approx(float(llr(*pair, 16000)), rel=1e-6)
    assert float(wss(pair[0], gain * pair[1], 16000)) == pytest.approx(float(wss(*pair, 16000)), rel=1e-6)


def test_frames_of_a_silent_reference_say_nothing_of_llr_and_wss(pair, noise):
    reference = np.concatenate([pair[0], np.zeros(9600)])
    with_noise = np.concatenate([pair[0], noise(9600)])
    frames = len(loizou.frames(reference, 16000))
    # the few frames that hold a bit of both differ, and are trimmed away
    assert float(llr(reference, with_noise, 16000)) < 1e-6
    assert float(wss(reference, with_noise, 16000)) < 1e-6
    assert frames > 100


def test_a_silent_frame_of_the_estimate_is_flat_and_costs(pair):
    reference, _ = pair
    muted = reference * (np.arange(len(reference)) % 9600 < 4800)
    assert float(llr(reference, muted, 16000)) > 0.1
    assert float(wss(reference, muted, 16000)) > 1


def test_a_silent_reference_has_no_value(pair):
    assert np.isnan(llr(0 * pair[0], pair[1], 16000))
    assert np.isnan(wss(0 * pair[0], pair[1], 16000))
    assert {one.status for one in score(0 * pair[0], pair[1]).values()} == {"silent_reference"}


def test_pesq_is_computed_once_for_both_metrics(pair, monkeypatch):
    pesq = pytest.importorskip("pesq")
    calls, whole = [], pesq.pesq
    monkeypatch.setattr(pesq, "pesq", lambda *arguments: calls.append(1) or whole(*arguments))
    fresh = {"a": (pair[0] * 0.987)[None]}, {"a": pair[1][None]}
    COMPOSITE.score(*fresh, 16000)
    PESQ_WB.score(*fresh, 16000)
    assert len(calls) == 1


def test_what_pesq_can_not_score_has_its_status(pair):
    pytest.importorskip("pesq")
    short = score(pair[0][:3000], pair[1][:3000])
    assert {one.status for one in short.values()} == {"too_short"}


def test_without_the_package_the_reason_names_it(pair, monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)
    assert set(score(*pair).values()) == {(None, "not_installed", "pesq: not installed")}
    with pytest.raises(MissingExtraError, match="pesq"):
        composite(*pair, 16000)


def test_other_rates_are_resampled_by_the_scorer_and_refused_by_the_function(pair):
    pytest.importorskip("pesq")
    assert list(score(*pair, 48000)) == [f"{name}:from-48000" for name in IDS]
    with pytest.raises(SignalError, match="expected a sample rate of 16000, got 8000"):
        composite(*pair, 8000)
    with pytest.raises(SignalError, match="at least 8000 Hz, got 4000"):
        llr(*pair, 4000)
