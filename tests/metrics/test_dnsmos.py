"""DNSMOS and PLCMOS: what is ours around the package, and that the numbers are the package's."""

from __future__ import annotations

import sys
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from sepbench.errors import MissingExtraError, SignalError
from sepbench.metrics import dnsmos, plcmos
from sepbench.metrics.dnsmos import DNSMOS, PLCMOS

module = import_module("sepbench.metrics.dnsmos")
METRICS = pytest.mark.parametrize(("metric", "function"), [(DNSMOS, dnsmos), (PLCMOS, plcmos)])


def level(signal):
    return 1 + float(np.sqrt(np.square(signal).mean()))


def opinions(signal, sample_rate, personal):
    return {f"{key}_mos": level(signal) for key in ("sig", "bak", "ovrl", "p808")}


def opinion(signal):
    return {"plcmos": level(signal) + np.random.rand() / 100}  # noqa: NPY002


@pytest.fixture
def package(monkeypatch):
    """A package whose networks say how loud a signal is, and whose raters are drawn from the global generator."""
    monkeypatch.setitem(sys.modules, "speechmos", SimpleNamespace())
    monkeypatch.setattr(module, "_dnsmos_model", lambda: opinions)
    monkeypatch.setattr(module, "_plcmos_model", lambda: opinion)


def statuses(metric, signal, sample_rate=16000):
    return {score.status for score in metric.score({}, {"a": signal}, sample_rate)["a"].values()}


@METRICS
def test_without_the_package_the_function_names_the_extra_and_the_scorer_a_reason(monkeypatch, noise, metric, function):
    monkeypatch.setitem(sys.modules, "speechmos", None)
    with pytest.raises(MissingExtraError, match=r"sepbench\[dnsmos\]"):
        function(0.1 * noise(1, 16000), 16000)
    found = metric.score({}, {"a": 0.1 * noise(1, 16000)}, 16000)["a"]
    assert set(found.values()) == {(None, "not_installed", f"{metric.name}: not installed")}


@METRICS
def test_channels_are_rated_one_by_one(package, noise, metric, function):
    stereo = 0.1 * noise(2, 16000)
    stereo[1] *= 2
    values = np.array(function(stereo, 16000))
    assert values.shape[-1] == 2
    assert (np.diff(values) > 0.05).all()
    mean = next(iter(metric.score({}, {"a": stereo}, 16000)["a"].values()))
    assert mean.value == pytest.approx(values.reshape(-1, 2)[0].mean())


@METRICS
def test_a_peak_beyond_full_scale_is_no_business_of_ours_to_mend(package, noise, metric, function):
    loud = noise(1, 16000)
    assert statuses(metric, loud) == {"out_of_range"}
    assert np.isnan(function(loud, 16000)).all()


@METRICS
def test_silence_and_nan_have_no_opinion(package, noise, metric, function):
    broken = 0.1 * noise(1, 16000)
    broken[0, 5] = np.nan
    assert statuses(metric, np.zeros((1, 16000))) == {"silent_estimate"}
    assert statuses(metric, broken) == {"nonfinite_estimate"}
    assert np.isnan(function(broken, 16000)).all()


@METRICS
def test_other_rates_are_resampled_by_the_scorer_and_refused_by_the_function(package, noise, metric, function):
    found = metric.score({}, {"a": 0.1 * noise(1, 44100)}, 44100)["a"]
    assert tuple(found) == metric.ids_for(1, 44100) == tuple(f"{name}:from-44100" for name in metric.ids)
    assert {score.status for score in found.values()} == {"ok"}
    with pytest.raises(SignalError, match="expected a sample rate of 16000, got 8000"):
        function(noise(1, 8000), 8000)


def test_plcmos_is_the_same_each_time_and_leaves_the_generator_alone(package, noise):
    signal = 0.1 * noise(1, 16000)
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    assert plcmos(signal, 16000) == plcmos(signal, 16000)
    assert np.random.rand() == expected  # noqa: NPY002


def test_a_quarter_of_a_second_is_the_least_for_plcmos(package, noise):
    assert statuses(PLCMOS, 0.1 * noise(1, 3999)) == {"too_short"}
    assert statuses(PLCMOS, 0.1 * noise(1, 4000)) == {"ok"}


def test_the_numbers_are_the_package_s(speech_like):
    package = pytest.importorskip("speechmos.dnsmos")
    signal = speech_like(9.5)
    expected = package.run(signal, 16000)
    found = dnsmos(signal[None], 16000)
    for name in ("sig", "bak", "ovrl", "p808"):
        # threads add up in another order
        assert float(getattr(found, name)[0]) == pytest.approx(float(expected[f"{name}_mos"]), abs=1e-4)


def test_the_real_plcmos_takes_its_shortest_signal_and_is_near_the_package_s(speech_like):
    package = pytest.importorskip("speechmos.plcmos")
    assert 1 < float(plcmos(speech_like(1.0)[None, :4000], 16000)[0]) < 5
    signal = speech_like(4.0)
    # 15 raters of the package's own choice
    assert float(plcmos(signal[None], 16000)[0]) == pytest.approx(package.run(signal, 16000)["plcmos"], abs=0.2)
