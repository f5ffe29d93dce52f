"""The loops of training give what numpy gives, to the last bit, and count what is too loud."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepbench import mixing_loops as loops

KINDS = {np.int16: 2**15, np.int32: 2**24, np.float64: 2**20}


@settings(max_examples=60)
@given(
    st.sampled_from(list(KINDS)), st.integers(1, 300), st.floats(2.0**-20, 2.0), st.sampled_from([16, 24]), st.integers(0, 2**32 - 1)
)  # fmt: skip
def test_compiled_and_uncompiled_loops_are_one(kind, length, gain, bits, seed):
    draws = np.random.default_rng(seed)
    samples = np.rint(draws.uniform(-1, 1, length) * (KINDS[kind] - 1)).astype(kind)
    samples.flags.writeable = False
    to_one, limit = 2.0 ** (1 - bits), float(1 << (bits - 1))
    before = np.rint(draws.uniform(-1000, 1000, length))
    results = []
    for add, write in ((loops.add_stem, loops.to_floats), (loops._stem_by_numpy, loops._floats_by_numpy)):
        stem, total, mixture = np.empty(length, np.float32), before.copy(), np.empty(length, np.float32)
        counts = add(samples, gain, to_one, limit, stem, total), write(total, to_one, limit, mixture)
        results.append((counts, stem.tobytes(), total.tobytes(), mixture.tobytes()))
    assert results[0] == results[1]
    assert results[0][0][0] == np.count_nonzero(np.abs(np.rint(samples * gain)) >= limit)


@pytest.mark.parametrize(("sample", "rounded"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2)])
def test_halves_are_rounded_to_even(sample, rounded):
    stem, total = np.empty(1, np.float32), np.zeros(1)
    loops.add_stem(np.array([sample], np.int16), 0.5, 1.0, 100.0, stem, total)
    assert (stem[0], total[0]) == (rounded, rounded)
