"""Segmental SNR: limits, silence, and the book's own loops."""

from __future__ import annotations

import loizou
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.errors import SignalError
from sepbench.metrics import fw_seg_snr, seg_snr
from sepbench.metrics.segmental import FW_SEG_SNR, SEG_SNR


@pytest.fixture
def pair(speech_like, noise):
    speech = speech_like(1.0) + 1e-3 * noise(16000, seed=2)
    return speech, speech + 0.03 * noise(16000, seed=1)


def score(metric, reference, estimate, sample_rate=16000):
    (found,) = metric.score({"a": reference[None]}, {"a": estimate[None]}, sample_rate)["a"].values()
    return found


@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 44100])
def test_it_is_what_the_book_has_frame_by_frame(pair, sample_rate):
    assert float(seg_snr(*pair, sample_rate)) == pytest.approx(loizou.segmental(*pair, sample_rate), abs=1e-9)
    weighted = loizou.weighted_segmental(*pair, sample_rate)
    assert float(fw_seg_snr(*pair, sample_rate)) == pytest.approx(weighted, abs=1e-9)


@given(st.floats(-40, 60))
def test_white_noise_at_any_snr_has_that_snr_within_the_limits(snr_db):
    reference = np.tile(
        np.random.default_rng(0).standard_normal(60), 40
    )  # periodic with the hop, so all frames are alike
    estimate = reference * (1 + 10 ** (-snr_db / 20))
    assert float(seg_snr(reference, estimate, 8000)) == pytest.approx(np.clip(snr_db, -10, 35), abs=1e-6)


@pytest.mark.parametrize("gain", [1e-8, 1e6])
def test_the_level_of_both_changes_nothing(pair, gain):
    for measure in (seg_snr, fw_seg_snr):
        assert float(measure(gain * pair[0], gain * pair[1], 16000)) == pytest.approx(
            float(measure(*pair, 16000)), abs=1e-6
        )


def test_the_plain_one_hears_gain_and_polarity_and_the_weighted_one_does_not(pair):
    reference, _ = pair
    assert float(seg_snr(reference, -reference, 16000)) == pytest.approx(-20 * np.log10(2), abs=1e-9)
    assert float(fw_seg_snr(reference, -0.1 * reference, 16000)) == pytest.approx(35)


def test_frames_of_digital_silence_in_both_are_left_out(pair):
    reference, estimate = (np.concatenate([signal, np.zeros(16000)]) for signal in pair)
    frames = len(loizou.frames(pair[0], 16000))
    assert abs(float(seg_snr(reference, estimate, 16000)) - float(seg_snr(*pair, 16000))) < 35 * 5 / frames
    assert float(seg_snr(reference, reference, 16000)) == 35.0
    assert float(fw_seg_snr(reference, reference, 16000)) == 35.0


def test_false_output_in_a_silent_frame_costs_as_much_as_a_frame_can(noise):
    reference, estimate = np.zeros(8000), noise(8000)
    reference[:4000] = estimate[:4000]
    assert -10 < float(seg_snr(reference, estimate, 8000)) < 35
    assert float(seg_snr(np.zeros(8000), estimate, 8000)) == -10.0


@pytest.mark.parametrize("metric", [SEG_SNR, FW_SEG_SNR])
def test_less_than_two_frames_is_too_short(metric, noise):
    assert score(metric, noise(599), noise(599)).status == "too_short"
    assert score(metric, noise(600), noise(600, seed=1)).status == "ok"


def test_a_rate_without_the_upper_bands_is_out_of_range(noise):
    assert score(FW_SEG_SNR, noise(4000), noise(4000), 4000) == (None, "out_of_range", "4000 Hz, less than 8000")
    with pytest.raises(SignalError, match="at least 8000 Hz, got 4000"):
        fw_seg_snr(noise(4000), noise(4000), 4000)


@pytest.mark.parametrize("measure", [seg_snr, fw_seg_snr])
def test_what_is_not_finite_is_nan_and_never_left_out(pair, measure):
    reference, estimate = pair
    estimate[500] = np.nan
    assert np.isnan(measure(reference, estimate, 16000))


def test_a_long_recording_is_the_mean_of_its_frames(pair):
    """It goes through in pieces of some thousand frames."""
    reference, estimate = (np.tile(signal, 20) for signal in pair)
    assert float(seg_snr(reference, estimate, 16000)) == pytest.approx(
        loizou.segmental(reference, estimate, 16000), abs=1e-9
    )


@pytest.mark.parametrize("sample_rate", [0, -8000, 16000.5])
def test_a_rate_that_is_none_is_refused(noise, sample_rate):
    with pytest.raises(SignalError, match="sample rate"):
        seg_snr(noise(100), noise(100), sample_rate)
