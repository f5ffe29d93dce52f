"""`sepbench measure`: what it prints, as words and as data, and the code that it ends with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture
def folders(tmp_path):
    draws = np.random.default_rng(0)
    for name in ("a", "b"):
        clean, noise = 0.1 * draws.standard_normal((2, 8000)).clip(-3, 3)
        for folder, signal in (("clean", clean), ("out", clean + 0.1 * noise), ("noisy", clean + noise)):
            (tmp_path / folder).mkdir(exist_ok=True)
            soundfile.write(tmp_path / folder / f"{name}.wav", signal, 16000, subtype="PCM_16")
    return tmp_path


@pytest.fixture
def measure(say):
    return lambda *words: say("measure", *words)


def test_a_line_for_each_metric_with_its_count(measure, folders):
    code, out, _ = measure(folders / "clean", folders / "out", "--metric", "snr", "--metric", "stoi", "--workers", 0)
    assert code == 0
    snr, stoi = out.splitlines()
    assert snr.split()[0] == "snr"
    assert snr.endswith(" dB  n = 2")
    assert float(snr.split()[1]) == pytest.approx(20, abs=0.3)
    assert stoi.startswith("stoi ")


def test_the_improvement_stands_beside_the_value(measure, folders):
    code, out, _ = measure(
        folders / "clean/a.wav", folders / "out/a.wav", "--mixture", folders / "noisy/a.wav", "--metric", "snr"
    )
    assert code == 0
    value, unit, gain = out.split()[1:]
    assert unit == "dB"
    assert float(value) == pytest.approx(20, abs=0.3)
    assert float(gain.strip("()")) == pytest.approx(20, abs=0.3)


def test_the_data_hold_every_score_and_its_version(measure, folders):
    code, out, err = measure(
        folders / "clean", folders / "out", "--metric", "snr", "--metric", "wer", "--json", "--workers", 0
    )
    data = json.loads(out)
    assert code == 0
    assert [item["name"] for item in data["items"]] == ["a", "b"]
    assert data["items"][0]["scores"]["snr"].keys() == {"value", "status", "reason"}
    assert data["summary"]["snr"]["n"] == data["summary"]["snr"]["total"] == 2
    assert data["summary"]["snr"]["version"] == "sepbench 1"
    assert data["summary"]["wer"]["mean"] is None
    assert "NaN" not in out
    assert "Traceback" not in err


def test_what_is_not_installed_is_said_once(measure, folders, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pesq", None)
    code, out, _ = measure(folders / "clean", folders / "out", "--metric", "pesq_wb", "--metric", "composite", "--metric", "snr", "--workers", 0)  # fmt: skip
    assert code == 0
    assert out.splitlines()[1:] == ["pesq: not installed"]


def test_extras_alone_that_are_missing_are_an_error_with_the_remedy(measure, folders, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pesq", None)
    code, _, err = measure(folders / "clean", folders / "out", "--metric", "pesq_wb", "--metric", "composite", "--workers", 0)  # fmt: skip
    assert code == 4
    assert "pesq: not installed\nhint: pip install" in err


def test_what_has_no_value_says_why(measure, folders):
    code, out, _ = measure(folders / "clean/a.wav", folders / "clean/a.wav", "--metric", "snr")
    assert (code, out.split()[:3]) == (0, ["snr", "-", "saturated_high:"])
    code, out, _ = measure(folders / "clean", folders / "clean", "--metric", "snr", "--workers", 0)
    assert out.endswith("n = 0 of 2, 2 saturated_high\n")


def test_some_that_fail_end_with_three_and_a_reason(measure, folders):
    (folders / "out/b.wav").write_bytes(b"RIFF")
    code, out, _ = measure(folders / "clean", folders / "out", "--metric", "snr", "--workers", 0)
    assert code == 3
    assert "n = 1 of 2, 1 unreadable" in out
    assert "b: unreadable: " in out
    assert out.endswith("1 of 2 recordings failed, wholly or in part\n")


def test_missing_partners_end_with_two_and_a_remedy(measure, folders):
    (folders / "out/b.wav").unlink()
    code, out, err = measure(folders / "clean", folders / "out")
    assert (code, out) == (2, "")
    assert "1 recordings have no partner: `b` has no estimate" in err
    assert "--allow-missing" in err
    code, out, _ = measure(folders / "clean", folders / "out", "--allow-missing", "--metric", "snr")
    assert (code, out.splitlines()[-1]) == (0, "  `b` has no estimate")


def test_one_folder_alone_is_measured_without_a_reference(measure, folders):
    code, out, _ = measure(folders / "out", "--metric", "loudness", "--workers", 0)
    assert (code, out.split()[0], out.split()[2]) == (0, "loudness", "LUFS")
    code, _, err = measure(folders / "out", "--metric", "snr")
    assert code == 2
    assert "`snr` needs a reference" in err


def test_recordings_of_two_rates_are_counted_apart(measure, folders):
    pytest.importorskip("pesq")
    for folder in ("clean", "out"):
        signal, _ = soundfile.read(folders / folder / "b.wav")
        soundfile.write(folders / folder / "b.wav", signal, 22050, subtype="PCM_16")
    code, out, _ = measure(folders / "clean", folders / "out", "--metric", "pesq_nb", "--metric", "snr", "--workers", 0)
    assert code == 0
    counts = {line.split()[0]: line.partition("  n = ")[2] for line in out.splitlines()}
    apart = "1 of 2, 1 under another name"
    assert counts == {"snr": "2", "pesq_nb": apart, "pesq_nb:from-22050": apart}


def test_a_transcriber_that_is_none_ends_with_two(measure, folders, monkeypatch):
    monkeypatch.setenv("SEPBENCH_TRANSCRIBER", "math:pi")
    for workers in (0, 2):
        code, _, err = measure(folders / "clean", folders / "out", "--metric", "wer", "--workers", workers)
        assert code == 2
        assert "SEPBENCH_TRANSCRIBER: expected `module:object`" in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_what_is_no_regular_file_is_refused_on_either_side(measure, folders, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for pair in ((folders / "clean/a.wav", tmp_path / "pipe"), (tmp_path / "pipe", folders / "clean/a.wav")):
        code, _, err = measure(*pair, "--metric", "snr")
        assert code == 2
        assert "not a regular file" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_output_that_cannot_be_written_is_no_bug():
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "sepbench", "list", "metrics", "--json"]
        ran = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ran.returncode == 4
    assert "can't be written (No space left on device)" in ran.stderr
