from __future__ import annotations

import numpy as np

from sepbench.separators.trivial import Mixture, Silence

MIXTURE = np.linspace(-1, 1, 20, dtype=np.float32).reshape(2, 10)


def test_the_mixture_is_the_estimate_of_every_target():
    found = Mixture().separate(MIXTURE, sample_rate=8000, targets=("speech", "noise"))
    assert list(found) == ["speech", "noise"]
    for estimate in found.values():
        np.testing.assert_array_equal(estimate, MIXTURE)


def test_estimates_share_no_memory_with_the_mixture_or_each_other():
    found = Mixture().separate(MIXTURE, sample_rate=8000, targets=("speech", "noise"))
    assert not np.shares_memory(found["speech"], MIXTURE)
    assert not np.shares_memory(found["speech"], found["noise"])


def test_silence_is_silent():
    found = Silence().separate(MIXTURE, sample_rate=8000, targets=("speech",))
    np.testing.assert_array_equal(found["speech"], np.zeros((2, 10)))
