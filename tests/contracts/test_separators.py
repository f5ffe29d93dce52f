"""What holds for every registered separator and every baseline on the shelf."""

from __future__ import annotations

import numpy as np
import pytest

from sepbench import shelf
from sepbench.separators import build, checked, described

NAMES = [*shelf.names("separators"), *shelf.names("baselines")]
TARGETS = ("speech", "noise")


@pytest.fixture(scope="module", params=NAMES)
def separator(request):
    return build(request.param)


def sources(channels: int, frames: int) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(frames)
    speech, noise = 0.2 * draws.standard_normal((2, channels, frames))
    return {"speech": (speech * (np.arange(frames) % 800 < 500)).astype(np.float32), "noise": noise.astype(np.float32)}


def run(separator, mixture, references):
    before = mixture.copy()
    rate = separator.sample_rate or 16000
    found = checked(separator, mixture, sample_rate=rate, targets=TARGETS, references=references)
    np.testing.assert_array_equal(mixture, before)
    assert tuple(found) == (separator.targets or TARGETS)
    for estimate in found.values():
        assert estimate.shape == mixture.shape
        assert estimate.dtype == np.float32
        assert np.isfinite(estimate).all()
    return found


def channel_counts(separator) -> list[int]:
    fixed = getattr(separator, "channels", None)
    return [1, 2] if fixed is None else [fixed]


@pytest.mark.parametrize("frames", [1, 1000, 16000, 12345])
def test_any_length_comes_back_as_it_went_in(separator, frames):
    for channels in channel_counts(separator):
        references = sources(channels, frames)
        run(separator, references["speech"] + references["noise"], references)


def test_the_same_mixture_gives_the_same_estimates(separator):
    references = sources(channel_counts(separator)[-1], 8000)
    mixture = references["speech"] + references["noise"]
    first, second = run(separator, mixture, references), run(separator, mixture, references)
    for name, estimate in first.items():
        np.testing.assert_array_equal(estimate, second[name])


@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0])
def test_silence_whisper_and_full_scale_give_finite_estimates(separator, level):
    channels = channel_counts(separator)[0]
    signs = np.sign(np.random.default_rng(0).standard_normal((channels, 8000)))
    mixture = (level * signs).astype(np.float32)
    run(separator, mixture, {"speech": mixture / 2, "noise": mixture / 2})


def test_estimates_are_no_windows_on_the_mixture(separator):
    references = sources(channel_counts(separator)[0], 2000)
    mixture = references["speech"] + references["noise"]
    for estimate in run(separator, mixture, references).values():
        assert not np.shares_memory(estimate, mixture)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(name):
    about = described(build(name), name)
    assert about["name"]
    assert about["version"] != "0"  # an unversioned separator is scored anew each time
    assert about["description"].endswith(".")
    assert about["kind"] in ("separator", "oracle", "trivial")
