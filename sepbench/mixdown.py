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
from sepbench.errors import SilentSignalError
from sepbench.level import UNITY, Gain

__all__ = [
    "ClippedError",
    "Mixdown",
    "Prepared",
    "active_frames",
    "as_mixdown",
    "frame_of",
    "mix_down",
    "mix_into",
    "planned_gain",
    "side_of_target",
    "target_of",
]

Floats = NDArray[np.float64]
_NEAR_MDB = Decimal(1)  # thousandths of a decibel: how near to the wanted SNR the stored samples shall be
_TOUCHES = 24
_ACTIVE_FRAME_S = 0.02
_ACTIVE_RATIO = 10_000  # 40 dB
_SQUARES = 4096


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
    own_energy, rest_energy : int
        Of the target with what follows it, and of the sum of all other stems.
    compared : tuple of (int, int)
        The two energies that the wanted ratio is over: these, or those of the frames in which the target is active.
    peaks : dict of str to int
        Largest magnitude of each stem.
    """

    gains: list[Gain]
    common: Gain
    stems: dict[str, NDArray[Any]]
    mixture: NDArray[Any]
    floats: dict[str, Floats]
    energies: dict[str, int]
    own_energy: int
    rest_energy: int
    compared: tuple[int, int]
    peaks: dict[str, int]


def mix_down(
    row: Mapping[str, Any], prepared: Sequence[Prepared], *, frozen: tuple[list[Gain], Gain] | None = None
) -> Mixdown:
    """Mix the sources of a row.

    Parameters
    ----------
    row : mapping
        ``sources`` with their ``name``, ``role``, ``snr_mdb``, ``level_mdbfs``, ``gain_mantissa`` with ``gain_shift``, and ``follows``; ``bits``,
        ``sample_rate``, ``snr_mdb``, ``snr_over``, ``level_mdbfs``, ``clipping`` and ``peak_mdbfs``.
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
    gains = _at_level(row, prepared, _wanted_gains(row, prepared))
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
    from sepbench.mixing_loops import add_stem, to_floats

    to_one, limit = 2.0 ** (1 - row["bits"]), float(1 << (row["bits"] - 1))
    total = _scratch(prepared[0].samples.shape)
    total.fill(0)
    for name, places in _by_name(row).items():
        samples, factor = prepared[places[0]].samples, _factor(row, prepared[places[0]], gains[places[0]])
        if len(places) > 1:
            some = {**row, "sources": [row["sources"][place] for place in places]}
            sums = _scaled_sums(some, [prepared[place] for place in places], [gains[place] for place in places])
            samples, factor = sums[name], 1.0
        for part, stem, so_far in zip(samples, stems[name], total, strict=True):
            if add_stem(part, factor, to_one, limit, stem, so_far):
                raise ClippedError(f"the gains drive `{name}` beyond full scale")
    for whole, channel in zip(total, mixture, strict=True):
        if to_floats(whole, to_one, limit, channel):
            raise ClippedError("the gains drive the mixture beyond full scale")


def _by_name(row: Mapping[str, Any]) -> dict[str, list[int]]:
    """Give the places of the sources of each stem."""
    places: dict[str, list[int]] = {}
    for place, source in enumerate(row["sources"]):
        places.setdefault(source["name"], []).append(place)
    return places


def _factor(row: Mapping[str, Any], one: Prepared, gain: Gain) -> float:
    """Turn a gain into what samples are multiplied with, to be steps of the output."""
    return float(float(gain) * 2.0 ** (row["bits"] - one.bits))


def target_of(row: Mapping[str, Any]) -> str:
    """Give the name of the stem that ratios refer to: that of the first target."""
    return str(next(source["name"] for source in row["sources"] if source["role"] == "target"))


def side_of_target(row: Mapping[str, Any]) -> set[str]:
    """Give the names of the stems that are on the target's side of a ratio: its own, and those that follow it."""
    target = target_of(row)
    return {target} | {source["name"] for source in row["sources"] if source.get("follows") == target}


def active_frames(energies: NDArray[Any]) -> NDArray[np.bool_]:
    """Say in which frames a signal is within 40 dB of its loudest frame.

    Parameters
    ----------
    energies : ndarray, shape (frame,)
        Of each frame: floats, or Python integers, which are compared exactly.
    """
    return np.asarray(energies * _ACTIVE_RATIO >= energies.max(), bool)


def _wanted_gains(row: Mapping[str, Any], prepared: Sequence[Prepared]) -> list[Gain]:
    """Turn wanted levels into the gains of the sources, before any common gain."""
    sources = row["sources"]
    name = target_of(row)
    parts = _parts(row)
    targets = [place for place, source in enumerate(sources) if source["name"] == name]
    own = [place for target in targets for place in parts[target]]
    target_gain = _own_gain(sources[targets[0]], prepared, parts[targets[0]])
    needs_ratio = any(source["snr_mdb"] is not None for source in sources)
    target_energy = _energy_of_sum([prepared[place] for place in own]) if needs_ratio else 0
    gains: dict[int, Gain] = {}
    for place, together in parts.items():
        if place in targets:
            gain = target_gain
        elif sources[place]["snr_mdb"] is not None:
            energy = _energy_of_sum([prepared[one] for one in together])
            gain = Gain.of(level.gain_for_snr(target_energy, energy, sources[place]["snr_mdb"])) * target_gain
        else:
            gain = _own_gain(sources[place], prepared, together)
        gains |= dict.fromkeys(together, gain)
    if row["snr_mdb"] is not None:
        rest = [place for place in range(len(sources)) if place not in own]
        if not rest:
            raise SilentSignalError("level: there is nothing beside the target to bring to a ratio")
        energies = _compared(row, *([prepared[place] for place in side] for side in (own, rest)))
        gains |= dict.fromkeys(rest, Gain.of(level.gain_for_snr(*energies, row["snr_mdb"])) * target_gain)
    return [gains[place] for place in range(len(sources))]


def _at_level(row: Mapping[str, Any], prepared: Sequence[Prepared], gains: list[Gain]) -> list[Gain]:
    """Bring the mixture to the level that the row wants; its energy is that of the stems' samples at 24 bits."""
    if row.get("level_mdbfs") is None:
        return gains
    stems = _scaled_sums({"sources": row["sources"], "bits": FULL_SCALE_BITS}, prepared, gains)
    whole = np.asarray(sum(np.rint(stem).astype(np.int64) for stem in stems.values()))
    loud = _peak(whole) >= 1 << 25
    energy = sum(value * value for value in whole.ravel().tolist()) if loud else level.energy(whole)
    factor = Gain.of(level.gain_for_level(energy, whole.size, row["level_mdbfs"], FULL_SCALE_BITS))
    return [gain * factor for gain in gains]


def _parts(row: Mapping[str, Any]) -> dict[int, list[int]]:
    """Give for each source that stands for itself its place, and the places of those that follow it."""
    parts: dict[int, list[int]] = {}
    last: dict[str, int] = {}
    for place, source in enumerate(row["sources"]):
        if source.get("follows") is None:
            parts[place] = [place]
            last[source["name"]] = place
        else:
            parts[last[source["follows"]]].append(place)
    return parts


def planned_gain(source: Mapping[str, Any]) -> Gain | None:
    """Give the gain that a published list says for a source, if it does."""
    mantissa = source.get("gain_mantissa")
    return None if mantissa is None else Gain(mantissa, source["gain_shift"])


def _own_gain(source: Mapping[str, Any], prepared: Sequence[Prepared], together: Sequence[int]) -> Gain:
    planned = planned_gain(source)
    if planned is not None:
        return planned
    if source["level_mdbfs"] is None:
        return UNITY
    energy = _energy_of_sum([prepared[place] for place in together])
    size = prepared[together[0]].samples.size
    return Gain.of(level.gain_for_level(energy, size, source["level_mdbfs"], FULL_SCALE_BITS))


def _energy_of_sum(signals: Sequence[Prepared]) -> int:
    return signals[0].energy() if len(signals) == 1 else level.energy(_sum(signals))


def _sum(signals: Sequence[Prepared]) -> NDArray[np.int64]:
    """Add sources on the 24-bit scale."""
    total: NDArray[np.int64] = signals[0].samples.astype(np.int64) << (FULL_SCALE_BITS - signals[0].bits)
    for one in signals[1:]:
        total += one.samples.astype(np.int64) << (FULL_SCALE_BITS - one.bits)
    return total


def _compared(row: Mapping[str, Any], own: Sequence[Prepared], rest: Sequence[Prepared]) -> tuple[int, int]:
    """Give the energies of which the row wants a ratio: of the whole mixture, or of where the target is active."""
    if row.get("snr_over") != "active":
        return _energy_of_sum(own), _energy_of_sum(rest)
    return _where_active(_sum(own), _sum(rest), row["sample_rate"])


def _where_active(own: NDArray[np.int64], rest: NDArray[np.int64], sample_rate: int) -> tuple[int, int]:
    energies, others = (_frame_energies(signal, frame_of(sample_rate)) for signal in (own, rest))
    active = active_frames(energies)
    return int(energies[active].sum()), int(others[active].sum())


def frame_of(sample_rate: int) -> int:
    """Give the samples of a frame of 20 ms."""
    return max(1, round(_ACTIVE_FRAME_S * sample_rate))


def _frame_energies(signal: NDArray[np.int64], frame: int) -> NDArray[Any]:
    """Sum the squares of each frame over all channels, exactly: as Python integers. The last frame may be short."""
    piece = min(frame, _SQUARES)  # squares of so many samples of 2^25 stay below 2^63
    starts = np.arange(0, signal.shape[1], frame)
    edges = np.unique(np.concatenate([starts + at for at in range(0, frame, piece)]))
    sums = np.add.reduceat(np.square(signal), edges[edges < signal.shape[1]], axis=1)
    exact = sums.astype(object).sum(axis=0)
    found: NDArray[Any] = np.add.reduceat(exact, np.searchsorted(edges, starts))
    return found


_kept = threading.local()


def _scratch(shape: tuple[int, ...]) -> Floats:
    """Give an array that this thread used for the last mixture: fetching new pages would take longer than filling them."""
    array: Floats | None = getattr(_kept, "array", None)
    if array is None or array.shape != shape:
        array = _kept.array = np.empty(shape)
    return array


def _scaled_sums(row: Mapping[str, Any], prepared: Sequence[Prepared], gains: Sequence[Gain]) -> dict[str, Floats]:
    """Multiply sources with their gains and sum them by name, in steps of the output, before rounding.

    Gain times sample is exact in float64, 28 + 25 bits; sums are made in the order of the sources, with one IEEE
    addition each, so every machine gets the same.
    """
    sums: dict[str, Floats] = {}
    for source, one, gain in zip(row["sources"], prepared, gains, strict=True):
        scaled = one.samples * _factor(row, one, gain)
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
    return _measured(row, gains, common, stems, mixture, sums, energies, peaks)


def as_mixdown(
    row: Mapping[str, Any], gains: list[Gain], common: Gain, stems: Mapping[str, NDArray[Any]], mixture: NDArray[Any]
) -> Mixdown:
    """Measure stems and a mixture that were made elsewhere: see `Mixdown`."""
    floats = {name: stem.astype(np.float64) for name, stem in stems.items()}
    peaks = {name: int(_peak(stem)) for name, stem in floats.items()}
    energies = {name: level.energy_of_floats(floats[name], peaks[name]) for name in stems}
    return _measured(row, gains, common, dict(stems), mixture, floats, energies, peaks)


def _measured(
    row: Mapping[str, Any],
    gains: list[Gain],
    common: Gain,
    stems: dict[str, NDArray[Any]],
    mixture: NDArray[Any],
    floats: dict[str, Floats],
    energies: dict[str, int],
    peaks: dict[str, int],
) -> Mixdown:
    ours = side_of_target(row)
    sides = [name for name in stems if name in ours], [name for name in stems if name not in ours]
    own_energy, rest_energy = (
        energies[side[0]] if len(side) == 1 else level.energy(_total(stems, side)) if side else 0 for side in sides
    )
    compared = own_energy, rest_energy
    if row.get("snr_over") == "active" and sides[1]:
        own, rest = (_total(stems, side).astype(np.int64) for side in sides)
        compared = _where_active(own, rest, row["sample_rate"])
    return Mixdown(gains, common, stems, mixture, floats, energies, own_energy, rest_energy, compared, peaks)


def _total(stems: Mapping[str, NDArray[Any]], names: Sequence[str]) -> NDArray[np.int32]:
    return np.asarray(np.sum([stems[name] for name in names], axis=0, dtype=np.int32))


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
    own, rest = made.compared
    if rest == 0 or own == 0:
        return Decimal(0)  # rounded away altogether: no gain near this one changes that
    if abs(10000 * math.log10(own / rest) - row["snr_mdb"]) < 0.9 * float(_NEAR_MDB):
        return Decimal(0)  # near enough, whatever the last digits of the platform's log10 are
    return level.ratio_mdb(own, rest) - int(row["snr_mdb"])


def _moved(row: Mapping[str, Any], gains: list[Gain], by_mdb: Decimal) -> list[Gain]:
    factor = level.amplitude(by_mdb)
    ours = side_of_target(row)
    return [
        gain if source["name"] in ours else Gain.of(gain.decimal() * factor)
        for source, gain in zip(row["sources"], gains, strict=True)
    ]
