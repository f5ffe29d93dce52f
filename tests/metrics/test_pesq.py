from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib import import_module

import numpy as np
import pytest

from sepbench.errors import MissingExtraError, SignalError, UsageError
from sepbench.executors import Limits
from sepbench.metrics import pesq_nb, pesq_wb
from sepbench.metrics.pesq import PESQ_NB, PESQ_WB

module = import_module("sepbench.metrics.pesq")


@pytest.fixture(autouse=True)
def forgetful():
    """Forget the values of other tests."""
    module._known.clear()


@pytest.fixture
def pair(speech_like, noise):
    pytest.importorskip("pesq")
    reference = speech_like(2)
    return reference, reference + 0.01 * noise(len(reference))


@pytest.mark.parametrize(("mode", "sample_rate"), [("wb", 16000), ("nb", 16000), ("nb", 8000)])
def test_pesq_is_the_package_to_the_bit(pair, mode, sample_rate):
    from pesq import pesq

    reference, estimate = pair
    expected = pesq(sample_rate, reference.astype(np.float32), estimate.astype(np.float32), mode)
    found = {"wb": pesq_wb, "nb": pesq_nb}[mode](reference, estimate, sample_rate)
    assert float(found) == expected


def test_a_perfect_estimate_has_the_highest_value(pair):
    reference, _ = pair
    assert float(pesq_wb(reference, reference, 16000)) == pytest.approx(PESQ_WB.highest, abs=5e-4)
    assert float(pesq_nb(reference, reference, 16000)) == pytest.approx(PESQ_NB.highest, abs=5e-4)


def test_wideband_and_narrowband_are_different_numbers(pair):
    assert abs(float(pesq_wb(*pair, 16000)) - float(pesq_nb(*pair, 16000))) > 0.1


def test_leading_axes_stay(pair):
    reference, estimate = np.stack([pair[0], pair[0]]), np.stack([pair[1], pair[0]])
    values = pesq_wb(reference, estimate, 16000)
    assert values.shape == (2,)
    assert values[0] == pesq_wb(*pair, 16000)


def test_what_has_no_value_is_nan(pair):
    reference, _ = pair
    assert np.isnan(pesq_wb(reference, 0 * reference, 16000))
    assert np.isnan(pesq_wb(0 * reference, reference, 16000))
    assert np.isnan(pesq_wb(reference, np.where(reference > 0.1, np.inf, reference), 16000))
    assert np.isnan(pesq_wb(reference[:3000], reference[:3000], 16000))


@pytest.mark.parametrize(
    ("measure", "samples", "sample_rate", "said"),
    [
        (pesq_wb, 8000, 8000, "expected a sample rate of 16000, got 8000"),
        (pesq_nb, 44100, 44100, "expected a sample rate of 8000 or 16000, got 44100"),
        (pesq_nb, 301 * 8000, 8000, r"the recording has 301\.0 s"),
    ],
)
def test_what_the_package_can_not_take_is_refused(measure, samples, sample_rate, said, capsys):
    with pytest.raises(SignalError, match=said):
        measure(np.ones(samples), np.ones(samples), sample_rate)
    assert capsys.readouterr().out == ""  # the package would print its usage


def test_lengths_are_never_repaired():
    with pytest.raises(SignalError, match="reference has shape"):
        pesq_wb(np.ones(9000), np.ones(9001), 16000)


def test_a_recording_with_many_pauses_is_not_handed_to_the_package(noise):
    """In 30 s at most 75 utterances fit; with more than some 55 the package ends the process."""
    pytest.importorskip("pesq")
    time = np.arange(30 * 16000) / 16000
    bursts = np.where(time % 0.42 < 0.21, noise(len(time)), 0.0)
    found = PESQ_WB.score({"speech": bursts[None]}, {"speech": 0.5 * bursts[None]}, 16000)["speech"]["pesq_wb"]
    assert found.status == "out_of_range"
    assert "utterances" in found.reason


@pytest.mark.parametrize("hidden_by", ["a constant", "a hum"])
def test_pauses_are_counted_behind_what_the_package_filters_out(noise, hidden_by):
    time_s = np.arange(30 * 16000) / 16000
    bursts = np.where(time_s % 0.42 < 0.21, noise(len(time_s)), 0.0)
    under = {"a constant": 30.0, "a hum": 30 * np.sin(2 * np.pi * 50 * time_s)}[hidden_by]
    assert module._utterances(bursts + under, 16000) > 60


def test_speech_of_more_than_eighteen_seconds_is_scored_in_a_cage_to_the_same_bit(speech_like, noise):
    package = pytest.importorskip("pesq")
    reference = speech_like(21, 8000)
    estimate = reference + 0.01 * noise(len(reference))
    expected = package.pesq(8000, reference.astype(np.float32), estimate.astype(np.float32), "nb")
    assert PESQ_NB.score({"a": reference[None]}, {"a": estimate[None]}, 8000)["a"]["pesq_nb"].value == expected
    (worker,) = module._cage()._crew._crew
    pesq_nb(reference, 0.5 * estimate, 8000)
    assert module._cage()._crew._crew == [worker]  # no process per item


def kill(_):
    import os
    import signal

    os.kill(os.getpid(), signal.SIGSEGV)


def hang(_):
    time.sleep(3600)


@pytest.mark.parametrize(
    ("function", "limits", "said"),
    [(kill, Limits(), "killed by SIGSEGV"), (hang, Limits(timeout_s=0.5), "no sign of life for 0.5 s")],
)
def test_a_crash_or_a_hang_in_the_cage_is_a_reason_and_not_remembered(monkeypatch, speech_like, function, limits, said):
    pytest.importorskip("pesq")
    named = ({"a": speech_like(21, 8000)[None]},) * 2
    cage = module.Cage(function, limits)
    monkeypatch.setattr(module, "_cage", lambda: cage)
    found = PESQ_NB.score(*named, 8000)["a"]["pesq_nb"]
    assert (found.status, found.reason.startswith("pesq: the worker process")) == ("metric_failed", True)
    assert said in found.reason
    monkeypatch.undo()
    assert PESQ_NB.score(*named, 8000)["a"]["pesq_nb"].status == "ok"


def test_a_minute_of_speech_is_a_status_and_the_program_lives(speech_like):
    pytest.importorskip("pesq")
    reference = np.tile(speech_like(6), 10)  # a pause in each 1.5 s: ordinary speech, on which the package dies
    found = PESQ_WB.score({"a": reference[None]}, {"a": 0.5 * reference[None]}, 16000)["a"]["pesq_wb"]
    assert found.status in ("ok", "out_of_range")


def test_only_so_many_values_are_remembered(monkeypatch):
    monkeypatch.setattr(module, "_score", lambda call: module.Score(1.0))
    for k in range(1, 100):
        module._run(np.full(10, float(k)), np.ones(10), 16000, "wb")
    assert len(module._known) == 64


def test_other_rates_are_resampled_and_the_id_says_so(speech_like, noise):
    soxr = pytest.importorskip("soxr")
    pytest.importorskip("pesq")
    reference = speech_like(2, 44100)
    estimate = reference + 0.01 * noise(len(reference))
    found = PESQ_WB.score({"a": reference[None]}, {"a": estimate[None]}, 44100)["a"]
    resampled = (soxr.resample(signal, 44100, 16000, "VHQ") for signal in (reference, estimate))
    assert found["pesq_wb:from-44100"].value == float(pesq_wb(*resampled, 16000))
    stereo = PESQ_NB.score({"a": np.stack([reference] * 2)}, {"a": np.stack([estimate] * 2)}, 44100)["a"]
    assert list(stereo) == ["pesq_nb:channel-mean,from-44100"]


def test_narrowband_takes_8000_as_it_is_and_wideband_resamples_it(pair):
    named = {"a": pair[0][None]}, {"a": pair[1][None]}
    assert PESQ_NB.score(*named, 8000)["a"]["pesq_nb"].value == float(pesq_nb(*pair, 8000))
    assert list(PESQ_WB.score(*named, 8000)["a"]) == ["pesq_wb:from-8000"]


def test_without_the_package_the_function_names_the_extra_and_the_scorer_a_reason(monkeypatch, speech_like):
    monkeypatch.setitem(sys.modules, "pesq", None)
    signal = speech_like(1)
    with pytest.raises(MissingExtraError, match=r"sepbench\[pesq\]"):
        pesq_wb(signal, signal, 16000)
    found = PESQ_WB.score({"a": signal[None]}, {"a": signal[None]}, 16000)["a"]["pesq_wb"]
    assert found == (None, "not_installed", "pesq: not installed")


def test_an_error_inside_the_package_is_a_reason(monkeypatch, pair):
    import pesq

    def fail(*_):
        raise pesq.PesqError(b"Unknown")

    monkeypatch.setattr(pesq, "pesq", fail)
    found = PESQ_WB.score({"a": pair[0][None]}, {"a": pair[1][None]}, 16000)["a"]["pesq_wb"]
    assert found == (None, "metric_failed", "pesq: Unknown")


def test_read_only_inputs_are_taken_and_left_alone(pair):
    before = np.array(pair)
    for signal in pair:
        signal.flags.writeable = False
    pesq_wb(*pair, 16000)
    np.testing.assert_array_equal(pair, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_forked_processes_do_not_get_each_others_values():
    pytest.importorskip("pesq")
    code = """if True:
        import multiprocessing, sys, warnings
        import numpy as np
        from sepbench.metrics import pesq_wb
        def value(k):
            g = np.random.default_rng(k)
            x = g.standard_normal(19 * 16000) * (np.arange(19 * 16000) // 16000 % 2 + 0.01)
            return float(pesq_wb(x, x + g.standard_normal(len(x)) * 10 ** (-k / 4), 16000))
        def child(k):
            print(value(k) == right[k], flush=True)
        right = [value(k) for k in range(3)]
        sys.modules["sepbench.metrics.pesq"]._known.clear()
        warnings.simplefilter("ignore")  # of forks beside threads
        jobs = [multiprocessing.get_context("fork").Process(target=child, args=(k,)) for k in range(3)]
        [job.start() for job in jobs]
        [job.join() for job in jobs]
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ran.stdout.split() == ["True"] * 3, ran.stderr


def test_what_may_start_no_process_is_told_so(monkeypatch, speech_like):
    pytest.importorskip("pesq")
    monkeypatch.setattr(module, "_cages", {})
    monkeypatch.setattr(module.multiprocessing.current_process(), "_config", {"daemon": True})
    signal = speech_like(19)
    with pytest.raises(UsageError, match="a daemonic process may not start") as caught:
        pesq_wb(signal, 0.5 * signal, 16000)
    assert "ProcessPoolExecutor" in caught.value.hint


def test_a_hum_hides_no_pauses_from_the_count_of_utterances(noise):
    seconds = np.arange(31 * 8000) / 8000
    bursts = np.sin(2 * np.pi * 2500 * seconds) * (seconds % 0.6 < 0.3)
    signal = 0.1 * np.sin(2 * np.pi * 260 * seconds) + 0.01 * bursts
    assert module._utterances(signal, 8000) > 45
