from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest


@pytest.fixture(scope="session")
def speech_like():
    """Make noise in syllables, with pauses: what PESQ takes for utterances and STOI for envelopes."""

    def make(seconds: float, sample_rate: int = 16000, *, seed: int = 0) -> np.ndarray:
        draws = np.random.default_rng(seed)
        time = np.arange(int(seconds * sample_rate)) / sample_rate
        syllables = np.clip(np.sin(2 * np.pi * 3 * time), 0, None) * (time % 1.5 < 1.0)
        noise = np.convolve(draws.standard_normal(len(time)), np.ones(4) / 4, mode="same")
        return (0.2 * syllables * noise).astype(np.float32).astype(np.float64)

    return make


@pytest.fixture(scope="session")
def noise():
    def make(*shape: int, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).standard_normal(shape)

    return make


@pytest.fixture
def uncompiled(monkeypatch):
    """Give a module of loops as it is where numba is not installed."""

    def load(name: str):
        monkeypatch.setitem(sys.modules, "numba", None)
        for part in ("sepbench.compiling", f"sepbench.metrics.{name}"):
            monkeypatch.delitem(sys.modules, part, raising=False)
        loaded = importlib.import_module(f"sepbench.metrics.{name}")
        assert sys.modules["sepbench.compiling"].numba is None
        return loaded

    kept = {name: module for name, module in sys.modules.items() if name.startswith("sepbench.")}
    yield load
    sys.modules.update(kept)
