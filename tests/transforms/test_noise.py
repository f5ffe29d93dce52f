"""Noise at exactly its ratio or level, white, gaussian, from words that never change."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.errors import SilentSignalError
from sepbench.transforms.keyed import normals, order, words
from sepbench.transforms.noise import gaussian_noise, noise_floor

SEEDS = st.integers(0, 2**63 - 1)
M0, M1, W0, W1 = 0xD2E7470EE14C6C93, 0xCA5A826395121157, 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
MASK = (1 << 64) - 1


def philox(key, count):
    """Philox4x64-10 as its paper has it; numpy counts before it makes a block, so the first counter is 1."""
    found = []
    for block in range(1, -(-count // 4) + 1):
        c, k0, k1 = [block, 0, 0, 0], key & MASK, key >> 64
        for _ in range(10):
            high0, low0 = divmod(M0 * c[0], 1 << 64)
            high1, low1 = divmod(M1 * c[2], 1 << 64)
            c = [high1 ^ c[1] ^ k0, low1, high0 ^ c[3] ^ k1, low0]
            k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
        found += c
    return found[:count]


@given(seed=SEEDS, stream=st.integers(0, 3))
def test_the_words_are_those_of_philox(seed, stream):
    assert words(seed, 9, stream=stream).tolist() == philox(seed + (stream << 64), 9)


def test_the_words_are_frozen():
    digest = hashlib.sha256(words(20240501, 100_000).astype("<u8").tobytes()).hexdigest()
    assert digest == "7ab92a22d532811d0962149c23b01d1acc0a1cdaf6ea75336da4f5bb34d68461"


@given(seed=SEEDS, count=st.integers(1, 300))
def test_few_are_the_first_of_many(seed, count):
    np.testing.assert_array_equal(normals(seed, count), normals(seed, 300)[:count])


@given(seed=SEEDS, count=st.integers(0, 200))
def test_an_order_has_each_number_once(seed, count):
    assert sorted(order(seed, count).tolist()) == list(range(count))


def test_normals_are_normal():
    from scipy.stats import kstest

    drawn = normals(99, 200_000)
    assert kstest(drawn, "norm").pvalue > 1e-3
    assert np.abs(drawn).max() < 8.3  # of 53 bits no quantile lies further out


def test_noise_is_white_and_independent_between_channels():
    noise = noise_floor(np.zeros((2, 100_000)), 16000, seed=4, level_dbfs=-20.0)
    powers = np.square(np.abs(np.fft.rfft(noise[0])))[1:50001].reshape(20, 2500).mean(axis=1)  # of 20 bands
    assert abs(np.corrcoef(*noise)[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[0, 1:], noise[0, :-1])[0, 1]) < 0.02
    assert np.abs(powers / powers.mean() - 1).max() < 0.1  # five standard deviations of 2,500 exponential numbers


@given(seed=SEEDS, snr_db=st.floats(-60, 90), channels=st.integers(1, 2), frames=st.integers(1, 400))
def test_the_ratio_is_the_one_asked_for(seed, snr_db, channels, frames):
    samples = np.random.default_rng(0).standard_normal((channels, frames))
    noise = gaussian_noise(samples, 16000, seed=seed, snr_db=snr_db) - samples
    # at 90 dB the difference of the sums has 11 digits left of 16
    achieved = 10 * np.log10(np.square(samples).sum() / np.square(noise).sum())
    assert achieved == pytest.approx(snr_db, abs=1e-6)


@given(seed=SEEDS, level_dbfs=st.floats(-100, 0), frames=st.integers(1, 400))
def test_the_level_is_the_one_asked_for(seed, level_dbfs, frames):
    noise = noise_floor(np.zeros((1, frames)), 16000, seed=seed, level_dbfs=level_dbfs)
    assert 10 * np.log10(np.square(noise).mean()) == pytest.approx(level_dbfs, abs=1e-9)


def test_silence_has_no_ratio_to_noise():
    with pytest.raises(SilentSignalError, match="no noise has a ratio to a silent signal"):
        gaussian_noise(np.zeros((1, 10)), 16000, seed=1, snr_db=10.0)


def test_another_seed_is_another_noise():
    noises = [noise_floor(np.zeros((1, 20000)), 16000, seed=seed, level_dbfs=0.0)[0] for seed in (1, 2)]
    assert abs(np.corrcoef(*noises)[0, 1]) < 0.05
