"""What holds for every registered metric, ours or a stranger's."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from sepbench import metrics, shelf
from sepbench.errors import SignalError, UnknownNameError, UsageError
from sepbench.metrics import Metric, Score
from sepbench.scores import STATUSES

NAMES = shelf.names("metrics")


@pytest.fixture(params=NAMES)
def metric(request) -> Metric:
    return metrics.load([request.param])[0]


@pytest.fixture(scope="module")
def sources():
    draws = np.random.default_rng(0)
    time = np.arange(16000) / 16000
    speech = 0.2 * np.sin(2 * np.pi * 3 * time) ** 2 * draws.standard_normal((2, 16000))
    return {"speech": speech, "noise": 0.05 * draws.standard_normal((2, 16000))}


def read_only(signals, channels):
    shown = {name: np.array(signal[:channels], dtype=np.float64) for name, signal in signals.items()}
    for signal in shown.values():
        signal.flags.writeable = False
    return shown


def is_well_formed(score: Score, metric: Metric) -> bool:
    if score.status == "ok":  # a correlation of 1 may come out an ulp above it, by the order in which a processor adds
        return np.isfinite(score.value) and metric.lowest - 1e-12 <= score.value <= metric.highest + 1e-12
    return score.status in STATUSES and score.value is None


@pytest.mark.parametrize(("channels", "sample_rate"), [(1, 16000), (2, 16000), (1, 12000)])
def test_every_target_has_every_id_and_a_well_formed_score(metric, sources, channels, sample_rate):
    references = read_only(sources, channels)
    mixture = references["speech"] + references["noise"]
    distorted = np.tanh(9 * mixture) / 9  # a sum of the references alone would have no artefacts
    estimates = read_only({"speech": distorted, "noise": distorted - 0.8 * references["speech"]}, channels)
    found = metric.score(references, estimates, sample_rate)
    assert list(found) == list(estimates)
    for scores in found.values():
        assert tuple(scores) == metric.ids_for(channels, sample_rate)
        assert [name.partition(":")[0] for name in scores] == list(metric.ids)
        assert all(is_well_formed(score, metric) for score in scores.values())
        assert {score.status for score in scores.values()} <= {"ok", "not_installed", "no_silence"}


def test_signals_are_left_alone(metric, sources):
    references = read_only(sources, 1)
    estimates = {"speech": np.array(references["speech"] + references["noise"])}
    before = {name: signal.copy() for name, signal in {**references, "estimate": estimates["speech"]}.items()}
    metric.score(references, estimates, 16000)
    for name, signal in {**references, "estimate": estimates["speech"]}.items():
        np.testing.assert_array_equal(signal, before[name])


def test_scoring_twice_gives_the_same(metric, sources):
    references = read_only(sources, 1)
    estimates = {"speech": references["speech"] + references["noise"]}
    first, second = (metric.score(references, estimates, 16000)["speech"] for _ in range(2))
    if metric.name.startswith("visqol"):  # the package's own sums go by where arrays lie in memory
        second = {key: score._replace(value=pytest.approx(score.value, abs=1e-12)) for key, score in second.items()}
    assert first == second


@pytest.mark.parametrize("level", [0.0, 1e-8, 1e6])
@pytest.mark.parametrize("what", ["noise", "reference", "minus", "constant", "click", "first half"])
def test_no_content_raises(metric, sources, what, level):
    references = read_only(sources, 1)
    estimate = {
        "noise": references["noise"],
        "reference": references["speech"],
        "minus": -references["speech"],
        "constant": np.ones((1, 16000)),
        "click": np.eye(1, 16000, 77),
        "first half": references["speech"] * (np.arange(16000) < 8000),
    }[what]
    for scores in metric.score(references, {"speech": level * estimate}, 16000).values():
        assert all(is_well_formed(score, metric) for score in scores.values())


@pytest.mark.parametrize("samples", [1, 2, 100, 511, 512, 3840, 4000])
def test_no_length_raises(metric, sources, samples):
    references = {name: signal[:1, 3000 : 3000 + samples] for name, signal in sources.items()}
    scores = metric.score(references, {"speech": references["speech"] + references["noise"]}, 16000)["speech"]
    assert all(is_well_formed(score, metric) for score in scores.values())


@pytest.mark.parametrize("fault", [np.nan, np.inf])
@pytest.mark.parametrize("who", ["reference", "estimate", "interferer"])
def test_no_broken_sample_raises_or_gives_a_value_of_its_target(metric, sources, who, fault):
    references = {name: np.array(signal[:1]) for name, signal in sources.items()}
    estimates = {
        "speech": references["speech"] + references["noise"],
        "noise": references["noise"] + 0.1 * references["speech"],
    }
    {"reference": references["speech"], "estimate": estimates["speech"], "interferer": references["noise"]}[who][
        0, 777
    ] = fault
    for target, scores in metric.score(references, estimates, 16000).items():
        assert all(is_well_formed(score, metric) for score in scores.values())
        concerned = metric.needs_reference or who == "estimate"
        if concerned and (target == "noise") == (who == "interferer"):
            assert "ok" not in {score.status for score in scores.values()}


def test_no_estimates_have_no_scores(metric, sources):
    assert metric.score(read_only(sources, 1), {}, 16000) == {}


def test_every_field_is_filled(metric):
    assert metric.name in NAMES
    assert metric.ids
    assert len(metric.definition) > 40
    assert metric.title
    assert metric.reference
    assert metric.version
    assert metric.lowest < metric.highest
    assert not any(":" in name or "," in name for name in metric.ids)  # qualifiers stand behind these


def test_a_metric_crosses_process_borders(metric):
    assert pickle.loads(pickle.dumps(metric)).ids == metric.ids  # noqa: S301 - our own


@pytest.mark.parametrize("name", ["dnsmos", "loudness", "plcmos"])
def test_what_needs_no_reference_does_not_look_at_one(name, sources):
    (metric,) = metrics.load([name])
    assert not metric.needs_reference
    references, estimates = read_only(sources, 1), {"speech": read_only(sources, 1)["noise"]}
    expected = metric.score(references, estimates, 16000)
    assert metric.score({}, estimates, 16000) == expected
    assert metric.score({"speech": 0 * references["speech"]}, estimates, 16000) == expected


def test_a_recording_with_time_first_is_refused(metric, sources):
    references = {name: signal.T for name, signal in read_only(sources, 2).items()}
    with pytest.raises(SignalError, match=r"(?s)\(16000, 2\).*\((channel, time|time, channel)\)"):
        metric.score(references, {"speech": references["speech"]}, 16000)


def test_ids_are_unique():
    ids = [name for metric in metrics.load() for name in metric.ids]
    assert len(ids) == len(set(ids))


def test_metrics_come_in_the_order_asked_for():
    assert [metric.name for metric in metrics.load(["stoi", "snr"])] == ["stoi", "snr"]
    assert [metric.name for metric in metrics.load()] == NAMES


def test_an_unknown_metric_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean `si_sdr`"):
        metrics.load(["sisdr"])


def test_what_is_no_metric_is_refused():
    with pytest.raises(UsageError, match="expected a Metric, got"):
        metrics.load(["sepbench.metrics:snr"])


def test_the_public_names_are_these():
    assert metrics.__all__ == [
        "BssEval", "BssEvalImages", "Composite", "Dnsmos", "Metric", "Permuted", "Score", "Scores", "Silence",
        "best_permutation", "bss_eval_images", "bss_eval_sources", "cer", "composite", "dnsmos", "error_rate_metric",
        "estoi", "framewise_sdr", "fw_seg_snr", "improvement", "level_difference", "llr", "load", "loudness", "lsd",
        "metric_id", "permuted", "pesq_nb", "pesq_wb", "plcmos", "sa_sdr", "sd_sdr", "seg_snr", "si_sdr", "silence",
        "snr", "stoi", "visqol_audio", "visqol_speech", "wer", "wss",
    ]  # fmt: skip
    assert all(callable(getattr(metrics, name)) for name in ("snr", "si_sdr", "stoi", "estoi"))


def test_importing_the_metrics_imports_nothing_heavy():
    code = (
        "import sys, sepbench.metrics; sepbench.metrics.load();"
        "print([name for name in ('scipy', 'numba', 'mir_eval', 'pesq', 'soxr', 'torch') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
