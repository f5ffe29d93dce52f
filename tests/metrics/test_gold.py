"""Integer signals with values from exact arithmetic; `gold/make_gold.py` says how they were made."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from sepbench.metrics import bss_eval_images, bss_eval_sources, sd_sdr, si_sdr, snr

FOLDER = Path(__file__).parent / "gold"
VALUES = json.loads((FOLDER / "gold.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def make_gold():
    spec = importlib.util.spec_from_file_location("make_gold", FOLDER / "make_gold.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def signals(make_gold):
    return make_gold.signals()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("measure", [snr, sd_sdr, si_sdr], ids=lambda measure: measure.__name__)
def test_ratios_are_those_of_rational_arithmetic(signals, name, measure):
    speech, _, estimates = signals
    assert float(measure(speech, estimates[name])) == pytest.approx(VALUES[name][measure.__name__], abs=1e-12)


@pytest.mark.parametrize("name", VALUES)
def test_bss_eval_is_that_of_exact_correlations_and_extended_precision(signals, name):
    speech, other, estimates = signals
    found = bss_eval_sources(np.stack([speech, other]), estimates[name][None])
    for criterion in ("sdr", "sir", "sar"):  # to 74 dB: from 50 on the waveforms are looked at
        assert float(getattr(found, criterion)[0]) == pytest.approx(VALUES[name][criterion], abs=1e-9)


def test_mono_images_have_the_interference_and_artefacts_of_sources(signals):
    """Over the whole recording the projections are the same; version 4 counts what the filter changes as distortion."""
    speech, other, estimates = signals
    found = bss_eval_images(np.stack([speech, other])[:, None], estimates["noisy"][None, None])
    assert float(found.sir[0]) == pytest.approx(VALUES["noisy"]["sir"], abs=1e-9)
    assert float(found.sar[0]) == pytest.approx(VALUES["noisy"]["sar"], abs=1e-9)
    assert float(found.sdr[0]) == pytest.approx(VALUES["noisy"]["snr"], abs=1e-12)


def test_stored_ratios_are_those_of_the_script(make_gold, signals):
    speech, _, estimates = signals
    for name, estimate in estimates.items():
        for key, ratio in make_gold.exact_ratios(speech, estimate).items():
            assert VALUES[name][key] == pytest.approx(
                make_gold.decibels(ratio), abs=1e-13
            )  # logarithms differ by platform
