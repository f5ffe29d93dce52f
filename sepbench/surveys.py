"""What the rows of a manifest say as a whole: levels as distributions, everything else as counts.

One pass over batches, columns and not rows. A level takes eight bytes a row; a count is kept for each distinct value.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sepbench.columns import flattened

__all__ = ["Distribution", "Level", "Levels", "Tally", "distribution", "in_order", "level", "levels_of"]

Floats = NDArray[np.float64]
_COMPACT = 1 << 16
STEM = "stem:"  # in the name of a level, before the stem's


class Level(NamedTuple):
    """A number that each mixture has: how it is called in a table, and its unit."""

    title: str
    unit: str


_LEVELS = {
    "snr_db": Level("SNR, wanted", "dB"),
    "achieved_snr_db": Level("SNR, achieved", "dB"),
    "active_snr_db": Level("SNR while the target is active", "dB"),
    "snr_error_db": Level("SNR, achieved less wanted", "dB"),
    "duration_s": Level("Duration", "s"),
    "loudness_lufs": Level("Loudness of the mixture", "LUFS"),
    "peak_dbfs": Level("Peak of the mixture", "dBFS"),
    "common_gain_db": Level("Common gain against clipping", "dB"),
    "sources": Level("Sources in the mixture", ""),
    "overlap": Level("Overlap of targets and interferers", "%"),
}


def level(name: str) -> Level:
    """Give the words for a level.

    Examples
    --------
    >>> level("duration_s"), level("stem:noise").title
    (Level(title='Duration', unit='s'), 'RMS of `noise`')
    """
    return _LEVELS.get(name) or Level(f"RMS of `{name.removeprefix(STEM)}`", "dBFS")


class Distribution(NamedTuple):
    """A level over the `n` mixtures that have it; None where none has."""

    n: int
    mean: float | None
    min: float | None
    median: float | None
    max: float | None


def distribution(values: Floats) -> Distribution:
    """Describe a level; NaN where a mixture has none.

    The order of the mixtures does not matter, not even in the last bit.

    Examples
    --------
    >>> distribution(np.array([3.0, np.nan, 1.0]))
    Distribution(n=2, mean=2.0, min=1.0, median=2.0, max=3.0)
    >>> distribution(np.array([]))
    Distribution(n=0, mean=None, min=None, median=None, max=None)
    """
    found = values[np.isfinite(values)]
    if not len(found):
        return Distribution(0, None, None, None, None)
    mean = math.fsum(found) / len(found)
    return Distribution(len(found), mean, float(found.min()), float(np.median(found)), float(found.max()))


class Levels:
    """The levels of mixtures, gathered batch by batch."""

    def __init__(self) -> None:
        self._rows = 0
        self._parts: dict[str, list[tuple[int, Floats]]] = defaultdict(list)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows of a manifest."""
        for name, values in levels_of(batch).items():
            self._parts[name].append((self._rows, values))
        self._rows += len(batch)

    def __len__(self) -> int:
        return self._rows

    def columns(self) -> dict[str, Floats]:
        """Give all levels by name, one number a row, NaN where it has none; what no row has is left out."""
        found = {}
        for name in sorted(self._parts, key=in_order):
            column = np.full(self._rows, np.nan)
            for start, values in self._parts[name]:
                column[start : start + len(values)] = values
            if not np.isnan(column).all():
                found[name] = column
        return found


def in_order(name: str) -> tuple[int, str]:
    """Give the key by which names of levels are sorted: what a mixture has, then its stems."""
    known = list(_LEVELS)
    return (known.index(name), "") if name in _LEVELS else (len(known), name)


def levels_of(batch: pa.RecordBatch) -> dict[str, Floats]:
    """Give the levels of some rows by name, NaN where a row has none.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        As `sepbench.manifest.SCHEMA` says.

    Returns
    -------
    dict of str to ndarray of float64, shape (row,)
        ``snr_db`` … as `level` knows them, and ``stem:NAME``, the RMS of each stem.
    """
    proof = batch["proof"]
    wanted = _floats(batch["snr_mdb"]) / 1000
    achieved, active = (_floats(pc.struct_field(proof, name)) for name in ("achieved_snr_db", "active_snr_db"))
    over_active = np.asarray(pc.fill_null(pc.equal(batch["snr_over"], "active"), False))
    gain = pc.struct_field(proof, "common_gain")
    mantissa, shift = (_floats(pc.struct_field(gain, name)) for name in ("mantissa", "shift"))
    full_scale = 2.0 ** (_floats(batch["bits"]) - 1)
    degraded = _floats(pc.fill_null(pc.list_value_length(batch["degradations"]), 0)) > 0
    with np.errstate(divide="ignore"):  # a mixture that is silent has no peak
        found = {
            "snr_db": wanted,
            "achieved_snr_db": achieved,
            "active_snr_db": active,
            # what degradations change counts as noise, and the wanted ratio is that before them
            "snr_error_db": np.where(degraded, np.nan, np.where(over_active, active, achieved) - wanted),
            "duration_s": _floats(batch["frames"]) / _floats(batch["sample_rate"]),
            "loudness_lufs": _floats(pc.struct_field(proof, "loudness_lufs")),
            "peak_dbfs": 20 * np.log10(_floats(pc.struct_field(proof, "peak")) / full_scale),
            "common_gain_db": 20 * (np.log10(mantissa) - shift * np.log10(2.0)) + 0.0,
            "sources": _floats(pc.list_value_length(batch["sources"])),
            "overlap": _overlap(batch),
        }
    return {name: np.where(np.isfinite(values), values, np.nan) for name, values in found.items()} | _of_stems(batch)


def _floats(values: pa.Array) -> Floats:
    found: Floats = values.cast(pa.float64()).to_numpy(zero_copy_only=False)  # nulls become NaN
    return found


def _of_stems(batch: pa.RecordBatch) -> dict[str, Floats]:
    stems = flattened(batch, pc.struct_field(batch["proof"], "stems"), ("name", "rms_dbfs"))
    rows, rms = stems["row"].to_numpy(), _floats(stems["rms_dbfs"].combine_chunks())
    found = {}
    for name in pc.unique(stems["name"]).to_pylist():
        mine = np.asarray(pc.equal(stems["name"], name))
        found[STEM + name] = column = np.full(len(batch), np.nan)
        column[rows[mine]] = rms[mine]
    return found


def _overlap(batch: pa.RecordBatch) -> Floats:
    """Give the share of the time with a target or an interferer in which there are two or more, in percent."""
    each = flattened(batch, batch["sources"], ("role", "offset", "frames"))
    each = each.filter(pc.not_equal(each["role"], "noise"))
    row, offset, frames = (each[name].to_numpy() for name in ("row", "offset", "frames"))
    # each begins and ends: sorted by row and time, the running sum says how many there are from there on
    rows, times = np.concatenate([row, row]), np.concatenate([offset, offset + frames])
    order = np.lexsort((times, rows))
    rows, times = rows[order], times[order]
    active = np.cumsum(np.repeat([1, -1], len(row))[order])
    lasting = np.where(active > 0, np.append(np.diff(times), 0), 0)
    some, several = (np.bincount(rows, lasting * (active >= least), len(batch)) for least in (1, 2))
    enough = np.bincount(row, minlength=len(batch)) > 1
    share: Floats = np.divide(100 * several, some, out=np.full(len(batch), np.nan), where=enough)
    return share


class Tally:
    """Counts of combinations of values, over batches.

    Parameters
    ----------
    keys : str
        The columns of which combinations are counted.
    """

    def __init__(self, *keys: str) -> None:
        self.keys = keys
        self._parts: list[pa.Table] = []
        self._compact = 0

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Count the rows of a table that has these columns."""
        rows = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        counted = rows.select(list(self.keys)).group_by(list(self.keys)).aggregate([([], "count_all")])
        self._parts.append(counted.rename_columns([*self.keys, "count"]))
        if sum(map(len, self._parts)) > 2 * self._compact + _COMPACT:
            self.table()

    def table(self) -> pa.Table:
        """Give each combination and its `count`, the most frequent first."""
        if not self._parts:
            return pa.table(
                {name: pa.array([], pa.string()) for name in self.keys} | {"count": pa.array([], pa.int64())}
            )
        whole = pa.concat_tables(self._parts).group_by(list(self.keys)).aggregate([("count", "sum")])
        whole = whole.rename_columns([*self.keys, "count"])
        whole = whole.sort_by([("count", "descending"), *((name, "ascending") for name in self.keys)])
        self._parts, self._compact = [whole], len(whole)
        return whole

    def counts(self) -> dict[tuple[str, ...], int]:
        """Give the same as a dictionary, in this order."""
        columns = self.table().to_pydict()
        return dict(zip(zip(*(columns[name] for name in self.keys), strict=True), columns["count"], strict=True))
