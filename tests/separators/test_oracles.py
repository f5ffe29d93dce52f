from __future__ import annotations

import numpy as np
import pytest

from sepbench.errors import SeparatorError, UsageError
from sepbench.metrics import si_sdr
from sepbench.separators.oracles import IdealBinaryMask, IdealRatioMask

RATE = 16000


@pytest.fixture(scope="module")
def sources():
    draws = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    return {
        "speech": (0.3 * np.sin(2 * np.pi * 440 * time) * (time % 0.5 < 0.3)).astype(np.float32)[None],
        "noise": (0.05 * draws.standard_normal(RATE)).astype(np.float32)[None],
        "music": (0.2 * np.sin(2 * np.pi * 3000 * time)).astype(np.float32)[None],
    }


def separated(oracle, sources, targets=None):
    mixture = np.sum(list(sources.values()), axis=0)
    return oracle.separate(mixture, sample_rate=RATE, targets=targets or tuple(sources), references=sources)


@pytest.mark.parametrize("power", [0.5, 1, 2, 40])
def test_shares_of_all_sources_add_up_to_the_mixture(sources, power):
    total = np.sum(list(separated(IdealRatioMask(power=power), sources).values()), axis=0)
    # one part in 2^24 of each sum over a window, and back
    np.testing.assert_allclose(total, np.sum(list(sources.values()), axis=0), atol=5e-6)


@pytest.mark.parametrize("oracle", [IdealRatioMask(), IdealRatioMask(power=1), IdealBinaryMask()])
def test_an_oracle_is_far_above_the_mixture(sources, oracle):
    mixture = np.sum(list(sources.values()), axis=0)
    for name, estimate in separated(oracle, sources).items():
        assert si_sdr(sources[name], estimate)[0] > si_sdr(sources[name], mixture)[0] + 6


@pytest.mark.parametrize("oracle", [IdealRatioMask(), IdealBinaryMask()])
def test_a_source_that_is_alone_comes_back_whole(sources, oracle):
    silent = {name: signal * (name == "speech") for name, signal in sources.items()}
    found = separated(oracle, silent)
    np.testing.assert_allclose(found["speech"], sources["speech"], atol=2e-6)  # float32 there and back
    assert not found["noise"].any()
    only = separated(oracle, {"speech": sources["speech"]})
    np.testing.assert_allclose(only["speech"], sources["speech"], atol=2e-6)


def test_masks_are_as_defined(sources):
    two = {"a": np.array([[3.0, 1.0, 0.0]]) + 0j, "b": np.array([[-1.0, 2j, 0.0]])}
    ratio = dict(IdealRatioMask().masks(two, ("a", "b")))
    np.testing.assert_allclose(ratio["a"], [[0.9, 0.2, 0.0]], rtol=1e-6)  # float32
    np.testing.assert_allclose(dict(IdealRatioMask(power=1).masks(two, ("b",)))["b"], [[0.25, 2 / 3, 0]], rtol=1e-6)
    binary = dict(IdealBinaryMask().masks(two, ("a", "b")))
    assert binary["a"].tolist() == [[True, False, False]]
    assert binary["b"].tolist() == [[False, True, False]]


def test_the_rest_is_summed_with_its_phases():
    three = {"a": np.array([[1.0 + 0j]]), "b": np.array([[5.0 + 0j]]), "c": np.array([[-5.0 + 0j]])}
    assert dict(IdealBinaryMask().masks(three, ("a",)))["a"].tolist() == [[True]]


def test_channels_have_masks_of_their_own(sources):
    stereo = {
        "a": np.vstack([sources["speech"], sources["noise"]]),
        "b": np.vstack([sources["noise"], sources["music"]]),
    }
    found = separated(IdealRatioMask(), stereo)
    left = separated(IdealRatioMask(), {name: signal[:1] for name, signal in stereo.items()})
    np.testing.assert_array_equal(found["a"][:1], left["a"])


def test_quiet_sources_are_separated_like_loud_ones(sources):
    quiet = {name: (1e-12 * signal).astype(np.float32) for name, signal in sources.items()}
    for name, estimate in separated(IdealRatioMask(power=4), quiet).items():
        loud = separated(IdealRatioMask(power=4), sources)[name]
        np.testing.assert_allclose(1e12 * estimate.astype(np.float64), loud, atol=1e-5)  # float32 there and back


def test_a_target_without_reference_is_refused(sources):
    with pytest.raises(SeparatorError, match="no reference for `vocals`") as caught:
        separated(IdealRatioMask(), sources, targets=("vocals",))
    assert "music, noise, speech" in caught.value.hint


@pytest.mark.parametrize("power", [0, -1, float("nan")])
def test_a_power_that_is_not_positive_is_refused(power):
    with pytest.raises(UsageError, match="`power` above 0"):
        IdealRatioMask(power=power)
