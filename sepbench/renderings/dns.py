"""The mixer of the DNS challenges from 2021 on, with the ratio that it misses.

``segmental_snr_mixer`` of ``audiolib.py`` (github.com/microsoft/DNS-Challenge, master) means to take the level of the
noise, and of the speech, over the stretches of 100 ms in which the noise is heard, and compares the amplitude of each with a
threshold in decibels, -50: so every stretch counts. It then brings both to -25 dBFS and multiplies the noise with the
ratio of their levels *before* that a second time. So the ratio is wrong by the difference of the levels that both have after
peak normalisation: a few decibels up to twenty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sepbench.errors import SignalError
from sepbench.renderings.rendering import Floats, Heard, Made, Rendering, as_libsndfile_writes

__all__ = ["DNS_MASTER"]

_EPS = np.finfo(float).eps
_TARGET_LEVEL_DBFS = -25.0
_CLIPPING = 0.99
_WINDOW_S = 0.1
_THRESHOLD = -50.0  # meant in decibels, compared with amplitudes


def _render(row: Mapping[str, Any], sources: Sequence[Heard], parameters: Mapping[str, Any]) -> Made:
    """Make a row at its wanted ratio `snr_mdb` and level `level_mdbfs`."""
    clean, noise = (
        np.asarray(sum(one.samples[0] for one in sources if (one.role == "target") == wanted), np.float64)
        for wanted in (True, False)
    )
    if row["snr_mdb"] is None or row["level_mdbfs"] is None or clean.ndim == 0 or noise.ndim == 0:
        raise SignalError("dns-master: needs a target, a noise, a ratio and a level", "give `snr_db` and `level_dbfs`")
    clean, noise = (signal / (np.abs(signal).max() + _EPS) for signal in (clean, noise))
    rms_clean, rms_noise = _active_rms(clean, noise, row["sample_rate"])
    clean, noise = (
        signal * (10 ** (_TARGET_LEVEL_DBFS / 20) / (rms + _EPS))
        for signal, rms in ((clean, rms_clean), (noise, rms_noise))
    )
    noise = noise * (rms_clean / (10 ** (row["snr_mdb"] / 1000 / 20)) / (rms_noise + _EPS))
    noisy = clean + noise
    scale = 10 ** (row["level_mdbfs"] / 1000 / 20) / (_rms(noisy) + _EPS)
    noisy, clean, noise = (signal * scale for signal in (noisy, clean, noise))
    if np.abs(noisy).max() > _CLIPPING:
        scale = np.abs(noisy).max() / (_CLIPPING - _EPS)
        noisy, clean, noise = (signal / scale for signal in (noisy, clean, noise))
    target = next(one.name for one in sources if one.role == "target")
    other = next(one.name for one in sources if one.role != "target")
    stems = {name: as_libsndfile_writes(signal)[None] for name, signal in ((target, clean), (other, noise))}
    return Made(stems, as_libsndfile_writes(noisy)[None])


def _active_rms(clean: Floats, noise: Floats, sample_rate: int) -> tuple[float, float]:
    """Take levels over the windows whose noise is above the threshold: all of them."""
    window = int(sample_rate * _WINDOW_S * 1000 / 1000)
    kept = [
        slice(start, start + window)
        for start in range(0, len(noise), window)
        if _rms(noise[start : start + window]) > _THRESHOLD
    ]
    return tuple(_rms(np.concatenate([signal[one] for one in kept])) for signal in (clean, noise))  # type: ignore[return-value]


def _rms(signal: Floats) -> float:
    return float((signal**2).mean() ** 0.5)


def _stage() -> str:
    return f"numpy {np.__version__}"


DNS_MASTER = Rendering(
    name="dns-master",
    title="The segmental mixer of the DNS challenges, with its wrong ratio",
    definition="Both signals to a peak of 1, to -25 dBFS by their levels, and the noise by the ratio of those levels once more, so that the "
    "delivered ratio is not the wanted one: the proof says what it is. Then the mixture to its level, all divided where it passes 0.99. "
    "Float64; speech, noise and mixture are each rounded down to 16 bits, as libsndfile writes floats into a WAV file. Takes the row's "
    "ratio and level.",
    reference="Reddy et al., ICASSP 2021 deep noise suppression challenge, 2021; segmental_snr_mixer of audiolib.py.",
    function=_render,
    stage=_stage,
    needs=("snr_db", "level_dbfs"),
)
