from __future__ import annotations

import ast
import os
import subprocess
import sys

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepbench.errors import SignalError
from sepbench.metrics import bss_eval_sources, si_sdr
from sepbench.metrics.bss_eval import BSS_EVAL_SOURCES, DEPENDENT

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # mir_eval's public function is deprecated


@pytest.fixture(scope="module")
def three(noise):
    """Three coloured sources and estimates with interference and artefacts."""
    references = np.array([np.convolve(row, [1, 0.8, 0.3], mode="same") for row in noise(3, 3000)])
    mixing = np.array([[1.0, 0.2, 0.05], [0.3, 0.9, 0.1], [0.1, 0.4, 1.1]])
    return references, mixing @ references + 0.1 * noise(3, 3000, seed=1)


@pytest.mark.parametrize("permute", [False, True])
def test_values_are_those_of_mir_eval(three, permute):
    references, estimates = three
    estimates = estimates[[2, 0, 1]]
    found = bss_eval_sources(references, estimates, compute_permutation=permute)
    expected = mir_eval.separation.bss_eval_sources(references, estimates, compute_permutation=permute)
    np.testing.assert_allclose(np.array(found[:3]), np.array(expected[:3]), atol=1e-9, rtol=0)
    np.testing.assert_array_equal(found.permutation, expected[3])


def test_mir_eval_is_a_backend_by_name(three):
    references, estimates = three
    found = bss_eval_sources(references, estimates, backend="mir_eval")
    expected = mir_eval.separation.bss_eval_sources(references, estimates, compute_permutation=False)
    np.testing.assert_array_equal(np.array(found[:3]), np.array(expected[:3]))
    with pytest.raises(SignalError, match="unknown backend `mireval`"):
        bss_eval_sources(references, estimates, backend="mireval")


def test_values_are_those_of_fast_bss_eval(three):
    fast_bss_eval = pytest.importorskip("fast_bss_eval")
    references, estimates = three
    expected = fast_bss_eval.bss_eval_sources(references, estimates, compute_permutation=True, use_cg_iter=None)
    found = bss_eval_sources(references, estimates, compute_permutation=True)
    np.testing.assert_allclose(np.array(found[:3]), np.array(expected[:3]), atol=1e-9, rtol=0)


def test_sdr_is_that_of_torchmetrics(three):
    torch = pytest.importorskip("torch")
    audio = pytest.importorskip("torchmetrics.functional.audio")
    references, estimates = (torch.tensor(signals) for signals in three)
    expected = audio.signal_distortion_ratio(estimates[:1], references[:1])
    assert float(bss_eval_sources(references[:1], estimates[:1]).sdr) == pytest.approx(float(expected), abs=1e-9)


@pytest.mark.parametrize("level_db", [30, 45, 55, 75, 95])
def test_artefacts_of_any_level_are_measured(three, noise, level_db):
    """A filtered source with noise: SAR is near the level by construction, and mir_eval's waveforms say exactly where."""
    references = np.pad(three[0], ((0, 0), (0, 3)))  # the image's last samples fit in
    image = references[:1] + 0.5 * np.roll(references[:1], 3)
    estimate = image + 10 ** (-level_db / 20) * noise(1, references.shape[1], seed=7)
    found, expected = (bss_eval_sources(references, estimate, backend=backend) for backend in ("sepbench", "mir_eval"))
    assert abs(float(expected.sar[0]) - level_db) < 8
    np.testing.assert_allclose(np.array(found[:3]), np.array(expected[:3]), atol=1e-9, rtol=0)


def test_values_are_those_of_explicit_least_squares(noise):
    """An independent implementation: the delayed references as columns of a matrix."""
    references, taps = noise(2, 700), 512
    estimate = references[0] + 0.3 * references[1] + 0.2 * noise(700, seed=2)

    def projected(sources):
        columns = [np.pad(s, (delay, taps - 1 - delay)) for s in sources for delay in range(taps)]
        basis = np.array(columns).T
        return basis @ np.linalg.lstsq(basis, padded, rcond=None)[0]

    padded = np.pad(estimate, (0, taps - 1))
    s_target, s_all = projected(references[:1]), projected(references)
    expected = [
        10 * np.log10((a**2).sum() / (b**2).sum())
        for a, b in [(s_target, padded - s_target), (s_target, s_all - s_target), (s_all, padded - s_all)]
    ]
    found = bss_eval_sources(references, estimate[None])
    # normal equations against QR of matrices with a condition of some hundreds
    np.testing.assert_allclose([found.sdr[0], found.sir[0], found.sar[0]], expected, atol=1e-8)


def test_an_estimate_is_scored_alike_whatever_the_others_are(three, noise):
    references, estimates = three
    alone = bss_eval_sources(references, estimates[:1])
    beside = bss_eval_sources(references, np.concatenate([estimates[:1], noise(2, 3000, seed=3)]))
    for value, other in zip(alone[:3], beside[:3], strict=True):
        assert value[0] == pytest.approx(other[0], abs=1e-12)


def test_the_best_order_is_found_by_sir(three):
    references, estimates = (signals[:2] for signals in three)
    straight = bss_eval_sources(references, estimates)
    swapped = bss_eval_sources(references, estimates[::-1], compute_permutation=True)
    assert swapped.permutation.tolist() == [1, 0]
    np.testing.assert_allclose(swapped.sdr, straight.sdr, atol=1e-12)


def test_a_silent_estimate_does_not_disturb_the_order_of_the_others(three):
    references, estimates = three
    found = bss_eval_sources(
        references, np.stack([0 * estimates[0], estimates[2], estimates[1]]), compute_permutation=True
    )
    assert found.permutation.tolist() == [0, 2, 1]
    assert np.isnan(found.sdr).tolist() == [True, False, False]


@settings(max_examples=10, deadline=None)  # a projection takes some 50 ms
@given(seed=st.integers(0, 2**32 - 1), level=st.floats(0.01, 10))
def test_sdr_is_never_below_si_sdr(seed, level):
    source, error = np.random.default_rng(seed).standard_normal((2, 1500))
    estimate = np.convolve(source, [0.5, 0.5])[:1500] + level * error
    sdr = bss_eval_sources(source[None], estimate[None]).sdr[0]
    assert sdr >= float(si_sdr(source, estimate))  # the gain is one of the filters


def test_one_source_has_no_interference(noise):
    source, error = noise(2, 1000)
    found = bss_eval_sources(source[None], (source + error)[None])
    assert found.sir[0] == np.inf
    assert found.sdr[0] == pytest.approx(found.sar[0], abs=1e-9)


def test_a_silent_reference_beside_the_target_is_as_if_it_were_not_there(three):
    references, estimates = three
    with_silence = bss_eval_sources(np.stack([0 * references[2], references[0], references[1]]), estimates[[2, 0, 1]])
    without = bss_eval_sources(references[:2], estimates[:2])
    np.testing.assert_array_equal(with_silence.sdr, [np.nan, *without.sdr])
    np.testing.assert_array_equal(with_silence.sir, [np.nan, *without.sir])


@pytest.mark.parametrize("copy", [lambda s: s, lambda s: -0.3 * s, lambda s: np.convolve(s, [0.0, 1.0, 0.5])[: len(s)]])
def test_copies_among_the_references_are_flagged(noise, copy):
    source, error = noise(2, 3000)
    references = np.stack([source, copy(np.append(source[:-600], np.zeros(600)))])
    references[0, -600:] = 0
    assert bss_eval_sources(references, (source + error)[None]).independence < DEPENDENT
    named = {"speech": references[:1], "noise": references[1:]}
    scores = BSS_EVAL_SOURCES.score(named, {"speech": (source + error)[None]}, 16000)["speech"]
    assert scores["sir_v3_512"].status == scores["sar_v3_512"].status == "ill_conditioned"
    assert "of its energy beyond the others" in scores["sir_v3_512"].reason
    assert scores["sdr_v3_512"].status == "ok"  # it has no part in the other reference


def test_a_copy_adds_nothing_to_what_the_references_explain(noise):
    source, error = noise(2, 3000)
    once = bss_eval_sources(source[None], (source + error)[None])
    twice = bss_eval_sources(np.stack([source, source]), (source + error)[None])
    assert float(twice.sar[0]) == pytest.approx(float(once.sar[0]), abs=1e-9)


def test_a_recording_with_its_own_floor_of_noise_is_not_flagged(noise):
    """Sixteen bits leave such a floor: nothing real is nearly dependent."""
    source = np.rint(3000 * noise(1, 3000))
    panned = np.rint(0.7 * source)
    assert bss_eval_sources(np.concatenate([source, panned]), source).independence > DEPENDENT


def test_values_do_not_depend_on_threads_or_on_the_compiler(noise):
    """Dependent references too: what is not well conditioned is at least one number."""
    code = (
        "import sys{}; import numpy as np; from sepbench.metrics import bss_eval_sources;"
        "x = np.random.default_rng(0).standard_normal((3, 9000)); x[1] = x[0] + 1e-7 * x[1];"
        "print([v.hex() for part in bss_eval_sources(x[:2], x[:2] + 0.1 * x[2])[:3] for v in part.tolist()])"
    )
    lines = []
    for threads, numba in (("1", ""), ("2", ""), ("1", "; sys.modules['numba'] = None")):
        threaded = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        ran = subprocess.run([sys.executable, "-c", code.format(numba)], env=threaded, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        lines.append([float.fromhex(value) for value in ast.literal_eval(ran.stdout)])
    assert lines[0] == lines[1]
    np.testing.assert_allclose(lines[2][:2], lines[0][:2], atol=1e-9)


@pytest.mark.parametrize(
    ("sources", "samples"), [(1, 3), (2, 2), (2, 100), (2, 511), (3, 3), (3, 1000), (4, 511), (5, 100)]
)
def test_signals_of_fewer_samples_than_taps_have_the_values_of_mir_eval(noise, sources, samples):
    """The references with all their delays then span whatever there is, several times over."""
    references = noise(sources, samples)
    estimates = references + 0.3 * references[::-1] + 0.1 * noise(sources, samples, seed=1)
    found = bss_eval_sources(references, estimates)
    expected = mir_eval.separation.bss_eval_sources(references, estimates, compute_permutation=False)
    assert found.independence < DEPENDENT or sources == 1
    below = [np.minimum(values[:3], 100) for values in (found, expected)]  # above it, rounding
    np.testing.assert_allclose(below[0][0], below[1][0], atol=1e-9, rtol=0)
    np.testing.assert_allclose(below[0][1:], below[1][1:], atol=1e-4, rtol=0)


def test_an_estimate_that_shares_nothing_with_its_reference_is_saturated_and_takes_no_other_value_along(noise):
    first, second = noise(2, 4000)
    first[2000:] = second[:2600] = 0  # they take turns, further apart than the filter is long
    found = bss_eval_sources([first, second], [second, first], compute_permutation=True)
    assert found.permutation.tolist() == [1, 0]
    named = {"a": first[None], "b": second[None]}
    scores = BSS_EVAL_SOURCES.score(named, {"a": second[None], "b": second[None]}, 16000)
    assert [scores[name]["sdr_v3_512"].status for name in "ab"] == ["saturated_low", "saturated_high"]


def test_a_broken_estimate_beside_dependent_references_takes_no_other_value_along(noise):
    first, second = noise(2, 3000)
    broken = second.copy()
    broken[0] = np.nan
    named = {"a": first[None], "b": second[None], "c": first[None]}
    scores = BSS_EVAL_SOURCES.score(named, {"a": (first + second)[None], "b": broken[None]}, 16000)
    assert scores["a"]["sdr_v3_512"].status == "ok"
    assert scores["b"]["sdr_v3_512"].status == "nonfinite_estimate"


@pytest.mark.parametrize("share", [1e-3, 1e-4, 1e-5])
def test_references_that_nearly_depend_on_each_other_have_the_values_of_mir_eval(noise, share):
    speech, source, own, error = noise(4, 3000)
    source[-600:] = 0
    echo = np.convolve(source, np.exp(-np.arange(60) / 8) * noise(60, seed=2))[:3000]
    references = np.stack([source, echo + share * own])
    estimates = speech + 0.5 * source + 0.1 * error
    found = bss_eval_sources(references, estimates[None])
    expected = mir_eval.separation._bss_source_crit(
        *mir_eval.separation._bss_decomp_mtifilt(references, estimates, 0, 512)
    )
    assert found.independence > DEPENDENT
    np.testing.assert_allclose([one[0] for one in found[:3]], expected, atol=1e-4, rtol=0)


def test_sir_stands_against_all_references_though_one_target_was_estimated(three):
    references, estimates = three
    named = dict(zip(("speech", "noise", "music"), references[:, None], strict=True))
    scores = BSS_EVAL_SOURCES.score(named, {"noise": estimates[1][None]}, 16000)
    expected = mir_eval.separation.bss_eval_sources(references, estimates, compute_permutation=False)
    found = [score.value for score in scores["noise"].values()]
    np.testing.assert_allclose(found, [values[1] for values in expected[:3]], atol=1e-9, rtol=0)
    assert list(scores) == ["noise"]


def test_channels_are_scored_one_by_one(three):
    references, estimates = three
    stereo = {"a": references[:2], "b": references[1:]}
    scores = BSS_EVAL_SOURCES.score(stereo, {"a": estimates[:2]}, 16000)["a"]
    by_hand = [
        bss_eval_sources(np.stack([stereo["a"][c], stereo["b"][c]]), estimates[c][None]).sdr[0] for c in range(2)
    ]
    assert scores["sdr_v3_512:channel-mean"].value == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert list(scores) == [f"{name}_v3_512:channel-mean" for name in ("sdr", "sir", "sar")]


def test_read_only_inputs_are_taken_and_left_alone(three):
    references, estimates = (array.copy() for array in three)
    references.flags.writeable = estimates.flags.writeable = False
    bss_eval_sources(references, estimates)
    np.testing.assert_array_equal((references, estimates), three)


@pytest.mark.parametrize(
    ("references", "estimates", "permute", "said"),
    [
        ((2, 100), (2, 99), False, "references have shape"),
        ((2, 100), (3, 100), False, "every estimate needs its reference|references have shape"),
        ((2, 100), (1, 100), True, "references have shape"),
        ((100,), (100,), False, r"expected references of shape \(source, time\)"),
        ((2, 0), (2, 0), False, "expected references of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(references, estimates, permute, said):
    with pytest.raises(SignalError, match=said):
        bss_eval_sources(np.ones(references), np.ones(estimates), compute_permutation=permute)


def test_complex_signals_are_refused():
    with pytest.raises(SignalError, match="complex128"):
        bss_eval_sources(np.ones((1, 9)), np.ones((1, 9), complex))
