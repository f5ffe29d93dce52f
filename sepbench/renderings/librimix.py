"""LibriMix as its script renders it: single precision, gains at 16 kHz, then scipy's polyphase resampling.

Of ``create_librimix_from_metadata.py`` (github.com/JorisCos/LibriMix): recordings are read as float32; a noise that is shorter
than the longest talker is repeated with cross-fades; each source is multiplied with its gain, resampled and cut (`min`)
or padded (`max`); the mixture is the sum of these floats. All are written as 16-bit WAV each for itself, so the written
mixture is not the sum of the written sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sepbench.renderings.rendering import Floats, Heard, Made, Rendering, as_libsndfile_writes

__all__ = ["LIBRIMIX", "RATE"]

RATE = 16000  # of both sets, at which the gains apply


def _render(row: Mapping[str, Any], sources: Sequence[Heard], parameters: Mapping[str, Any]) -> Made:
    """Make a row; its parameters hold the gains of the sources, and the length of the longest talker at 16 kHz."""
    made: dict[str, Floats] = {}
    for source, gain in zip(sources, parameters["gains"], strict=True):
        samples = source.samples[0].astype(np.float32)
        if source.role == "noise":
            samples = _extended(samples[: int(parameters["longest"])], int(parameters["longest"]))
        made[source.name] = _fitted(_resampled(samples * float(gain), row["sample_rate"]), row["frames"])
    mixture = np.zeros(row["frames"], np.float32)
    for samples in made.values():
        mixture += samples  # a noise that was extended is of double precision; the sum is rounded to single precision
    stems = {name: as_libsndfile_writes(samples)[None] for name, samples in made.items()}
    return Made(stems, as_libsndfile_writes(mixture)[None])


def _extended(noise: Floats, frames: int) -> Floats:
    """Repeat a noise until it is long enough, each time with a cross-fade of half a Hann window of 1 s."""
    window = np.hanning(RATE + 1)
    rise, fall = window[: RATE // 2 + 1], window[RATE // 2 :: -1]
    longer = noise
    while len(longer) < frames:
        before, end = np.split(longer, [len(longer) - len(fall)])
        longer = np.concatenate([before, end * fall + noise[: len(rise)] * rise, noise[len(rise) :]])
    return longer[:frames]


def _resampled(samples: Floats, sample_rate: int) -> Floats:
    if sample_rate == RATE:
        return samples
    from scipy.signal import resample_poly

    resampled: Floats = resample_poly(samples, sample_rate, RATE)
    return resampled


def _fitted(samples: Floats, frames: int) -> Floats:
    return np.pad(samples[:frames], (0, max(0, frames - len(samples))))


def _stage() -> str:
    import scipy

    return f"numpy {np.__version__}, scipy {scipy.__version__}"


LIBRIMIX = Rendering(
    name="librimix",
    title="LibriMix's own script",
    definition="Float32 throughout: gains at 16 kHz, `scipy.signal.resample_poly` to the corpus's rate, cut or padded, summed; "
    "mixture and sources are each rounded down to 16 bits, as libsndfile writes floats into a WAV file, so that the mixture is the "
    "sum of the sources only within a few steps. Takes `gains` and `longest` from the list.",
    reference="Cosentino et al., LibriMix: an open-source dataset for generalizable speech separation, 2020; "
    "create_librimix_from_metadata.py",
    function=_render,
    stage=_stage,
    listed=True,
    whole=True,
)
