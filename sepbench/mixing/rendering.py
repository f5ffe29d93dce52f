"""Rendering: a pure function of a row and the recordings that it names.

Sources are prepared as integers on the 24-bit scale, at the mixture's rate and channels; their energies are exact;
wanted levels become gains in decimal arithmetic; each stem is rounded once, half-even, after the common gain; the
mixture is the integer sum of the stems. **This defines corpora: it never changes.**
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench import level
from sepbench.audio import FULL_SCALE_BITS, Ints, Pcm, pcm_sha256, read_pcm
from sepbench.errors import AudioError, SilentSignalError
from sepbench.level import UNITY, Gain
from sepbench.mixing.roots import inside
from sepbench.resample import resample

__all__ = ["Rendered", "render"]

_CACHE_BYTES = 256 << 20
_ACTIVE_RANGE_DB = 40
_ACTIVE_FRAME_S = 0.02


@dataclass(frozen=True)
class Rendered:
    """What came out of a row.

    Attributes
    ----------
    mixture : ndarray of int32, shape (channel, time)
    stems : dict of str to ndarray of int32, shape (channel, time)
        They sum up to the mixture, sample by sample. Empty where the status is not ``ok``.
    proof : dict
        As `sepbench.manifest.PROOF` says.
    """

    mixture: Ints
    stems: dict[str, Ints]
    proof: dict[str, Any]


class _NoMixture(Exception):
    """Ends a rendering with a status instead of audio."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def render(row: Mapping[str, Any], roots: Mapping[str, Path], *, frozen: bool = True) -> Rendered:
    """Make the audio of one row.

    Parameters
    ----------
    row : mapping
        A row of a manifest.
    roots : mapping of str to Path
        The folder of each public set.
    frozen : bool
        Take the gains of the row's proof, where it has one, instead of computing them again.

    Returns
    -------
    Rendered
        With a status other than ``ok`` in its proof, and no audio, where a source is silent, missing, unreadable or
        changed, or where the mixture would clip and the recipe says ``fail``.
    """
    try:
        prepared = [_prepare(source, row, roots) for source in row["sources"]]
        proof = row.get("proof") if frozen else None
        if proof and proof["status"] == "ok":
            gains = [Gain(gain["mantissa"], gain["shift"]) for gain in proof["gains"]]
            common = Gain(**proof["common_gain"])
        else:
            gains, common = _gains(row, prepared)
        stems = _stems(row, prepared, gains)
    except _NoMixture as end:
        return Rendered(np.zeros((row["channels"], 0), np.int32), {}, _failure(end.status, str(end)))
    mixture: Ints = np.sum(np.stack(list(stems.values())), axis=0, dtype=np.int32)
    return Rendered(mixture, stems, _proof(row, stems, mixture, gains, common))


def _prepare(source: Mapping[str, Any], row: Mapping[str, Any], roots: Mapping[str, Path]) -> Ints:
    """Give a source as (channel, time) integers on the 24-bit scale, in its place in the mixture."""
    whole = _whole(source, row, roots)
    if source["loop"]:
        part = whole[:, (source["start"] + np.arange(source["frames"])) % whole.shape[1]]
    else:
        part = whole[:, source["start"] : source["start"] + source["frames"]]
    if not part.any():
        raise _NoMixture("silent_source", f"{source['name']}: the excerpt of `{source['item']}` is digital silence")
    if part.shape[1] == row["frames"]:
        return part
    placed = np.zeros((row["channels"], row["frames"]), np.int32)
    placed[:, source["offset"] : source["offset"] + part.shape[1]] = part
    return placed


_cache: OrderedDict[tuple[Any, ...], Ints] = OrderedDict()


def _whole(source: Mapping[str, Any], row: Mapping[str, Any], roots: Mapping[str, Path]) -> Ints:
    """Decode a recording, hold it against its hash, and bring it to the mixture's channels and rate."""
    path = inside(roots[source["set"]], source["path"])
    key = (path, source["source_pcm_sha256"], source["downmix"], row["channels"], row["sample_rate"])
    if key in _cache:
        _cache.move_to_end(key)
        return _cache[key]
    if not path.exists():
        raise _NoMixture("source_missing", f"{path}: is not there")
    try:
        pcm = read_pcm(path)
    except AudioError as error:
        raise _NoMixture("source_unreadable", error.message) from error
    if pcm.sha256() != source["source_pcm_sha256"]:
        raise _NoMixture("source_changed", f"{path}: decodes to other samples than when it was indexed")
    whole = resample(_downmixed(pcm, source["downmix"], row["channels"]), pcm.sample_rate, row["sample_rate"])
    _cache[key] = whole
    while sum(array.nbytes for array in _cache.values()) > _CACHE_BYTES and len(_cache) > 1:
        _cache.popitem(last=False)
    return whole


def _downmixed(pcm: Pcm, policy: str, channels: int) -> Ints:
    samples = pcm.at_24_bits()
    if policy == "first":
        return samples[:1]
    if policy == "mean":
        mean: Ints = np.rint(samples.sum(axis=0, keepdims=True, dtype=np.int64) / pcm.channels).astype(np.int32)
        return mean
    if policy == "copy":
        return np.repeat(samples, channels, axis=0)
    return samples


def _gains(row: Mapping[str, Any], prepared: list[Ints]) -> tuple[list[Gain], Gain]:
    """Turn wanted levels into the gains of the sources, the common gain against clipping included."""
    sources = row["sources"]
    target_name = _target(row)
    targets = [place for place, source in enumerate(sources) if source["name"] == target_name]
    try:
        target_gain = _own_gain(sources[targets[0]], prepared[targets[0]])
        target_energy = _energy_of_sum([prepared[place] for place in targets])
        gains = []
        for source, samples in zip(sources, prepared, strict=True):
            if source["name"] == target_name:
                gains.append(target_gain)
            elif source["snr_mdb"] is not None:
                ratio = level.gain_for_snr(target_energy, level.energy(samples), source["snr_mdb"])
                gains.append(Gain.of(ratio) * target_gain)
            else:
                gains.append(_own_gain(source, samples))
        if row["snr_mdb"] is not None:
            rest = [place for place in range(len(sources)) if place not in targets]
            ratio = level.gain_for_snr(
                target_energy, _energy_of_sum([prepared[place] for place in rest]), row["snr_mdb"]
            )
            for place in rest:
                gains[place] = Gain.of(ratio) * target_gain
    except SilentSignalError as error:
        raise _NoMixture("silent_source", "the sources cancel each other: nothing to bring to a level") from error
    common = _common_gain(row, prepared, gains)
    return ([gain * common for gain in gains] if common != UNITY else gains), common


def _own_gain(source: Mapping[str, Any], samples: Ints) -> Gain:
    if source["level_mdbfs"] is None:
        return UNITY
    wanted = source["level_mdbfs"]
    return Gain.of(level.gain_for_level(level.energy(samples), samples.size, wanted, FULL_SCALE_BITS))


def _energy_of_sum(signals: list[Ints]) -> int:
    return level.energy(signals[0] if len(signals) == 1 else np.stack(signals).sum(axis=0, dtype=np.int64))


def _common_gain(row: Mapping[str, Any], prepared: list[Ints], gains: list[Gain]) -> Gain:
    """Bring the loudest of mixture and stems below the peak, leaving room for the rounding of each stem."""
    sums = _scaled_sums(row, prepared, gains)
    mixture = np.sum(list(sums.values()), axis=0)
    peak = max(float(np.abs(signal).max()) for signal in (mixture, *sums.values()))
    limit = int(level.amplitude(row["peak_mdbfs"]) * (1 << (row["bits"] - 1))) - len(sums)
    if peak <= limit:
        return UNITY
    if row["clipping"] == "fail":
        over = 20 * math.log10(peak / limit)
        raise _NoMixture("clipped", f"the peak would be {over:.2f} dB above {row['peak_mdbfs'] / 1000:g} dBFS")
    return level.gain_for_peak(limit, peak)


def _scaled_sums(row: Mapping[str, Any], prepared: list[Ints], gains: list[Gain]) -> dict[str, NDArray[np.float64]]:
    """Multiply sources with their gains and sum them by name, in steps of the output, before rounding.

    Gain times sample is exact in float64, 28 + 25 bits; sums are made in the order of the sources, with one IEEE
    addition each, so every machine gets the same.
    """
    to_output = 2.0 ** (row["bits"] - FULL_SCALE_BITS)
    sums: dict[str, NDArray[np.float64]] = {}
    for source, samples, gain in zip(row["sources"], prepared, gains, strict=True):
        scaled = samples * (float(gain) * to_output)
        sums[source["name"]] = sums[source["name"]] + scaled if source["name"] in sums else scaled
    return sums


def _stems(row: Mapping[str, Any], prepared: list[Ints], gains: list[Gain]) -> dict[str, Ints]:
    return {name: np.rint(signal).astype(np.int32) for name, signal in _scaled_sums(row, prepared, gains).items()}


def _target(row: Mapping[str, Any]) -> str:
    return str(next(source["name"] for source in row["sources"] if source["role"] == "target"))


def _failure(status: str, reason: str) -> dict[str, Any]:
    return {"status": status, "reason": reason, "gains": [], "common_gain": None, "stems": [],
            "mixture_pcm_sha256": None, "achieved_snr_db": None, "active_snr_db": None, "loudness_lufs": None,
            "peak": None, "clipped_samples": None, "float_stages": []}  # fmt: skip


def _proof(
    row: Mapping[str, Any], stems: Mapping[str, Ints], mixture: Ints, gains: list[Gain], common: Gain
) -> dict[str, Any]:
    """Measure what came out."""
    rate, bits = row["sample_rate"], row["bits"]
    target = stems[_target(row)]
    rest = mixture - target
    full_scale = 1 << (bits - 1)
    roles = {source["name"]: source["role"] for source in reversed(row["sources"])}
    return {
        "status": "ok",
        "reason": None,
        "gains": [gain._asdict() for gain in gains],
        "common_gain": common._asdict(),
        "stems": [
            {
                "name": name,
                "role": roles[name],
                "stem_pcm_sha256": pcm_sha256(stem, rate, bits),
                "rms_dbfs": _rms_dbfs(stem, full_scale),
                "peak": int(np.abs(stem).max()),
            }
            for name, stem in stems.items()
        ],
        "mixture_pcm_sha256": pcm_sha256(mixture, rate, bits),
        "achieved_snr_db": _finite(level.ratio_db(level.energy(target), level.energy(rest))),
        "active_snr_db": _active_snr_db(target, rest, rate),
        "loudness_lufs": _loudness(mixture / full_scale, rate),
        "peak": int(np.abs(mixture).max()),
        "clipped_samples": int(np.count_nonzero((mixture >= full_scale - 1) | (mixture <= -full_scale))),
        "float_stages": [],
    }


def _rms_dbfs(samples: Ints, full_scale: int) -> float | None:
    return _finite(level.ratio_db(level.energy(samples), samples.size * full_scale * full_scale))


def _active_snr_db(target: Ints, rest: Ints, sample_rate: int) -> float | None:
    """SNR over the frames in which the target is within 40 dB of its loudest frame."""
    frame = max(1, round(_ACTIVE_FRAME_S * sample_rate))
    starts = np.arange(0, target.shape[1], frame)
    target_energy, rest_energy = (
        np.add.reduceat(np.square(signal, dtype=np.float64).sum(axis=0), starts) for signal in (target, rest)
    )
    active = target_energy >= target_energy.max() * 10 ** (-_ACTIVE_RANGE_DB / 10)
    numerator, denominator = float(target_energy[active].sum()), float(rest_energy[active].sum())
    return 10 * math.log10(numerator / denominator) if numerator and denominator else None


def _loudness(samples: NDArray[np.float64], sample_rate: int) -> float | None:
    import pyloudnorm

    if samples.shape[1] < 0.4 * sample_rate:
        return None
    return _finite(float(pyloudnorm.Meter(sample_rate).integrated_loudness(samples.T)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
