"""ViSQOL: what is ours around the package, and that the numbers are the package's."""

from __future__ import annotations

import sys
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from sepbench.errors import MissingExtraError, SignalError
from sepbench.metrics import visqol_audio, visqol_speech
from sepbench.metrics.visqol import VISQOL_AUDIO, VISQOL_SPEECH

module = import_module("sepbench.metrics.visqol")


class Listener:
    """A listener who counts the samples that differ."""

    def measure_from_arrays(self, reference, estimate, sample_rate):
        if not reference[0]:
            raise RuntimeError("nothing to compare")
        return SimpleNamespace(moslqo=5 - 4 * np.mean(reference != estimate))


@pytest.fixture
def package(monkeypatch):
    monkeypatch.setitem(sys.modules, "visqol", SimpleNamespace())
    monkeypatch.setattr(module, "_listener", lambda mode: Listener())


def test_without_the_package_the_function_names_the_extra_and_the_scorer_a_reason(monkeypatch, noise):
    monkeypatch.setitem(sys.modules, "visqol", None)
    signal = noise(1, 16000)
    with pytest.raises(MissingExtraError, match=r"sepbench\[visqol\]"):
        visqol_speech(signal, signal, 16000)
    found = VISQOL_SPEECH.score({"a": signal}, {"a": signal}, 16000)["a"]["visqol_speech"]
    assert found == (None, "not_installed", "visqol_speech: not installed")


def test_leading_axes_stay(package, noise):
    reference = noise(2, 16000)
    assert visqol_speech(reference, np.stack([reference[0], reference[0]]), 16000).tolist() == [5.0, 1.0]


def test_each_mode_has_its_rate(package, noise):
    pair = {"a": noise(1, 48000)}, {"a": noise(1, 48000)}
    assert list(VISQOL_AUDIO.score(*pair, 48000)["a"]) == ["visqol_audio"]
    assert list(VISQOL_SPEECH.score(*pair, 48000)["a"]) == ["visqol_speech:from-48000"]
    with pytest.raises(SignalError, match="expected a sample rate of 48000, got 16000"):
        visqol_audio(noise(100), noise(100), 16000)


def test_what_the_package_can_not_compare_is_a_reason(package, noise):
    reference = noise(1, 16000)
    reference[0, 0] = 0
    found = VISQOL_SPEECH.score({"a": reference}, {"a": noise(1, 16000)}, 16000)["a"]["visqol_speech"]
    assert found == (None, "metric_failed", "visqol: nothing to compare")
    assert np.isnan(visqol_speech(reference, noise(1, 16000), 16000))


def test_less_than_a_second_is_too_short(package, noise):
    assert (
        VISQOL_SPEECH.score({"a": noise(1, 15999)}, {"a": noise(1, 15999)}, 16000)["a"]["visqol_speech"].status
        == "too_short"
    )


def test_the_numbers_are_the_package_s(speech_like, noise):
    visqol = pytest.importorskip("visqol")
    reference = speech_like(1.5)
    estimate = reference + 0.01 * noise(len(reference))
    listener = visqol.VisqolApi()
    listener.create(mode="speech", use_lattice_model=False)
    expected = listener.measure_from_arrays(reference, estimate, 16000).moslqo
    assert float(visqol_speech(reference, estimate, 16000)) == expected
    assert float(visqol_speech(reference, reference, 16000)) > expected
