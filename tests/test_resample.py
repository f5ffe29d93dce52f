"""The exact resampler: its arithmetic, its coefficients, its quality."""

import hashlib
import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import upfirdn

from sepbench.errors import AudioError, ExactnessError, SignalError, UsageError
from sepbench.resample import (
    COEFFICIENT_BITS,
    _exact_coefficient,
    _plan,
    _product,
    coefficients,
    needed_input,
    resample,
    resample_part,
    resampled_frames,
)

RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
PAIRS = list(itertools.permutations(RATES, 2))
FROZEN = "b6ff45b3d459c2db2cc7d509f7737ab1df333dc1954c6d6728ef083ad85f6f47"


def ratio(pair):
    common = np.gcd(*pair)
    return int(pair[1] // common), int(pair[0] // common)


def by_definition(signal, up, down, frames):
    """Sum coefficient times sample in Python integers."""
    taps = [int(tap) for tap in coefficients(up, down)]
    half = len(taps) // 2
    result = []
    for k in range(frames):
        total = 0
        for n, sample in enumerate(signal):
            at = k * down - n * up + half
            if 0 <= at < len(taps):
                total += taps[at] * int(sample)
        quotient, rest = divmod(total, 2**COEFFICIENT_BITS)
        half_step = 2 ** (COEFFICIENT_BITS - 1)
        result.append(quotient + (rest > half_step or (rest == half_step and quotient % 2 == 1)))
    return result


@pytest.mark.parametrize("pair", [(48000, 16000), (16000, 48000), (44100, 16000), (16000, 22050), (96000, 8000)])
def test_it_equals_the_sum_in_python_integers(pair):
    signal = np.random.default_rng(0).integers(-(2**23), 2**23, (2, 150)).astype(np.int32)
    up, down = ratio(pair)
    found = resample(signal, *pair)
    assert found.dtype == np.int32
    for channel in range(2):
        assert found[channel].tolist() == by_definition(signal[channel], up, down, found.shape[1])


def by_upfirdn(signal, from_rate, to_rate):
    """Resample with scipy's polyphase loop: another order of the same sums."""
    up, down = ratio((from_rate, to_rate))
    taps = coefficients(up, down)
    half = len(taps) // 2
    lead = -half % down  # puts the centre of the filter on an output sample
    sums = upfirdn(np.concatenate([np.zeros(lead), taps]), signal.astype(np.float64), up, down, axis=1)
    frames = resampled_frames(signal.shape[1], from_rate, to_rate)
    found = np.rint(sums[:, (half + lead) // down :][:, :frames] * 2.0**-COEFFICIENT_BITS).astype(np.int32)
    return np.pad(found, ((0, 0), (0, frames - found.shape[1])))


# the usual pairs, ratios of small and of large numbers, and those that make the longest filters and matrices
any_pair = st.one_of(
    st.sampled_from(PAIRS),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(1, 600), st.integers(1, 600)),
    st.sampled_from([(11025, 48000), (4095, 4096), (1, 4096), (4096, 3)]),
).filter(lambda pair: pair[0] != pair[1])


def noise(channels, frames, *, seed=0):
    return np.random.default_rng(seed).integers(-(2**23), 2**23, (channels, frames)).astype(np.int32)


@settings(max_examples=150)
@given(any_pair, st.integers(1, 3000), st.integers(1, 2))
def test_matrix_products_give_what_a_polyphase_loop_gives(pair, frames, channels):
    signal = noise(channels, min(frames, max(1, 300_000 * pair[0] // pair[1])), seed=frames)
    assert np.array_equal(resample(signal, *pair), by_upfirdn(signal, *pair))


@settings(max_examples=150)
@given(any_pair, st.integers(1, 20_000), st.data())
def test_a_part_is_the_cut_of_the_whole(pair, frames, data):
    signal = noise(1, min(frames, max(1, 100_000 * pair[0] // pair[1])), seed=frames)
    whole = resample(signal, *pair)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, whole.shape[1])] * 2)))
    first, last = needed_input(start, stop, *pair, signal.shape[1])
    part = resample_part(signal[:, first:last], *pair, start=start, stop=stop, frames=signal.shape[1])
    assert np.array_equal(part, whole[:, start:stop])


def test_a_part_at_the_same_rate_is_a_cut():
    assert needed_input(3, 7, 16000, 16000, 10) == (3, 7)
    signal = noise(2, 4)
    assert resample_part(signal, 16000, 16000, start=3, stop=7, frames=10) is signal


def test_a_part_needs_little_more_than_its_own_length():
    first, last = needed_input(160_000, 224_000, 44100, 16000, 10**9)  # four seconds of a recording of hours
    assert last - first == 4 * 44100 + 196


def test_a_part_beyond_the_end_is_refused():
    with pytest.raises(UsageError, match="no samples from 5 to 17 at 16000 Hz"):
        needed_input(5, 17, 8000, 16000, 8)


def test_a_part_of_the_wrong_input_is_refused():
    with pytest.raises(SignalError, match="expected the samples from 0 to 41, got 40"):
        resample_part(noise(1, 40), 8000, 16000, start=0, stop=9, frames=1000)


def test_long_recordings_need_no_more_than_their_own_memory():
    signal = noise(1, 44100 * 120)
    resample(signal[:, :1000], 44100, 16000)
    tracemalloc.start()
    found = resample(signal, 44100, 16000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < found.nbytes + (8 << 20)


def test_a_library_that_sums_wrongly_is_found_out():
    (block,) = _plan(1, 2).blocks
    windows = np.ones((5, len(block.matrix)))
    assert np.array_equal(_product(windows, block), np.tile(block.matrix.sum(axis=0), (5, 1)))
    wrong = block.matrix.copy()
    wrong[7, 3] += 1
    with pytest.raises(ExactnessError, match="wrong sums"):
        _product(windows, block._replace(matrix=wrong))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(PAIRS), st.integers(1, 400))
def test_the_length_is_the_ceiling_of_the_ratio(pair, frames):
    found = resample(np.ones((1, frames), np.int32), *pair)
    assert found.shape == (1, resampled_frames(frames, *pair)) == (1, -(-frames * pair[1] // pair[0]))


@pytest.mark.parametrize("pair", PAIRS)
def test_the_filter_is_flat_below_and_silent_above(pair):
    up, down = ratio(pair)
    taps = coefficients(up, down) / 2.0**COEFFICIENT_BITS / up
    spectrum = np.abs(np.fft.rfft(taps, 1 << int(np.ceil(np.log2(len(taps) * 16)))))
    of_lower_nyquist = np.linspace(0, 1, len(spectrum)) * max(up, down)
    passed, stopped = spectrum[of_lower_nyquist <= 0.9], spectrum[of_lower_nyquist >= 1.1]
    assert np.abs(20 * np.log10(passed)).max() < 0.0002  # the project asks for 0.01
    assert 20 * np.log10(stopped.max()) < -107  # the project asks for 96


def tone(rate, frequency):
    """One second at -1 dBFS."""
    phase = 2 * np.pi * frequency / rate * np.arange(rate)
    return np.rint(0.89 * 2**23 * np.sin(phase + 0.3)).astype(np.int32)[None]


def in_and_beside(signal, rate, frequency):
    """Give a tone in a signal, whose ends are left out, and all that is beside it, in dB relative to `tone`."""
    middle = signal[0, len(signal[0]) // 10 : -(len(signal[0]) // 10)] / (0.89 * 2**23)
    phase = 2 * np.pi * frequency / rate * np.arange(len(middle))
    basis = np.stack([np.cos(phase), np.sin(phase)], axis=1)
    weights = np.linalg.lstsq(basis, middle, rcond=None)[0]
    rest = np.sqrt(2 * np.mean((middle - basis @ weights) ** 2))
    return 20 * np.log10(np.hypot(*weights)), 20 * np.log10(rest)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("place", [0.11, 0.5, 0.9])
def test_a_tone_in_the_band_comes_out_at_its_level_without_images(pair, place):
    frequency = place * min(pair) / 2
    level_db, rest_db = in_and_beside(resample(tone(pair[0], frequency), *pair), pair[1], frequency)
    assert abs(level_db) < 0.0002
    assert rest_db < -107


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[0] * 0.45 > pair[1] * 0.55])
@pytest.mark.parametrize("place", [1.1, 1.37])
def test_a_tone_above_the_band_leaves_no_alias(pair, place):
    frequency = min(place * pair[1] / 2, 0.45 * pair[0])
    level_db, rest_db = in_and_beside(resample(tone(pair[0], frequency), *pair), pair[1], abs(pair[1] - frequency))
    assert max(level_db, rest_db) < -107


@pytest.mark.parametrize("pair", [(44100, 16000), (16000, 44100), (96000, 22050)])
def test_coefficients_are_the_rounded_real_values(pair):
    up, down = ratio(pair)
    taps = coefficients(up, down)
    half = len(taps) // 2
    for k in np.random.default_rng(1).integers(0, half + 1, 100):
        assert taps[half + k] == taps[half - k] == _exact_coefficient(int(k), up, max(up, down))


def test_coefficients_never_change():
    found = {pair: coefficients(*ratio(pair)).astype("<i8").tobytes() for pair in PAIRS}
    digest = hashlib.sha256(b"".join(found[pair] for pair in PAIRS)).hexdigest()
    assert digest == FROZEN


def test_there_is_no_delay():
    click = np.zeros((1, 4410), np.int32)
    click[0, 2205] = 2**23 - 1
    assert np.abs(resample(click, 44100, 16000)).argmax() == 800


def test_the_same_rate_changes_nothing():
    signal = np.arange(10, dtype=np.int32).reshape(1, 10)
    assert resample(signal, 16000, 16000) is signal


def test_an_odd_ratio_is_refused_with_the_remedy():
    with pytest.raises(UsageError, match=r"44101 : 16000|16000 : 44101"):
        resample(np.ones((1, 10), np.int32), 44101, 16000)


def test_what_leaves_the_exact_range_is_refused():
    with pytest.raises(AudioError, match="overshoots"):
        resample(np.where(np.arange(400) % 8 < 4, 1, -1)[None].astype(np.int32) * (2**25 - 1), 16000, 44100)
