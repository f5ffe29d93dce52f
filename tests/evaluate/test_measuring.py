"""Measuring files: two recordings or two folders, paired by name; what does not fit is said and never mended."""

from __future__ import annotations

import os
import random
import shutil

import bad_audio
import numpy as np
import pytest
import soundfile

import sepbench
from sepbench import metrics
from sepbench.errors import AudioError, SignalError, UsageError
from sepbench.evaluate.pairing import paired_files

RATE = 16000


def write(path, signal, rate=RATE, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, signal, rate, subtype=subtype)
    return path


def draw(seed, *shape):
    return 0.1 * np.random.default_rng(seed).standard_normal(shape or (8000,)).clip(-3, 3)


@pytest.fixture
def folders(tmp_path):
    """Three songs in two singers' folders, clean, mixed and separated."""
    for k, name in enumerate(("ann/one", "ann/two", "bob/one")):
        clean, noise = draw(k), draw(10 + k)
        write(tmp_path / "clean" / f"{name}.wav", clean)
        write(tmp_path / "noisy" / f"{name}.flac", clean + noise)
        write(tmp_path / "out" / f"{name}.wav", clean + 0.1 * (k + 1) * noise)
    return tmp_path


def values(found, metric):
    return {item.name: item.scores[metric].value for item in found.items}


def test_two_files_have_the_values_of_the_functions(folders):
    reference, estimate = folders / "clean/ann/one.wav", folders / "out/bob/one.wav"
    found = sepbench.measure(reference, estimate, metric_names=["snr", "si_sdr", "lsd"])
    signals = [soundfile.read(path)[0] for path in (reference, estimate)]
    assert [item.name for item in found.items] == ["one"]
    assert values(found, "snr")["one"] == pytest.approx(float(metrics.snr(*signals)), abs=1e-12)
    assert values(found, "si_sdr")["one"] == pytest.approx(float(metrics.si_sdr(*signals)), abs=1e-12)
    assert values(found, "lsd")["one"] == pytest.approx(float(metrics.lsd(*signals, RATE)), abs=1e-12)


def test_folders_are_paired_by_path_and_whatever_the_suffix(folders):
    found = sepbench.measure(folders / "clean", folders / "out", metric_names=["snr"], workers=0)
    expected = {name: pytest.approx(20 - 20 * np.log10(k), abs=0.2) for k, name in enumerate(("ann/one", "ann/two", "bob/one"), 1)}  # fmt: skip
    assert values(found, "snr") == expected


def test_no_order_of_files_changes_a_pair(folders, monkeypatch):
    expected = paired_files(folders / "clean", folders / "out", folders / "noisy")
    walk = os.walk

    def shuffled(*arguments, **options):
        for folder, inside, files in walk(*arguments, **options):
            random.Random(folder).shuffle(inside)
            random.Random(folder + "!").shuffle(files)
            yield folder, inside, files

    monkeypatch.setattr(os, "walk", shuffled)
    assert paired_files(folders / "clean", folders / "out", folders / "noisy") == expected


def test_workers_change_nothing(folders):
    alone, together = (
        sepbench.measure(folders / "clean", folders / "out", metric_names=["snr", "lsd"], workers=workers)
        for workers in (0, 2)
    )
    assert alone == together


def test_with_a_mixture_there_are_improvements_and_an_interferer(folders):
    names = ["snr", "bss_eval_sources", "loudness"]
    found = sepbench.measure(
        folders / "clean", folders / "out", mixture=folders / "noisy", metric_names=names, workers=0
    )
    assert values(found, "snr_i")["ann/one"] == pytest.approx(20, abs=0.2)
    assert {item.scores["sir_v3_512"].status for item in found.items} == {"ok"}
    ids = set(found.items[0].scores)
    assert {"sdr_v3_512_i", "sir_v3_512_i"} <= ids
    assert not {"sar_v3_512_i", "loudness_i"} & ids  # the mixture has no artefacts; loudness is no merit
    alone = sepbench.measure(folders / "clean", folders / "out", metric_names=names, workers=0)
    assert {item.scores["sir_v3_512"].status for item in alone.items} == {"no_interferer"}


def test_one_mixture_may_be_that_of_a_whole_folder(folders):
    mixture = folders / "noisy/ann/one.flac"
    found = sepbench.measure(folders / "clean", folders / "out", mixture=mixture, metric_names=["snr"], workers=0)
    assert len(values(found, "snr_i")) == 3


def test_without_a_reference_only_what_needs_none_is_measured(folders):
    found = sepbench.measure(None, folders / "out", workers=0)
    needless = {name for metric in metrics.load() if not metric.needs_reference for name in metric.ids}
    assert needless >= {"loudness", "dnsmos_ovrl", "plcmos"}
    assert set(found.items[0].scores) == needless
    with pytest.raises(UsageError, match="`snr` needs a reference, and there is none"):
        sepbench.measure(None, folders / "out", metric_names=["loudness", "snr"])


def test_all_metrics_are_measured_unless_some_are_named(folders):
    found = sepbench.measure(folders / "clean/ann/one.wav", folders / "out/ann/one.wav")
    expected = {name for metric in metrics.load() for name in metric.ids_for(1, RATE)}
    assert set(found.items[0].scores) == expected


def test_missing_partners_are_an_error_that_lists_them_unless_asked_otherwise(folders):
    (folders / "out/ann/one.wav").rename(folders / "out/ann/ONE.wav")
    with pytest.raises(
        UsageError, match=r"2 recordings have no partner: `ann/one` has no estimate, `ann/ONE` has no ref"
    ):
        sepbench.measure(folders / "clean", folders / "out")
    found = sepbench.measure(folders / "clean", folders / "out", metric_names=["snr"], allow_missing=True, workers=0)
    assert list(values(found, "snr")) == ["ann/two", "bob/one"]
    assert found.missing == ("`ann/one` has no estimate", "`ann/ONE` has no reference")
    shutil.rmtree(folders / "noisy/ann")
    with pytest.raises(UsageError, match="`ann/two` has no mixture"):
        sepbench.measure(folders / "clean", folders / "out", mixture=folders / "noisy")


def test_nothing_in_common_is_an_error_even_then(folders):
    with pytest.raises(UsageError, match="none of 2 recordings has a partner"):
        sepbench.measure(folders / "clean", folders / "out/ann", allow_missing=True)


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (("clean", "nowhere"), "nowhere: there is no such file or folder"),
        (("clean", "out/ann/one.wav"), "clean: the reference is a folder but the estimate is a file"),
        (("clean/ann/one.wav", "out"), "the reference is a file but the estimate is a folder"),
        (("clean/ann/one.wav", "out/ann/one.wav", "noisy"), "the mixture is a folder but the estimate is a file"),
        (("clean", "empty"), "empty: holds no recordings"),
        (("clean", "double"), "`one.flac` and `one.wav` have the same name"),
    ],
)
def test_what_can_not_be_paired_is_said(folders, places, said):
    (folders / "empty").mkdir()
    write(folders / "double/one.wav", draw(0))
    write(folders / "double/one.flac", draw(0))
    reference, estimate, *mixture = (folders / place for place in places)
    with pytest.raises(UsageError, match=said) as caught:
        sepbench.measure(reference, estimate, mixture=mixture[0] if mixture else None)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("signal", "rate", "said"),
    [
        (
            draw(0)[:-1],
            RATE,
            "has 16000 Hz, 1 channel, 7999 samples, but the reference one.wav has 16000 Hz, 1 channel, 8000",
        ),
        (draw(0), 8000, "has 8000 Hz, 1 channel, 8000 samples, but the reference"),
        (draw(0, 8000, 2), RATE, "has 16000 Hz, 2 channels, 8000 samples, but the reference"),
    ],
)
def test_a_misfit_is_an_error_alone_and_a_status_among_others(folders, signal, rate, said):
    misfit = write(folders / "out/ann/one.wav", signal, rate)
    with pytest.raises(SignalError, match=said) as caught:
        sepbench.measure(folders / "clean/ann/one.wav", misfit)
    assert "nothing is repaired silently" in caught.value.hint
    found = sepbench.measure(folders / "clean", folders / "out", metric_names=["snr"], workers=0)
    score = found.items[0].scores["snr"]
    assert (score.status, said in score.reason) == ("mismatched", True)
    assert [name for name, _ in found.failures()] == ["ann/one"]
    assert found.summary()["snr"].n == 2
    assert found.summary()["snr"].statuses == {"mismatched": 1, "ok": 2}


UNREADABLE = [one for one in bad_audio.AUDIO if one.status == "unreadable" and one.name.endswith((".wav", ".flac", ".mp3", ".ogg"))]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes, and other names for files")
def test_no_bad_recording_stops_the_others_and_each_has_its_reason(tmp_path):
    chosen = [one for one in UNREADABLE if "control character" not in one.words and "mode-000" not in one.name]
    made = {}
    for number, one in enumerate(chosen):
        path = tmp_path / "out" / f"{number:03d}{os.path.splitext(one.name)[1]}"
        path.parent.mkdir(exist_ok=True)
        one.make(path)
        if path.is_file():  # not a folder, a pipe or a dangling link: those are no recordings in a folder
            made[path.stem] = one
            write(tmp_path / "clean" / f"{path.stem}.wav", draw(0))
    for folder in ("clean", "out"):
        write(tmp_path / folder / "good.wav", draw(0))
    found = sepbench.measure(tmp_path / "clean", tmp_path / "out", metric_names=["snr"], allow_missing=True, workers=0)
    scores = {item.name: item.scores["snr"] for item in found.items}
    assert scores.pop("good").status == "saturated_high"
    assert len(made) > 50
    for name, one in made.items():
        assert (one.name, scores[name].status) == (one.name, "unreadable")
        assert scores[name].reason


def test_an_unreadable_file_alone_is_its_own_error(folders):
    broken = folders / "out/ann/one.wav"
    broken.write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"one\.wav"):
        sepbench.measure(folders / "clean/ann/one.wav", broken)


def test_a_folder_of_which_nothing_can_be_measured_is_an_error(folders):
    for path in (folders / "out").rglob("*.wav"):
        path.write_bytes(b"RIFF")
    with pytest.raises(UsageError, match="none of 3 recordings could be measured; the first: ") as caught:
        sepbench.measure(folders / "clean", folders / "out", workers=0)
    assert caught.value.hint


def test_float_files_with_nan_are_refused(folders):
    signal = draw(0)
    signal[7] = np.nan
    with pytest.raises(AudioError, match="not finite"):
        sepbench.measure(folders / "clean/ann/one.wav", write(folders / "nan.wav", signal, subtype="FLOAT"))


def test_a_metric_that_raises_is_a_status(folders, monkeypatch):
    def fail(*_):
        raise RuntimeError("oh")

    (snr,) = metrics.load(["snr"])
    monkeypatch.setattr("sepbench.metrics._loaded", lambda _: __import__("dataclasses").replace(snr, score=fail))
    found = sepbench.measure(folders / "clean", folders / "out", metric_names=["snr"], workers=0)
    assert {item.scores["snr"] for item in found.items} == {(None, "metric_failed", "RuntimeError: oh")}
    assert len(found.failures()) == 3


DEADLY = """
import os, signal
import numpy as np
from dataclasses import replace
from sepbench.metrics.snr import SNR

def die(references, estimates, sample_rate):
    if abs(estimates["target"]).max() < 0.05:
        os.kill(os.getpid(), signal.SIGSEGV)
    return SNR.score(references, estimates, sample_rate)

METRIC = replace(SNR, name="deadly", score=die, version="mine 1")
"""


def test_a_metric_that_kills_its_process_costs_its_recording_only(folders):
    (folders / "own.py").write_text(DEADLY)
    write(folders / "out/ann/two.wav", 0.1 * draw(1))
    found = sepbench.measure(
        folders / "clean", folders / "out", metric_names=[f"{folders / 'own.py'}:METRIC"], workers=2
    )
    scores = [item.scores["snr"] for item in found.items]
    assert [score.status for score in scores] == ["ok", "metric_failed", "ok"]
    assert scores[1].reason == "the worker process was killed by SIGSEGV, at `deadly`"
    assert found.metrics[0].version == "mine 1"


def test_rows_are_what_pandas_takes(folders):
    import pandas as pd

    found = sepbench.measure(folders / "clean", folders / "out", metric_names=["snr", "lsd"], workers=0)
    table = pd.DataFrame(found.rows())
    assert list(table.columns) == ["name", "metric", "value", "status", "reason"]
    means = table.groupby("metric")["value"].mean()
    assert means["snr"] == pytest.approx(found.summary()["snr"].mean)


def test_progress_counts_recordings(folders):
    told = []
    sepbench.measure(
        folders / "clean", folders / "out", metric_names=["snr"], workers=0, progress=lambda *at: told.append(at)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
