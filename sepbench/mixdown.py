"""The arithmetic of a mixture: from prepared sources and wanted levels to stems and their sum.

Sources are integers; their energies are exact; wanted levels become gains in decimal arithmetic; each stem is rounded
once, half-even, after the common gain; the mixture is the integer sum of the stems. It needs NumPy and nothing else.
**This defines corpora: it never changes.**
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench import level
from sepbench.audio import FULL_SCALE_BITS
from sepbench.level import UNITY, Gain

__all__ = ["ClippedError", "Mixdown", "Prepared", "mix_down", "mix_into", "target_of"]

Floats = NDArray[np.float64]
_NEAR_MDB = Decimal(1)  # thousandths of a decibel: how near to the wanted SNR the stored samples shall be
_TOUCHES = 24


class Prepared(NamedTuple):
    """A source in its place in the mixture, at the mixture's rate and channels.

    Attributes
    ----------
    samples : ndarray of int16 or int32, shape (channel, time)
        Magnitude below 2^25 on the 24-bit scale.
    bits : {16, 24}
        Their scale: a sample at 16 bits is the same at 24 bits times 256.
    """

    samples: NDArray[Any]
    bits: int

    def energy(self) -> int:
        """Give the exact energy on the 24-bit scale."""
        return level.energy(self.samples) << 2 * (FULL_SCALE_BITS - self.bits)


class ClippedError(ValueError):
    """The mixture would clip, and its row says that it must not be turned down."""


@dataclass(frozen=True)
class Mixdown:
    """What came out.

    Attributes
    ----------
    gains : list of Gain
        Of each source, the common gain included.
    common : Gain
        What brought the loudest of mixture and stems below the peak.
    stems : dict of str to ndarray of int16 or int32, shape (channel, time)
        They sum up to the mixture, sample by sample.
    mixture : ndarray of int16 or int32, shape (channel, time)
        As the stems: int16 at 16 bits, int32 at 24.
    floats : dict of str to ndarray of float64
        The same whole numbers as the stems, for whoever measures them.
    energies : dict of str to int
        Of each stem, in steps of the output.
    rest_energy : int
        Of the sum of all stems but the target.
    peaks : dict of str to int
        Largest magnitude of each stem.
    """

    gains: list[Gain]
    common: Gain
    stems: dict[str, NDArray[Any]]
    mixture: NDArray[Any]
    floats: dict[str, Floats]
    energies: dict[str, int]
    rest_energy: int
    peaks: dict[str, int]


def mix_down(
    row: Mapping[str, Any], prepared: Sequence[Prepared], *, frozen: tuple[list[Gain], Gain] | None = None
) -> Mixdown:
    """Mix the sources of a row.

    Parameters
    ----------
    row : mapping
        ``sources`` with their ``name``, ``role``, ``snr_mdb`` and ``level_mdbfs``; ``bits``, ``snr_mdb``, ``clipping``
        and ``peak_mdbfs``.
    prepared : sequence of Prepared
        One for each source, all of one shape.
    frozen : tuple of list of Gain and Gain, optional
        Gains and common gain that are known, instead of computing them.

    Raises
    ------
    SilentSignalError
        If a ratio is wanted to a signal without power.
    ClippedError
        If the peak would be exceeded and ``clipping`` is ``fail``, or frozen gains drive a sample out of range.
    """
    if frozen is not None:
        gains, common = frozen
        return _finished(row, gains, common, _scaled_sums(row, prepared, gains))
    gains = _wanted_gains(row, prepared)
    sums = _scaled_sums(row, prepared, gains)
    common = UNITY if _surely_below_the_peak(row, prepared, gains) else _common_gain(row, sums)
    if common != UNITY:
        gains = [gain * common for gain in gains]
        sums = _scaled_sums(row, prepared, gains)
    made = _finished(row, gains, common, sums)
    return made if row["snr_mdb"] is None else _touched_up(row, prepared, made)


def mix_into(
    row: Mapping[str, Any],
    prepared: Sequence[Prepared],
    gains: Sequence[Gain],
    stems: Mapping[str, NDArray[np.float32]],
    mixture: NDArray[np.float32],
) -> None:
    """Mix the sources of a row with known gains into float arrays: the samples of `mix_down`, divided by full scale.

    Parameters
    ----------
    stems : mapping of str to ndarray of float32, shape (channel, time)
        Written.
    mixture : ndarray of float32, shape (channel, time)
        Written: the sum of the stems, exact in float32.

    Raises
    ------
    ClippedError
        If the gains drive a stem or the mixture out of range.
    """
    to_one = np.float32(2.0 ** (1 - row["bits"]))
    sums = _scaled_sums(row, prepared, gains, _scratch(len(prepared), prepared[0].samples.shape))
    for name, signal in sums.items():
        stem = stems[name]
        np.copyto(stem, np.rint(signal, out=signal), casting="unsafe")
        stem *= to_one
        if not _peak(stem) < 1:
            raise ClippedError(f"the gains drive `{name}` beyond full scale")
    total, *rest = sums.values()
    for signal in rest:  # whole numbers in float64: exact, however many stems there are
        total += signal
    np.copyto(mixture, total, casting="unsafe")
    mixture *= to_one
    if not _peak(mixture) < 1:
        raise ClippedError("the gains drive the mixture beyond full scale")


def target_of(row: Mapping[str, Any]) -> str:
    """Give the name of the stem that ratios refer to: that of the first target."""
    return str(next(source["name"] for source in row["sources"] if source["role"] == "target"))


def _wanted_gains(row: Mapping[str, Any], prepared: Sequence[Prepared]) -> list[Gain]:
    """Turn wanted levels into the gains of the sources, before any common gain."""
    sources = row["sources"]
    name = target_of(row)
    targets = [place for place, source in enumerate(sources) if source["name"] == name]
    target_gain = _own_gain(sources[targets[0]], prepared[targets[0]])
    needs_ratio = row["snr_mdb"] is not None or any(source["snr_mdb"] is not None for source in sources)
    target_energy = _energy_of_sum([prepared[place] for place in targets]) if needs_ratio else 0
    gains = []
    for source, samples in zip(sources, prepared, strict=True):
        if source["name"] == name:
            gains.append(target_gain)
        elif source["snr_mdb"] is not None:
            ratio = level.gain_for_snr(target_energy, samples.energy(), source["snr_mdb"])
            gains.append(Gain.of(ratio) * target_gain)
        else:
            gains.append(_own_gain(source, samples))
    if row["snr_mdb"] is not None:
        rest = [place for place in range(len(sources)) if place not in targets]
        ratio = level.gain_for_snr(target_energy, _energy_of_sum([prepared[place] for place in rest]), row["snr_mdb"])
        for place in rest:
            gains[place] = Gain.of(ratio) * target_gain
    return gains


def _own_gain(source: Mapping[str, Any], samples: Prepared) -> Gain:
    if source["level_mdbfs"] is None:
        return UNITY
    wanted = source["level_mdbfs"]
    return Gain.of(level.gain_for_level(samples.energy(), samples.samples.size, wanted, FULL_SCALE_BITS))


def _energy_of_sum(signals: Sequence[Prepared]) -> int:
    if len(signals) == 1:
        return signals[0].energy()
    total = sum(one.samples.astype(np.int64) << (FULL_SCALE_BITS - one.bits) for one in signals)
    return level.energy(np.asarray(total))


_kept = threading.local()


def _scratch(count: int, shape: tuple[int, ...]) -> list[Floats]:
    """Give arrays that this thread used for the last mixture: fetching new pages would take longer than filling them."""
    arrays: list[Floats] = getattr(_kept, "arrays", [])
    if len(arrays) < count or arrays[0].shape != shape:
        arrays = _kept.arrays = [np.empty(shape) for _ in range(count)]
    return arrays


def _scaled_sums(
    row: Mapping[str, Any], prepared: Sequence[Prepared], gains: Sequence[Gain], into: Sequence[Floats | None] = ()
) -> dict[str, Floats]:
    """Multiply sources with their gains and sum them by name, in steps of the output, before rounding.

    Gain times sample is exact in float64, 28 + 25 bits; sums are made in the order of the sources, with one IEEE
    addition each, so every machine gets the same.
    """
    sums: dict[str, Floats] = {}
    into = into or [None] * len(prepared)
    for source, (samples, bits), gain, out in zip(row["sources"], prepared, gains, into, strict=False):
        scaled = np.multiply(samples, float(gain) * 2.0 ** (row["bits"] - bits), out=out)
        name = source["name"]
        sums[name] = np.add(sums[name], scaled, out=sums[name]) if name in sums else scaled
    return sums


def _surely_below_the_peak(row: Mapping[str, Any], prepared: Sequence[Prepared], gains: Sequence[Gain]) -> bool:
    """Say whether even the sum of all peaks stays below the peak; looking at integers is quick."""
    peaks = [
        _peak(samples) * float(gain) * 2.0 ** (row["bits"] - bits)
        for (samples, bits), gain in zip(prepared, gains, strict=True)
    ]
    return bool(sum(peaks) < _limit(row) - len(peaks) - 1)


def _common_gain(row: Mapping[str, Any], sums: Mapping[str, Floats]) -> Gain:
    """Bring the loudest of mixture and stems below the peak, leaving room for the rounding of each stem."""
    stems = list(sums.values())
    mixture = stems[0] + stems[1] if len(stems) > 1 else stems[0]
    for stem in stems[2:]:
        mixture += stem
    peak = max(_peak(signal) for signal in (mixture, *stems))
    limit = _limit(row) - len(sums)
    if peak <= limit:
        return UNITY
    if row["clipping"] == "fail":
        over = 20 * math.log10(peak / limit)
        raise ClippedError(f"the peak would be {over:.2f} dB above {row['peak_mdbfs'] / 1000:g} dBFS")
    return level.gain_for_peak(limit, peak)


def _limit(row: Mapping[str, Any]) -> int:
    return int(level.amplitude(row["peak_mdbfs"]) * (1 << (row["bits"] - 1)))


def _peak(signal: NDArray[Any]) -> float:
    return max(float(signal.max(initial=0)), -float(signal.min(initial=0)))


def _finished(row: Mapping[str, Any], gains: list[Gain], common: Gain, sums: dict[str, Floats]) -> Mixdown:
    """Round each stem once, half-even, and sum the integers."""
    kind = np.int16 if row["bits"] == 16 else np.int32
    stems: dict[str, NDArray[Any]] = {}
    energies, peaks = {}, {}
    for name, signal in sums.items():
        np.rint(signal, out=signal)
        peaks[name] = _refuse_overrun(f"`{name}`", signal, row)
        stems[name] = signal.astype(kind)
        energies[name] = level.energy_of_floats(signal, peaks[name])
    parts = list(stems.values())
    mixture = parts[0]
    if len(parts) > 1:
        if sum(peaks.values()) >= 1 << (row["bits"] - 1):
            total = np.asarray(np.sum(parts, axis=0, dtype=np.int32))
            _refuse_overrun("the mixture", total, row)
        mixture = parts[0] + parts[1]
        for part in parts[2:]:
            mixture += part
    rest = [name for name in stems if name != target_of(row)]
    if len(rest) == 1:
        rest_energy = energies[rest[0]]
    else:
        total = np.asarray(np.sum([stems[name] for name in rest], axis=0, dtype=np.int32))
        rest_energy = level.energy(total) if rest else 0
    return Mixdown(gains, common, stems, mixture, sums, energies, rest_energy, peaks)


def _refuse_overrun(what: str, signal: NDArray[Any], row: Mapping[str, Any]) -> int:
    """Give the peak of whole numbers, and refuse what does not fit into the output; only altered gains lead there."""
    peak = _peak(signal)
    if not peak < 1 << (row["bits"] - 1):
        raise ClippedError(f"the gains drive {what} beyond full scale")
    return int(peak)


def _touched_up(row: Mapping[str, Any], prepared: Sequence[Prepared], made: Mixdown) -> Mixdown:
    """Bring the SNR of the stored samples to the wanted one where rounding has moved it.

    Rounding a quiet stem once may move its level by more than a thousandth of a decibel: at 16 bits a gain of 1.0005
    leaves a source of small samples as it was. The rest's level is then sought, first in growing steps until what is
    missing changes its sign, then by halving. It is rare, and a function of exact integers like all else.
    """
    first = missing = best = _missing_mdb(row, made)
    untouched, shift, step = made.gains, Decimal(0), first
    bounds: list[Decimal] = []  # where the sign was still the first one, and where it was not
    for _ in range(_TOUCHES):
        if abs(best) <= _NEAR_MDB:
            break
        if missing * first > 0:
            bounds[:1] = [shift]
        else:
            bounds[1:] = [shift]
        if len(bounds) == 2:
            shift = (bounds[0] + bounds[1]) / 2
        else:
            shift, step = shift + step, 2 * step
        gains = _moved(row, untouched, shift)
        try:
            tried = _finished(row, gains, made.common, _scaled_sums(row, prepared, gains))
        except ClippedError:
            break
        missing = _missing_mdb(row, tried)
        peak = max(_peak(tried.mixture), *tried.peaks.values())
        if peak <= _limit(row) and abs(missing) < abs(best):
            best, made = missing, tried
    return made


def _missing_mdb(row: Mapping[str, Any], made: Mixdown) -> Decimal:
    """Say by how much the rest has to become louder, in thousandths of a decibel."""
    own, rest = made.energies[target_of(row)], made.rest_energy
    if rest == 0 or own == 0:
        return Decimal(0)  # rounded away altogether: no gain near this one changes that
    if abs(10000 * math.log10(own / rest) - row["snr_mdb"]) < 0.9 * float(_NEAR_MDB):
        return Decimal(0)  # near enough, whatever the last digits of the platform's log10 are
    return level.ratio_mdb(own, rest) - int(row["snr_mdb"])


def _moved(row: Mapping[str, Any], gains: list[Gain], by_mdb: Decimal) -> list[Gain]:
    factor = level.amplitude(by_mdb)
    name = target_of(row)
    return [
        gain if source["name"] == name else Gain.of(gain.decimal() * factor)
        for source, gain in zip(row["sources"], gains, strict=True)
    ]
