"""The manifest: one row per mixture, complete enough to remake it, and the proof of what was made.

A row's *planned* columns are written by `plan`, which opens no audio. Its `proof` is written by `render`, which draws
no random number; it is null in a corpus that was only planned. Levels are integers in thousandths of a decibel, gains
are pairs of integers, so the hashes cover no float.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from sepbench import soundness, storage
from sepbench.catalog import LABEL
from sepbench.errors import TableError

__all__ = ["FILE_NAME", "SCHEMA", "VERSION", "Manifest", "corpus_hash", "plan_hash"]

VERSION = 1
FILE_NAME = "manifest.parquet"


def _field(name: str, type_: pa.DataType, doc: str, *, nullable: bool = False) -> pa.Field:
    return storage.column(name, type_, doc, nullable=nullable)


GAIN = pa.struct(
    [
        _field("mantissa", pa.int32(), "From 2^27 to 2^28 - 1."),
        _field("shift", pa.int16(), "The gain is mantissa / 2^shift."),
    ]
)
TRANSFORM = pa.struct(
    [
        _field("name", pa.string(), "Name of the transform."),
        _field("parameters", pa.string(), "Its parameters, drawn by the plan, as canonical JSON."),
    ]
)
SOURCE = pa.struct(
    [
        _field("name", pa.string(), "speech, noise, vocals, accompaniment …; sources of one name are summed into one stem."),
        _field("role", pa.string(), "`target`, `interferer` or `noise`."),
        _field("set", pa.string(), "Public set; `--root SET=DIR` says where it lies."),
        _field("item", pa.string(), "Name of the recording in the set's catalog."),
        _field("path", pa.string(), "Path relative to the set's root."),
        _field("group", pa.string(), "The unit that must not cross splits."),
        _field("labels", pa.list_(LABEL), "Labels of the recording."),
        _field("licence", pa.string(), "Licence of the recording."),
        _field("sample_rate", pa.int32(), "Of the recording, in Hz."),
        _field("source_pcm_sha256", pa.string(), "Hash of the whole decoded recording."),
        _field("downmix", pa.string(), "From the recording's channels to the mixture's: `none`, `mean`, `first` or `copy`."),
        _field("start", pa.int64(), "First sample of the excerpt, in the recording resampled to the mixture's rate."),
        _field("frames", pa.int64(), "Length of the excerpt, at the mixture's rate."),
        _field("offset", pa.int64(), "Where the excerpt begins in the mixture."),
        _field("loop", pa.bool_(), "Whether the excerpt goes on at the recording's beginning when it comes to its end."),
        _field("snr_mdb", pa.int32(), "Wanted ratio of the target to this source, in 1/1000 dB.", nullable=True),
        _field("level_mdbfs", pa.int32(), "Wanted RMS of this source, in 1/1000 dB; 0 is a constant at full scale.", nullable=True),
        _field("transforms", pa.list_(TRANSFORM), "Applied in this order, before the gain."),
    ]
)  # fmt: skip
STEM = pa.struct(
    [
        _field("name", pa.string(), "Name of the stem."),
        _field("role", pa.string(), "Role of its first source."),
        _field("stem_pcm_sha256", pa.string(), "Hash of the rendered stem."),
        _field("rms_dbfs", pa.float64(), "RMS of the rendered stem; null if it is silent.", nullable=True),
        _field("peak", pa.int32(), "Largest magnitude of the rendered stem, in steps."),
    ]
)
PROOF = pa.struct(
    [
        _field("status", pa.string(), "`ok`, or why there is no audio: `silent_source`, `source_missing`, `source_changed`, `source_unreadable`, `clipped`."),
        _field("reason", pa.string(), "The error's words where the status is not `ok`.", nullable=True),
        _field("gains", pa.list_(GAIN), "What each source was multiplied with, the common gain included."),
        _field("common_gain", GAIN, "What brought the loudest of mixture and stems below the peak; 1 where none was too loud.", nullable=True),
        _field("stems", pa.list_(STEM), "What came out, in the order of first appearance."),
        _field("mixture_pcm_sha256", pa.string(), "Hash of the rendered mixture, the integer sum of the stems.", nullable=True),
        _field("achieved_snr_db", pa.float64(), "First target against the sum of the other stems, measured on what came out.", nullable=True),
        _field("active_snr_db", pa.float64(), "The same over the 20 ms frames in which the target is within 40 dB of its loudest frame.", nullable=True),
        _field("loudness_lufs", pa.float64(), "Integrated loudness of the mixture, BS.1770-4; null below 0.4 s.", nullable=True),
        _field("peak", pa.int32(), "Largest magnitude of the mixture, in steps.", nullable=True),
        _field("clipped_samples", pa.int64(), "Samples of the mixture at full scale.", nullable=True),
        _field("float_stages", pa.list_(pa.string()), "Stages that are not exact, with the versions that made them; empty on the exact path."),
    ]
)  # fmt: skip
SCHEMA = pa.schema(
    [
        _field("mixture_id", pa.string(), "Unique within the corpus; also the folder of the rendered audio."),
        _field("split", pa.string(), "`train`, `valid` or `test`."),
        _field("sample_rate", pa.int32(), "In Hz."),
        _field("channels", pa.int16(), "Number of channels."),
        _field("bits", pa.int16(), "Depth of the rendered audio: 16 or 24."),
        _field("frames", pa.int64(), "Length in samples per channel."),
        _field("snr_mdb", pa.int32(), "Wanted ratio of the first target to the sum of the rest, in 1/1000 dB.", nullable=True),
        _field("clipping", pa.string(), "What happens above the peak: `scale` by one common gain, or `fail`."),
        _field("peak_mdbfs", pa.int32(), "The peak, in 1/1000 dB below full scale."),
        _field("licence", pa.string(), "The licences of all sources, joined."),
        _field("sources", pa.list_(SOURCE), "What goes in."),
        _field("proof", PROOF, "What came out; null in a corpus that was only planned.", nullable=True),
    ]
)  # fmt: skip

PLANNED = tuple(name for name in SCHEMA.names if name != "proof")


class Manifest:
    """The rows of a corpus.

    Parameters
    ----------
    table : pyarrow.Table
        As `SCHEMA` says.
    metadata : mapping
        What the file says of itself: recipe, seed, versions, hashes.
    """

    def __init__(self, table: pa.Table, metadata: Mapping[str, Any]) -> None:
        self.table = table
        self.metadata = dict(metadata)

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.table.to_batches(max_chunksize=1024):
            yield from batch.to_pylist()

    def __getitem__(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = self.table.slice(range(len(self))[index], 1).to_pylist()[0]
        return row

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give all rows in order, in batches."""
        yield from self.table.to_batches(max_chunksize=4096)

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return str(self.metadata["recipe"]["name"])

    @property
    def corpus_hash(self) -> str:
        """Hash of the planned columns and the stems; `plan_hash` where nothing was rendered."""
        return str(self.metadata.get("corpus_hash") or self.metadata["plan_hash"])

    def select(self, *, split: str | None = None) -> Manifest:
        """Keep the rows of one split."""
        import pyarrow.compute as pc

        table = self.table if split is None else self.table.filter(pc.equal(self.table["split"], split))
        return Manifest(table, self.metadata)

    def failures(self) -> list[dict[str, str]]:
        """Give `mixture_id`, `status` and `reason` of the rows that were rendered without success."""
        proofs = ((row["mixture_id"], row["proof"]) for row in self)
        return [
            {"mixture_id": name, "status": proof["status"], "reason": proof["reason"]}
            for name, proof in proofs
            if proof is not None and proof["status"] != "ok"
        ]

    def sources(self) -> Any:
        """Give the long form, one row per source.

        Returns
        -------
        pandas.DataFrame
            The columns of a source, after `mixture_id` and `split`; each label is a column `label.NAME`.
        """
        import pandas

        rows = []
        for row in self:
            for source in row["sources"]:
                labels = {f"label.{label['name']}": label["value"] for label in source.pop("labels")}
                rows.append({"mixture_id": row["mixture_id"], "split": row["split"], **source, **labels})
        return pandas.DataFrame(rows)

    def write(self, folder: Path) -> None:
        """Write the manifest into a corpus folder, all or nothing."""
        storage.write_parquet(self.table, folder / FILE_NAME, kind="manifest", version=VERSION, metadata=self.metadata)

    def write_to(self, path: Path) -> None:
        """Write the manifest under another name than a corpus's."""
        storage.write_parquet(self.table, path, kind="manifest", version=VERSION, metadata=self.metadata)

    def rows(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Give the rows from `start` to `stop`."""
        rows: list[dict[str, Any]] = self.table.slice(start, stop - start).to_pylist()
        return rows

    @classmethod
    def read(cls, corpus: Path | str) -> Manifest:
        """Read the manifest of a corpus folder, or a manifest file."""
        path = Path(corpus)
        path = path / FILE_NAME if path.is_dir() else path
        table = storage.read_parquet(path, SCHEMA, kind="manifest", version=VERSION)
        metadata = storage.table_metadata(path, kind="manifest", version=VERSION)
        if not len(table):
            raise TableError(f"{path}: holds no mixtures", "make it again with `sepbench mix`")
        soundness.refuse_unsound_metadata(metadata, path)
        soundness.refuse_repeated(table["mixture_id"], path)
        soundness.refuse_unsound(table, path)
        return cls(table, metadata)


def plan_hash(rows: Iterable[Mapping[str, Any]]) -> str:
    """Hash what was planned: a hash over the rows' hashes, in the order of their ids.

    A row's hash is SHA-256 over its planned columns as canonical JSON: keys sorted, no spaces, ASCII, nulls left out.
    **This never changes.**
    """
    return _hash_rows("sepbench-plan-1", ((row["mixture_id"], _planned(row)) for row in rows))


def corpus_hash(rows: Iterable[Mapping[str, Any]]) -> str:
    """Hash what was planned and what came of it: `plan_hash` with the status and the stems' hashes added to each row."""
    return _hash_rows("sepbench-corpus-1", ((row["mixture_id"], [_planned(row), _outcome(row)]) for row in rows))


def _planned(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in PLANNED}


def _outcome(row: Mapping[str, Any]) -> dict[str, Any]:
    proof = row["proof"]
    return {"status": proof["status"], "stems": [[stem["name"], stem["stem_pcm_sha256"]] for stem in proof["stems"]]}


def _hash_rows(kind: str, rows: Iterable[tuple[str, Any]]) -> str:
    digests = sorted((name, hashlib.sha256(canonical_json(content)).digest()) for name, content in rows)
    whole = hashlib.sha256(f"{kind}\n".encode())
    for _, digest in digests:
        whole.update(digest)
    return f"sha256:{whole.hexdigest()}"


def canonical_json(value: Any) -> bytes:
    """Write JSON in the one form that hashes cover."""
    return json.dumps(_without_nulls(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    if isinstance(value, float):
        raise TypeError("a hash covers no float")
    return value
