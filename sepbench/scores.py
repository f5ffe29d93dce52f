"""The score table: one row per mixture, target, separator and metric (and frame), before any mean is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from sepbench import parquet
from sepbench.catalog import LABEL

__all__ = ["FILE_NAME", "SCHEMA", "STATUSES", "VERSION", "read", "write"]

VERSION = 1
FILE_NAME = "scores.parquet"
STATUSES = {
    "ok": "the value is defined and finite",
    "saturated_high": "the estimate is the reference, or the value is above 100 dB: rounding noise, shown as `> 100 dB`",
    "saturated_low": "the value is -inf dB: the estimate holds nothing of the reference; ranked as the worst",
    "silent_reference": "undefined: the reference is silent",
    "silent_estimate": "undefined: the estimate is silent; ranked as the worst",
    "nonfinite_estimate": "undefined: the separator returned NaN or infinity",
    "no_interferer": "undefined: there is one source, so nothing can interfere",
    "ill_conditioned": "undefined: the references are nearly dependent (copies of one recording), so the value would be rounding noise",
    "too_short": "undefined: the signal is shorter than the metric needs",
    "no_utterance": "undefined: PESQ found no speech",
    "no_silence": "undefined: what is measured at silence, and there is none",
    "out_of_range": "not scored: the recording is beyond what the implementation can take",
    "not_installed": "not scored: the package that computes it is not installed",
    "unreadable": "not scored: the recording can't be decoded",
    "mismatched": "not scored: reference and estimate differ in sample rate, channels or length",
    "separator_failed": "not scored: the separator raised, crashed or broke the contract",
    "metric_failed": "not scored: the metric raised or crashed",
    "not_rendered": "not scored: the corpus holds no audio for this row",
}
_column = parquet.column
SCHEMA = pa.schema(
    [
        _column("corpus", pa.string(), "Name of the corpus: its recipe's name."),
        _column("corpus_hash", pa.string(), "Hash of the corpus that was scored."),
        _column("mixture_id", pa.string(), "Row of the manifest."),
        _column("split", pa.string(), "Split of the row."),
        _column("group", pa.string(), "The independent unit for statistics: the first target's group."),
        _column("target", pa.string(), "Name of the stem that served as the reference."),
        _column("separator", pa.string(), "Name of the separator."),
        _column("separator_version", pa.string(), "Version, or hash of the weights."),
        _column("metric", pa.string(), "Metric, with its definition in the name; `_i` is the improvement over the mixture."),
        _column("metric_version", pa.string(), "Implementation and its version."),
        _column("value", pa.float64(), "The score; null where it is undefined.", nullable=True),
        _column("status", pa.string(), "`ok`, or why there is no value."),
        _column("reason", pa.string(), "The words of the error, if any.", nullable=True),
        _column("frame", pa.int32(), "Metric window, where the metric has windows.", nullable=True),
        _column("snr_db", pa.float64(), "Wanted SNR of the mixture.", nullable=True),
        _column("duration_s", pa.float64(), "Length of the mixture."),
        _column("conditions", pa.list_(LABEL), "Labels of the sources as `source.label`, for breakdowns."),
        _column("separate_s", pa.float64(), "Wall time of the separator on this mixture, in seconds.", nullable=True),
    ]
)  # fmt: skip


def write(rows: list[dict[str, Any]], path: Path, *, metadata: dict[str, Any]) -> None:
    """Write a score table, all or nothing."""
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    parquet.write_parquet(table, path, kind="scores", version=VERSION, metadata=metadata)


def read(path: Path | str) -> tuple[pa.Table, dict[str, Any]]:
    """Read a score table and what it says of itself."""
    path = Path(path)
    table = parquet.read_parquet(path, SCHEMA, kind="scores", version=VERSION)
    return table, parquet.table_metadata(path, kind="scores", version=VERSION)
