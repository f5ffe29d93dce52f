"""The DNS mixer misses its ratio by what its definition says, and is that script's arithmetic to the last bit."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sepbench.errors import SignalError
from sepbench.renderings import Heard, load

RATE = 16000


def heard(clean_rms=0.1, noise_rms=0.02, seconds=0.75):
    draws = np.random.default_rng(1)
    clean = draws.standard_normal((1, int(RATE * seconds))) * np.hanning(int(RATE * seconds)) * clean_rms
    noise = draws.uniform(-1, 1, clean.shape) * noise_rms
    return [Heard("speech", "target", clean), Heard("noise", "noise", noise)]


def row(sources, snr_db=5, level_db=-25):
    return {"channels": 1, "frames": sources[0].samples.shape[1], "bits": 16, "sample_rate": RATE,
            "snr_mdb": 1000 * snr_db, "level_mdbfs": 1000 * level_db}  # fmt: skip


def delivered_db(made):
    speech, noise = (np.square(made.stems[name].astype(float)).sum() for name in ("speech", "noise"))
    return 10 * np.log10(speech / noise)


def by_audiolib(clean, noise, snr, level, path):
    """Do what `segmental_snr_mixer` of audiolib.py does, and write each signal as it is written there."""
    eps = np.finfo(float).eps
    clean, noise = clean / (max(abs(clean)) + eps), noise / (max(abs(noise)) + eps)
    rms_clean, rms_noise = ((one**2).mean() ** 0.5 for one in (clean, noise))  # all windows count: none is below -50
    clean = clean * (10 ** (-25 / 20) / (rms_clean + eps))
    noise = noise * (10 ** (-25 / 20) / (rms_noise + eps))
    noise = noise * (rms_clean / (10 ** (snr / 20)) / (rms_noise + eps))
    noisy = clean + noise
    scale = 10 ** (level / 20) / ((noisy**2).mean() ** 0.5 + eps)
    noisy, clean, noise = noisy * scale, clean * scale, noise * scale
    if any(abs(noisy) > 0.99):
        peak = max(abs(noisy)) / (0.99 - eps)
        noisy, clean, noise = noisy / peak, clean / peak, noise / peak
    written = []
    for signal in (clean, noise, noisy):
        soundfile.write(path, signal, RATE)
        written.append(soundfile.read(path, dtype="int16")[0])
    return written


@pytest.mark.parametrize(("snr_db", "level_db"), [(5, -25), (-5, -35), (19, -16), (0, -2)])
def test_it_is_the_script_sample_by_sample(tmp_path, snr_db, level_db):
    sources = heard()
    made = load("dns-master").make(row(sources, snr_db, level_db), sources, {})
    expected = by_audiolib(*(one.samples[0] for one in sources), snr_db, level_db, tmp_path / "one.wav")
    for found, wanted in zip((*made.stems.values(), made.mixture), expected, strict=True):
        np.testing.assert_array_equal(found[0], wanted)


@given(snr_db=st.integers(-5, 19), share=st.floats(0.05, 0.9))
def test_the_ratio_is_wrong_by_the_difference_of_crest_factors(snr_db, share):
    """After peak normalisation the noise has one level, the speech another: the second time they are divided is one too many."""
    sources = heard(clean_rms=share)
    rms = [np.sqrt(np.square(one.samples / np.abs(one.samples).max()).mean()) for one in sources]
    made = load("dns-master").make(row(sources, snr_db, -30), sources, {})
    assert delivered_db(made) == pytest.approx(
        snr_db - 20 * np.log10(rms[0] / rms[1]), abs=0.2
    )  # 16 bits, rounded down


def test_without_a_ratio_or_a_noise_there_is_no_mixture():
    sources = heard()
    for wrong in ({"snr_mdb": None}, {"level_mdbfs": None}):
        with pytest.raises(SignalError, match="needs a target, a noise, a ratio and a level"):
            load("dns-master").make(row(sources) | wrong, sources, {})
    with pytest.raises(SignalError, match="needs a target, a noise"):
        load("dns-master").make(row(sources), sources[:1], {})
