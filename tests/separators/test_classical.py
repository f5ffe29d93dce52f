from __future__ import annotations

import numpy as np
import pytest

from sepbench.errors import UsageError
from sepbench.metrics import si_sdr, snr
from sepbench.separators.classical import Hpss, SpectralGate


def voice(seconds: float, sample_rate: int, seed: int = 0) -> np.ndarray:
    """Make something that behaves like a voice: harmonics that glide, in syllables with pauses."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    pitch = 180 * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * time + seed))
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 15))
    return 0.1 * tone * np.clip(np.sin(2 * np.pi * 2.5 * time), 0, None)


def at_snr(signal, noise, snr_db):
    return signal + noise * np.sqrt((signal**2).sum() / (noise**2).sum() / 10 ** (snr_db / 10))


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
@pytest.mark.parametrize("colour", ["white", "brown"])
def test_the_gate_takes_steady_noise_out(sample_rate, colour):
    speech = voice(3, sample_rate)
    noise = np.random.default_rng(1).standard_normal(len(speech))
    if colour == "brown":
        noise = np.convolve(noise, 0.9 ** np.arange(200), mode="same")
    mixture = at_snr(speech, noise, 5)[None].astype(np.float32)
    estimate = SpectralGate().separate(mixture, sample_rate=sample_rate)["speech"]
    assert si_sdr(speech, estimate[0]) > si_sdr(speech, mixture[0]) + 3
    assert snr(speech, estimate[0]) > snr(speech, mixture[0]) + 3


def test_the_gate_does_clean_speech_little_harm():
    """On ten utterances of LibriSpeech 17 dB and more are left; this voice rests less in each of its bands."""
    speech = voice(3, 16000)[None].astype(np.float32)
    assert si_sdr(speech, SpectralGate().separate(speech, sample_rate=16000)["speech"])[0] > 12


def test_the_gate_never_takes_more_than_its_floor():
    noise = np.random.default_rng(2).standard_normal((1, 16000)).astype(np.float32)
    found = SpectralGate(floor_db=-12).separate(noise, sample_rate=16000)["speech"]
    # each transform value is at least a quarter of what it was; overlap and add may take a little more
    assert -12.5 < 10 * np.log10(np.square(found).sum() / np.square(noise).sum()) < -6


def test_the_noise_floor_of_gaussian_noise_is_its_power():
    power = np.random.default_rng(3).exponential(2.5, (1, 4, 100_000))
    for quantile in (0.1, 0.5):
        floor = SpectralGate(quantile=quantile)._noise(power)
        np.testing.assert_allclose(floor, 2.5, rtol=0.03)  # 100,000 draws: some 1 % at the tenth


def test_digital_silence_is_not_taken_for_the_noise_floor():
    noisy = np.random.default_rng(4).standard_normal(16000)
    padded = np.concatenate([np.zeros(16000), noisy])[None].astype(np.float32)
    found = SpectralGate().separate(padded, sample_rate=16000)["speech"]
    assert snr(padded[0], found[0]) < 3  # the noise is attenuated, though half of all frames are zeros


def test_channels_have_noise_floors_of_their_own():
    loud, quiet = np.random.default_rng(5).standard_normal((2, 16000)).astype(np.float32)
    stereo = np.stack([loud, 0.01 * quiet])
    found = SpectralGate().separate(stereo, sample_rate=16000)["speech"]
    np.testing.assert_array_equal(found[1:], SpectralGate().separate(stereo[1:], sample_rate=16000)["speech"])


def test_the_gate_hears_no_level():
    mixture = at_snr(voice(1, 16000), np.random.default_rng(6).standard_normal(16000), 5)[None].astype(np.float32)
    loud = SpectralGate().separate(mixture, sample_rate=16000)["speech"]
    quiet = SpectralGate().separate(np.float32(2**-20) * mixture, sample_rate=16000)["speech"]
    np.testing.assert_allclose(2.0**20 * quiet, loud, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"quantile": 0}, {"quantile": 1}, {"smoothing": 1}, {"smoothing": -0.1}, {"floor_db": 3}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UsageError, match="SpectralGate: got"):
        SpectralGate(**options)


def test_the_two_estimates_of_hpss_add_up_to_the_mixture():
    mixture = np.random.default_rng(7).standard_normal((2, 9000)).astype(np.float32)
    found = Hpss().separate(mixture, sample_rate=16000)
    np.testing.assert_allclose(found["vocals"] + found["accompaniment"], mixture, atol=1e-6)  # one float32 rounding


def test_a_gliding_voice_goes_to_the_first_target_and_steady_tones_and_clicks_to_the_second():
    rate = 16000
    singing = voice(4, rate)
    time = np.arange(len(singing)) / rate
    chord = 0.1 * sum(np.sin(2 * np.pi * f * time) for f in (250.0, 620.0, 1510.0))
    clicks = 0.8 * (np.arange(len(time)) % 4000 < 3)
    backing = chord + clicks
    mixture = (singing + backing)[None].astype(np.float32)
    found = Hpss().separate(mixture, sample_rate=rate)
    assert si_sdr(singing, found["vocals"][0]) > si_sdr(singing, mixture[0]) + 3
    assert si_sdr(backing, found["accompaniment"][0]) > si_sdr(backing, mixture[0]) + 1


def test_targets_are_named_by_an_option():
    assert Hpss(targets="lead, rest").targets == ("lead", "rest")


@pytest.mark.parametrize("options", [{"targets": "vocals"}, {"targets": "a,b,c"}, {"targets": "a,a"}, {"kernel": 0}])
def test_unusable_options_of_hpss_are_refused(options):
    with pytest.raises(UsageError, match="Hpss: expected"):
        Hpss(**options)
