"""Running a separator: rates, channels and delay are the runner's business."""

import numpy as np
import pytest

from sepbench.errors import SeparatorError
from sepbench.evaluate.running import run

RNG = np.random.default_rng(0)


class Copy:
    """Returns what it is given, as the separator that a test describes."""

    def __init__(self, sample_rate=16000, channels=None, latency_samples=0, targets=("speech",)):
        self.sample_rate, self.channels, self.targets = sample_rate, channels, targets
        self.latency_samples = latency_samples
        self.seen = []

    def separate(self, mixture, **keywords):
        self.seen.append((mixture.shape, keywords))
        delayed = np.roll(mixture, self.latency_samples, axis=1)
        return {name: delayed.copy() for name in self.targets or keywords["targets"]}


def band_limited(frames, rate, channels=1):
    """Tones that survive any resampling in these tests."""
    time = np.arange(frames) / rate
    return np.stack([np.sin(2 * np.pi * (300 + 200 * c) * time) for c in range(channels)]).astype(np.float32) * 0.3


@pytest.mark.parametrize("frames", [16000, 16001, 15999, 777])
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_a_separator_at_another_rate_gets_its_rate_and_the_mixture_its_length(frames, rate):
    separator = Copy(sample_rate=rate)
    mixture = band_limited(frames, 16000)
    estimate = run(separator, mixture, 16000, ("speech",)).estimates["speech"]
    assert separator.seen[0][0][1] == pytest.approx(frames * rate / 16000, abs=1)
    assert estimate.shape == mixture.shape
    inner = slice(frames // 4, -frames // 4)  # the ends ring
    assert np.abs(estimate - mixture)[:, inner].max() < 3e-3


def test_a_separator_for_one_channel_sees_each_by_itself():
    separator = Copy(channels=1)
    mixture = RNG.normal(size=(2, 1000)).astype(np.float32)
    assert np.array_equal(run(separator, mixture, 16000, ("speech",)).estimates["speech"], mixture)
    assert [shape for shape, _ in separator.seen] == [(1, 1000), (1, 1000)]


def test_a_separator_for_two_channels_sees_a_mono_mixture_twice():
    separator = Copy(channels=2)
    mixture = RNG.normal(size=(1, 1000)).astype(np.float32)
    assert np.allclose(run(separator, mixture, 16000, ("speech",)).estimates["speech"], mixture)
    assert separator.seen[0][0] == (2, 1000)


def test_a_declared_delay_is_taken_out():
    mixture = RNG.normal(size=(1, 1000)).astype(np.float32)
    mixture[:, -40:] = 0
    estimate = run(Copy(latency_samples=40), mixture, 16000, ("speech",)).estimates["speech"]
    assert np.array_equal(estimate[:, :960], mixture[:, :960])


def test_rate_and_targets_are_told_to_a_separator_that_takes_any():
    separator = Copy(sample_rate=None, targets=None)
    found = run(separator, RNG.normal(size=(1, 100)).astype(np.float32), 22050, ("vocals", "rest"))
    assert set(found.estimates) == {"vocals", "rest"}
    assert separator.seen[0][1] == {"sample_rate": 22050, "targets": ("vocals", "rest")}


def test_references_are_shown_to_oracles_alone():
    mixture = RNG.normal(size=(1, 100)).astype(np.float32)
    honest, oracle = Copy(), Copy()
    oracle.needs_references = True
    for separator in (honest, oracle):
        run(separator, mixture, 16000, ("speech",), {"speech": mixture})
    assert "references" not in honest.seen[0][1]
    assert np.array_equal(oracle.seen[0][1]["references"]["speech"], mixture)


def test_what_a_separator_raises_is_told_with_its_name():
    class Fails(Copy):
        def separate(self, mixture):
            raise RuntimeError("out of luck")

    with pytest.raises(SeparatorError, match="Fails: raised RuntimeError: out of luck"):
        run(Fails(), np.zeros((1, 100), np.float32), 16000, ("speech",))
