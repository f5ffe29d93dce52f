"""Results with known numbers, made in a folder of the test."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepbench import audio, scores

HASH = "sha256:" + "ab" * 32
METRICS = {
    "si_sdr": {
        "title": "SI-SDR",
        "unit": "dB",
        "higher_is_better": True,
        "definition": "Ratio of the scaled reference to what remains.",
        "reference": "Le Roux et al. 2019",
        "version": "sepbench 1",
    },
    "estoi": {"title": "ESTOI", "unit": "", "higher_is_better": True, "definition": "Intelligibility.", "version": "1"},
    "pesq_wb": {"title": "PESQ-WB", "unit": "MOS-LQO", "higher_is_better": True, "version": "pesq 0.0.4"},
}


def _write_result(
    root: Path,
    separator: str,
    values: dict[str, list[float | str]],
    *,
    corpus: dict[str, Any] | None = None,
    about: dict[str, Any] | None = None,
    target: str = "speech",
    examples: list[dict[str, Any]] | None = None,
    rows: dict[str, Any] | None = None,
    folder: str | None = None,
    changed: dict[str, Any] | None = None,
) -> Path:
    """Write one result; a string among the values is a status. Mixtures are in groups of two."""
    described = {
        "name": "speech-urban-16k",
        "title": "Speech in urban noise",
        "description": "Read speech with the noises of a city.",
        "hash": HASH,
        "split": "test",
        "mixtures": max(map(len, values.values())),
        "sample_rate": 16000,
        "channels": 1,
        "targets": ["speech"],
        "licence": "CC-BY-4.0",
        "notes": [],
        "main_metric": "si_sdr",
        **(corpus or {}),
    }
    made = {
        "name": separator,
        "version": "1",
        "kind": "separator",
        "ranked": True,
        "parameters": 123456,
        "description": "A test.",
        **(about or {}),
    }
    path = root / (folder or f"{described['name']}/{separator}")
    path.mkdir(parents=True)
    result = {
        "schema_version": 1,
        "sepbench": "0.1.0",
        "corpus": described,
        "separator": made,
        "leak": [],
        "cost": {"audio_s": 96.0, "separate_s": 12.3, "real_time_factor": 0.128, "threads": 1, "processor": "a CPU"},
        "metrics": METRICS,
        "examples": examples or [],
        **(changed or {}),
    }
    (path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    table = [
        {
            "corpus": described["name"],
            "corpus_hash": described["hash"],
            "mixture_id": f"test-{at:06d}",
            "split": described["split"],
            "group": f"talker-{at // 2}",
            "target": target,
            "separator": made["name"],
            "separator_version": made["version"],
            "metric": metric,
            "metric_version": "sepbench 1",
            "value": None if isinstance(value, str) else value,
            "status": value if isinstance(value, str) else "ok",
            "reason": None,
            "frame": None,
            "snr_db": 5.0,
            "duration_s": 4.0,
            "conditions": [],
            "separate_s": 0.5,
            **(rows or {}),
        }
        for metric, column in values.items()
        for at, value in enumerate(column)
    ]
    scores.write(table, path / scores.FILE_NAME, metadata={})
    return path


def _write_tone(path: Path, hertz: float, *, seconds: float = 0.5, rate: int = 16000) -> None:
    """Write a tone as FLAC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    audio.write_pcm(path, np.rint(8000 * np.sin(2 * np.pi * hertz * time))[None].astype(np.int32), rate, 16)


def _write_example(folder: Path, which: str = "best", **changed: Any) -> dict[str, Any]:
    """Write the three signals of an example into a result's folder, and give its entry."""
    files = {}
    for part, hertz in (("mixture", 300.0), ("reference", 440.0), ("estimate", 1000.0)):
        files[part] = f"examples/test-000000/{part}.flac"
        if not (folder / files[part]).exists():
            _write_tone(folder / files[part], hertz)
    return {
        "which": which,
        "mixture_id": "test-000000",
        "target": "speech",
        "metric": "si_sdr_i",
        "value": 12.3,
        "snr_db": 5.0,
        "conditions": {"speech.speaker": "1089", "noise.class": "siren"},
        "files": files,
        **changed,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the folder in which `write_result` puts results."""
    return tmp_path / "results"


@pytest.fixture(scope="session")
def write_result_in() -> Callable[..., Path]:
    """Give a function that writes one result into a folder of results and returns its own folder."""
    return _write_result


@pytest.fixture
def write_result(root: Path) -> Callable[..., Path]:
    """Give the same function for the test's own folder of results."""
    return functools.partial(_write_result, root)


@pytest.fixture(scope="session")
def write_example() -> Callable[..., dict[str, Any]]:
    """Give a function that writes three signals into a folder and returns the example's entry."""
    return _write_example


@pytest.fixture(scope="session")
def edit_json() -> Callable[..., None]:
    """Give a function that changes what a result says of itself, by dotted keys."""

    def edit(folder: Path, **changes: Any) -> None:
        found = json.loads((folder / "result.json").read_text("utf-8"))
        for dotted, value in changes.items():
            *above, last = dotted.split("__")
            functools.reduce(dict.__getitem__, above, found)[last] = value
        (folder / "result.json").write_text(json.dumps(found), encoding="utf-8")

    return edit


@pytest.fixture
def results(root: Path) -> Path:
    """Give a folder with two separators, the mixture and an oracle on six mixtures of three talkers."""
    mixture = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    for name, gain in {"unet": 8.0, "gate": 2.0, "mixture": 0.0, "irm": 12.0}.items():
        kind = {"mixture": "trivial", "irm": "oracle"}.get(name, "separator")
        _write_result(
            root,
            name,
            {
                "si_sdr": [value + gain for value in mixture],
                "si_sdr_i": [gain] * 6,
                "estoi": [0.5 + gain / 100] * 6,
                "pesq_wb": ["not_installed"] * 6,
            },
            about={"kind": kind, "ranked": kind == "separator", "parameters": 123456 if name == "unet" else None},
        )
    return root
