"""The columns that exports have in common: a flat row for each mixture, and one for each source and stem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from sepbench.catalog import LABEL
from sepbench.parquet import column

__all__ = ["MIXTURE_COLUMNS", "SOURCE_COLUMNS", "STEM_COLUMNS", "described_sources", "flat", "flat_stems"]

_FLOAT, _TEXT = pa.float64(), pa.string()
MIXTURE_COLUMNS = [
    column("mixture_id", _TEXT, "Unique within the corpus."),
    column("split", _TEXT, "`train`, `valid` or `test`."),
    column("sample_rate", pa.int32(), "In Hz."),
    column("channels", pa.int32(), "Number of channels."),
    column("bits", pa.int32(), "Depth of the stored samples."),
    column("frames", pa.int64(), "Length in samples per channel."),
    column("duration_s", _FLOAT, "Length in seconds."),
    column("snr_db", _FLOAT, "First target against the sum of the other stems, as achieved.", nullable=True),
    column("wanted_snr_db", _FLOAT, "The same, as the recipe drew it.", nullable=True),
    column("active_snr_db", _FLOAT, "As achieved, over the frames in which the target is active.", nullable=True),
    column("loudness_lufs", _FLOAT, "Of the mixture, BS.1770-4; null below 0.4 s.", nullable=True),
    column("clipped_samples", pa.int64(), "Samples of the mixture at full scale.", nullable=True),
    column("licence", _TEXT, "The licences of all sources, joined."),
    column("mixture_pcm_sha256", _TEXT, "Hash of the samples.", nullable=True),
]
SOURCE_COLUMNS = [
    column("name", _TEXT, "Name of the stem that it is in."),
    column("role", _TEXT, "`target`, `interferer` or `noise`."),
    column("set", _TEXT, "Public set."),
    column("item", _TEXT, "Name of the recording in the set's catalog."),
    column("group", _TEXT, "Speaker, song, original recording: what does not cross splits."),
    column("labels", pa.list_(LABEL), "What the set says of the recording."),
    column("licence", _TEXT, "Licence of the recording."),
    column("start", pa.int64(), "First sample of the excerpt, in the recording at the mixture's rate."),
    column("frames", pa.int64(), "Length of the excerpt."),
    column("offset", pa.int64(), "Where it begins in the mixture."),
    column("snr_db", _FLOAT, "Wanted ratio of the target to this source.", nullable=True),
    column(
        "transcript", _TEXT, "What is said, where the whole utterance is heard and a catalog has it.", nullable=True
    ),
    column("source_pcm_sha256", _TEXT, "Hash of the whole recording."),
]
STEM_COLUMNS = [
    column("name", _TEXT, "Name of the stem."),
    column("role", _TEXT, "Role of its first source."),
    column("rms_dbfs", _FLOAT, "RMS of the stem; null if it is silent.", nullable=True),
    column("peak", pa.int64(), "Largest magnitude, in steps."),
    column("stem_pcm_sha256", _TEXT, "Hash of the samples."),
]


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the columns `MIXTURE_COLUMNS` of a row of the manifest."""
    proof = row["proof"]
    own = {field.name: row[field.name] for field in MIXTURE_COLUMNS if field.name in row}
    measured = {
        name: proof[name] for name in ("active_snr_db", "loudness_lufs", "clipped_samples", "mixture_pcm_sha256")
    }
    return own | measured | {
        "duration_s": row["frames"] / row["sample_rate"],
        "snr_db": proof["achieved_snr_db"],
        "wanted_snr_db": _decibels(row["snr_mdb"]),
    }  # fmt: skip


def described_sources(row: Mapping[str, Any], transcripts: Mapping[tuple[str, str], Any]) -> Iterator[dict[str, Any]]:
    """Give the columns `SOURCE_COLUMNS` of each source of a row; see `sepbench.exports.transcripts`."""
    for source in row["sources"]:
        own = {field.name: source[field.name] for field in SOURCE_COLUMNS if field.name in source}
        found = transcripts.get((source["set"], source["item"]))
        words = found.heard(source, row["sample_rate"]) if found else None
        yield own | {"snr_db": _decibels(source["snr_mdb"]), "transcript": words}


def flat_stems(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the columns `STEM_COLUMNS` of each stem of a row."""
    for stem in row["proof"]["stems"]:
        yield {field.name: stem[field.name] for field in STEM_COLUMNS}


def _decibels(thousandths: int | None) -> float | None:
    return None if thousandths is None else thousandths / 1000
