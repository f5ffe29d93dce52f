"""Rendering: a pure function of a row and the recordings that it names.

`sepbench.mixdown` has the arithmetic; here sources are fetched and put in their places, and what came out is measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench import level, mixdown, renderings
from sepbench.audio import FULL_SCALE_BITS, pcm_sha256
from sepbench.errors import SepbenchError, SignalError, SilentSignalError, TransformError, UsageError
from sepbench.level import UNITY, Gain
from sepbench.loudness import integrated_loudness
from sepbench.mixdown import Mixdown, Prepared, planned_gain
from sepbench.mixing.chains import UnknownTransformError, parsed
from sepbench.mixing.proofs import failed_proof
from sepbench.mixing.recordings import Recordings, UnusableSourceError
from sepbench.recipe import DEGRADATION

__all__ = ["Rendered", "render", "render_into", "without_audio"]


@dataclass(frozen=True)
class Rendered:
    """What came out of a row.

    Attributes
    ----------
    mixture : ndarray of int16 or int32, shape (channel, time)
        int16 at 16 bits, int32 at 24.
    stems : dict of str to ndarray of int16 or int32, shape (channel, time)
        They sum up to the mixture, sample by sample (but see `sepbench.renderings`). Empty where the status is not ``ok``.
    proof : dict
        As `sepbench.manifest.PROOF` says.
    """

    mixture: NDArray[Any]
    stems: dict[str, NDArray[Any]]
    proof: dict[str, Any]


class _NoMixture(Exception):
    """Ends a rendering with a status instead of audio."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def render(row: Mapping[str, Any], recordings: Recordings | Mapping[str, Path], *, frozen: bool = True) -> Rendered:
    """Make the audio of one row.

    Parameters
    ----------
    row : mapping
        A row of a manifest.
    recordings : Recordings, or mapping of str to Path
        Where sources come from; or just the folder of each public set.
    frozen : bool
        Take the gains of the row's proof, where it has one, instead of computing them again.

    Returns
    -------
    Rendered
        With a status other than ``ok`` in its proof, and no audio, where a source is silent, missing, unreadable or
        changed, or where the mixture would clip and the recipe says ``fail``.
    """
    recordings = recordings if isinstance(recordings, Recordings) else Recordings(recordings)
    try:
        made = _mixed(row, recordings, frozen=frozen)
    except _NoMixture as end:
        return without_audio(row, end.status, str(end))
    return Rendered(made.mixture, made.stems, _proof(row, made, _float_stages(row, recordings)))


def without_audio(row: Mapping[str, Any], status: str, reason: str) -> Rendered:
    """Give what comes of a row that has no audio."""
    return Rendered(np.zeros((row["channels"], 0), np.int16), {}, failed_proof(status, reason))


def render_into(
    row: Mapping[str, Any],
    recordings: Recordings,
    stems: Mapping[str, NDArray[np.float32]],
    mixture: NDArray[np.float32],
) -> str | None:
    """Make the audio of one row as floats, without measuring it: for training, where nobody reads the proof.

    Parameters
    ----------
    stems, mixture : float32 arrays of shape (channel, time)
        Written: what `render` gives, divided by full scale.

    Returns
    -------
    str or None
        Why there is no audio, where there is none.
    """
    proof = row.get("proof")
    try:
        if proof and proof["status"] == "ok" and not (row.get("rendering") or row.get("degradations")):
            prepared = [_prepare(source, row, recordings) for source in row["sources"]]
            mixdown.mix_into(row, prepared, _gains(proof), stems, mixture)
            return None
        made = _mixed(row, recordings, frozen=False)
    except (_NoMixture, mixdown.ClippedError) as end:
        return str(end)
    to_one = np.float32(2.0 ** (1 - row["bits"]))
    np.multiply(made.mixture, to_one, out=mixture)
    for name, stem in made.stems.items():
        np.multiply(stem, to_one, out=stems[name])
    return None


def _gains(proof: Mapping[str, Any]) -> list[Gain]:
    return [Gain(gain["mantissa"], gain["shift"]) for gain in proof["gains"]]


def _mixed(row: Mapping[str, Any], recordings: Recordings, *, frozen: bool) -> Mixdown:
    if row.get("rendering"):
        return _by_script(row, recordings)
    prepared = [_prepare(source, row, recordings) for source in row["sources"]]
    proof = row.get("proof") if frozen else None
    known = (_gains(proof), Gain(**proof["common_gain"])) if proof and proof["status"] == "ok" else None
    try:
        made = mixdown.mix_down(row, prepared, frozen=known)
        return _degraded(row, made, recordings) if row.get("degradations") else made
    except SilentSignalError as error:
        raise _NoMixture("silent_source", "the sources cancel each other: nothing to bring to a level") from error
    except mixdown.ClippedError as error:
        raise _NoMixture("clipped", str(error)) from error


def _degraded(row: Mapping[str, Any], made: Mixdown, recordings: Recordings) -> Mixdown:
    """Degrade the mixture; what that changes of it is a stem of its own, so that the stems still add up."""
    full_scale = 2.0 ** (row["bits"] - 1)
    signal = np.rint(
        full_scale * _chained(row["degradations"], DEGRADATION, row, made.mixture / full_scale, recordings)
    )
    change = signal - made.mixture
    if max(np.abs(signal).max(), np.abs(change).max()) > full_scale - 1:
        raise mixdown.ClippedError("the degradations drive the mixture, or what they change of it, beyond full scale")
    kind = made.mixture.dtype
    stems = made.stems | {DEGRADATION: change.astype(kind)}
    return mixdown.as_mixdown(row, made.gains, made.common, stems, signal.astype(kind))


def _by_script(row: Mapping[str, Any], recordings: Recordings) -> Mixdown:
    """Make a row as somebody's own script does."""
    named = row["rendering"]
    try:
        rendering, parameters = renderings.load(named["name"]), json.loads(named["parameters"])
    except (SepbenchError, ValueError) as error:
        raise _NoMixture("unknown_rendering", str(error)) from error
    heard: list[renderings.Heard] = []
    for source in row["sources"]:
        if rendering.whole and source["name"] in [one.name for one in heard]:
            continue  # a noise that the exact form lays down several times is one recording
        samples, bits = _as_recorded(source, recordings) if rendering.whole else _prepare(source, row, recordings)
        heard.append(renderings.Heard(source["name"], source["role"], samples * 2.0 ** (1 - bits)))
    try:
        made = rendering.make(row, heard, parameters)
    except SignalError as error:
        raise _NoMixture("rendering_failed", error.message) from error
    gains = [planned_gain(source) or UNITY for source in row["sources"]]
    return mixdown.as_mixdown(row, gains, UNITY, made.stems, made.mixture)


def _as_recorded(source: Mapping[str, Any], recordings: Recordings) -> tuple[NDArray[Any], int]:
    """Give all of a recording, at its own rate."""
    named = {**source, "pcm_sha256": source["source_pcm_sha256"]}
    try:
        return recordings.whole(named, 1, source["sample_rate"])
    except UnusableSourceError as error:
        raise _NoMixture(error.status, error.reason) from error


def _prepare(source: Mapping[str, Any], row: Mapping[str, Any], recordings: Recordings) -> Prepared:
    """Give a source in its place in the mixture."""
    try:
        samples, bits = recordings.excerpt(source, row["channels"], row["sample_rate"])
    except UnusableSourceError as error:
        raise _NoMixture(error.status, error.reason) from error
    if not (samples[:, :64].any() or samples.any()):
        raise _NoMixture("silent_source", f"{source['name']}: the excerpt of `{source['item']}` is digital silence")
    if source["transforms"]:
        samples, bits = _transformed(source, row, samples, bits, recordings), FULL_SCALE_BITS
    if samples.shape[1] == row["frames"]:
        return Prepared(samples, bits)
    placed = np.zeros((row["channels"], row["frames"]), samples.dtype)
    room = placed[:, source["offset"] :]
    room[:, : samples.shape[1]] = samples[:, : room.shape[1]]
    return Prepared(placed, bits)


def _transformed(
    source: Mapping[str, Any], row: Mapping[str, Any], samples: NDArray[Any], bits: int, recordings: Recordings
) -> NDArray[np.int32]:
    """Apply a source's transforms as floats, and round what comes out once, to 24 bits."""
    signal = _chained(source["transforms"], source["name"], row, samples * 2.0 ** (1 - bits), recordings)
    scaled = np.rint(signal * 2.0 ** (FULL_SCALE_BITS - 1))
    if not (np.abs(scaled) < 1 << (FULL_SCALE_BITS + 1)).all():
        raise _NoMixture(
            "transform_failed", f"{source['name']}: its transforms drive it 12 dB above full scale, or to NaN"
        )
    if not scaled.any():
        raise _NoMixture("silent_source", f"{source['name']}: its transforms leave nothing of it")
    return scaled.astype(np.int32)


def _chained(
    links: Sequence[Mapping[str, str]],
    name: str,
    row: Mapping[str, Any],
    signal: NDArray[np.float64],
    recordings: Recordings,
) -> NDArray[np.float64]:
    """Apply a chain of transforms as a row holds it; `name` is for the reason of a failure."""
    try:
        for link in parsed(links):
            others = {
                key: _whole(value, row, recordings) for key, value in link.parameters.items() if isinstance(value, dict)
            }
            signal = link.transform.apply(signal, row["sample_rate"], link.numbers, others)
    except UnknownTransformError as error:
        raise _NoMixture("unknown_transform", f"{name}: {error}") from error
    except UnusableSourceError as error:
        raise _NoMixture(error.status, error.reason) from error
    except (SignalError, TransformError, UsageError) as error:
        raise _NoMixture("transform_failed", f"{name}: {error.message}") from error
    return signal


def _whole(named: Mapping[str, str], row: Mapping[str, Any], recordings: Recordings) -> NDArray[np.float64]:
    """Give a recording that is a parameter, an impulse response, say, at the mixture's rate."""
    samples, bits = recordings.whole(named, row["channels"], row["sample_rate"])
    return samples * 2.0 ** (1 - bits)


def _float_stages(row: Mapping[str, Any], recordings: Recordings) -> list[str]:
    """Name the stages that were not exact, with the versions that made them."""
    stages: dict[str, None] = {}
    for source in row["sources"]:
        decoder = recordings.decoder(source)
        if decoder:
            stages[f"decode {source['name']}: {decoder}"] = None
    rendering = renderings.load(row["rendering"]["name"]) if row.get("rendering") else None
    chains = [(source["name"], source["transforms"]) for source in row["sources"]]
    chains = [] if rendering and rendering.whole else [*chains, (DEGRADATION, row.get("degradations") or ())]
    for name, chain in chains:
        for link in parsed(chain):
            if not link.transform.exact:
                stages[f"{link.transform.name} {name}: {link.transform.stage()}"] = None
    if rendering:
        stages[f"rendering {rendering.name}: {rendering.stage()}"] = None
    return list(stages)


def _proof(row: Mapping[str, Any], made: Mixdown, float_stages: list[str]) -> dict[str, Any]:
    """Measure what came out."""
    rate, bits = row["sample_rate"], row["bits"]
    ours = mixdown.side_of_target(row)
    own = [stem for name, stem in made.floats.items() if name in ours]
    rest = [stem for name, stem in made.floats.items() if name not in ours]
    full_scale = 1 << (bits - 1)
    roles = {DEGRADATION: "noise"} | {source["name"]: source["role"] for source in reversed(row["sources"])}
    peak = max(int(made.mixture.max()), -int(made.mixture.min()))
    return {
        "status": "ok",
        "reason": None,
        "gains": [gain._asdict() for gain in made.gains],
        "common_gain": made.common._asdict(),
        "stems": [
            {
                "name": name,
                "role": roles[name],
                "stem_pcm_sha256": pcm_sha256(stem, rate, bits),
                "rms_dbfs": _finite(level.ratio_db(made.energies[name], stem.size * full_scale * full_scale)),
                "peak": made.peaks[name],
            }
            for name, stem in made.stems.items()
        ],
        "mixture_pcm_sha256": pcm_sha256(made.mixture, rate, bits),
        "achieved_snr_db": _finite(level.ratio_db(made.own_energy, made.rest_energy)),
        "active_snr_db": _active_snr_db(own, rest, rate),
        "loudness_lufs": _to_six_digits(integrated_loudness(made.mixture, rate, full_scale)),
        "peak": peak,
        "clipped_samples": _clipped(made.mixture, full_scale) if peak >= full_scale - 1 else 0,
        "float_stages": float_stages,
    }


def _to_six_digits(value: float | None) -> float | None:
    """Leave out the digits in which linear algebra differs between libraries and numbers of threads."""
    return None if value is None else round(value, 6)


def _clipped(mixture: NDArray[Any], full_scale: int) -> int:
    return int(np.count_nonzero((mixture >= full_scale - 1) | (mixture <= -full_scale)))


def _active_snr_db(
    own: Sequence[NDArray[np.float64]], rest: Sequence[NDArray[np.float64]], sample_rate: int
) -> float | None:
    """SNR over the frames in which the target is within 40 dB of its loudest frame."""
    if not rest:
        return None
    energies, others = (
        _frame_energies(side[0] if len(side) == 1 else np.asarray(sum(side)), mixdown.frame_of(sample_rate))
        for side in (own, rest)
    )
    active = mixdown.active_frames(energies)
    numerator, denominator = float(energies[active].sum()), float(others[active].sum())
    return 10 * math.log10(numerator / denominator) if numerator and denominator else None


def _frame_energies(values: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
    whole = values.shape[1] // frame * frame
    frames = values[:, :whole].reshape(len(values), -1, frame)
    energies: NDArray[np.float64] = np.einsum("cft,cft->f", frames, frames)
    if whole == values.shape[1]:
        return energies
    return np.append(energies, np.square(values[:, whole:]).sum())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
