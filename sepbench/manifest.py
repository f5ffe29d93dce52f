"""The manifest: one row per mixture, complete enough to remake it, and the proof of what was made.

A row's *planned* columns are written by `plan`, which opens no audio. Its `proof` is written by `render`, which draws
no random number; it is null in a corpus that was only planned. Levels are integers in thousandths of a decibel, gains
are pairs of integers, so the hashes cover no float.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sepbench import parquet, soundness
from sepbench.canonical import canonical_json, canonical_rows, texts_of, with_values
from sepbench.catalog import LABEL
from sepbench.errors import TableError
from sepbench.recipe import DEGRADATION

__all__ = [
    "FILE_NAME", "SCHEMA", "VERSION", "WORK_NAME", "Failure", "Manifest", "Progress", "corpus_hash", "plan_hash", "planned_rows", "stems_of", "write",
]  # fmt: skip

# 2 added `snr_over` and `sources.follows`; 3 the gains of sources, `level_mdbfs`, `degradations` and `rendering`. Hashes leave out
# nulls, so those of earlier versions hold.
VERSION = 3
FILE_NAME = "manifest.parquet"
WORK_NAME = ".work"  # the folder of a build that is not finished


def _field(name: str, type_: pa.DataType, doc: str, *, nullable: bool = False) -> pa.Field:
    return parquet.column(name, type_, doc, nullable=nullable)


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
        _field("follows", pa.string(), "Stem of the source before it of which this is a part, the late part of a room, say: it has "
            "that source's gain, and is on its side of every ratio.", nullable=True),
        _field("gain_mantissa", pa.int32(), "Of the wanted gain of this source, where a published list of mixtures says that instead "
            "of a level: from 2^27 to 2^28 - 1.", nullable=True),
        _field("gain_shift", pa.int16(), "The wanted gain is gain_mantissa / 2^gain_shift.", nullable=True),
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
        _field("status", pa.string(), "`ok`, or why there is no audio: `silent_source`, `clipped`, `unknown_transform`, "
            "`transform_failed`, `unknown_rendering`, `rendering_failed`; "
            "and what may be mended: `source_missing`, `source_changed`, `source_unreadable`, `source_too_short`, "
            "`source_crashed`, `source_timeout`, `worker_crashed`, `worker_timeout`, `worker_out_of_memory`, `not_as_proven`."),
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
        _field("snr_over", pa.string(), "`active`: the ratio is wanted over the 20 ms frames in which the target is within 40 dB "
            "of its loudest frame; null: over the whole mixture.", nullable=True),
        _field("level_mdbfs", pa.int32(), "Wanted RMS of the mixture, in 1/1000 dB; 0 is a constant at full scale.", nullable=True),
        _field("degradations", pa.list_(TRANSFORM), "Applied to the mixture, in this order; what they change of it is a stem of its "
            "own, `degradation`.", nullable=True),
        _field("rendering", TRANSFORM, "The arithmetic of somebody's own script, by name and parameters, instead of this one: its "
            "mixture need not be the sum of its stems to the last bit.", nullable=True),
        _field("clipping", pa.string(), "What happens above the peak: `scale` by one common gain, or `fail`."),
        _field("peak_mdbfs", pa.int32(), "The peak, in 1/1000 dB below full scale."),
        _field("licence", pa.string(), "The licences of all sources, joined."),
        _field("sources", pa.list_(SOURCE), "What goes in."),
        _field("proof", PROOF, "What came out; null in a corpus that was only planned.", nullable=True),
    ]
)  # fmt: skip

_PLAN, _CORPUS = "sepbench-plan-1", "sepbench-corpus-1"
Progress = Callable[[int, int], None]
PLANNED = tuple(name for name in SCHEMA.names if name != "proof")


class Failure(NamedTuple):
    """A row without audio: which, the status of its proof, and the error's words."""

    mixture_id: str
    status: str
    reason: str | None


class Manifest:
    """The rows of a corpus.

    A manifest that was read stays in its file: rows are loaded when they are asked for, one row group at a time.

    Parameters
    ----------
    table : pyarrow.Table or parquet.TableFile
        As `SCHEMA` says.
    metadata : mapping
        What the file says of itself: recipe, seed, versions, hashes.
    places : sequence of int, optional
        Which rows of a file, ascending; all by default.
    """

    def __init__(
        self, table: pa.Table | parquet.TableFile, metadata: Mapping[str, Any], *, places: Sequence[int] | None = None
    ) -> None:
        self.metadata = dict(metadata)
        self._rows = table
        self._places = range(len(table)) if places is None else places

    @property
    def table(self) -> pa.Table:
        """All rows, loaded into memory on each request."""
        if isinstance(self._rows, pa.Table):
            return self._rows
        return pa.concat_tables([SCHEMA.empty_table(), *self._pieces(0, len(self))])

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches(1024):
            yield from batch.to_pylist()

    def __getitem__(self, index: int) -> dict[str, Any]:
        at = range(len(self))[index]
        return self.rows(at, at + 1)[0]

    def rows(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Give the rows from `start` to `stop`, without the latter, as in a slice."""
        within = range(len(self))[start:stop]
        return [row for piece in self._pieces(within.start, within.stop) for row in piece.to_pylist()]

    def part(self, start: int, stop: int) -> pa.Table:
        """Give the rows from `start` to `stop` as a table."""
        return pa.concat_tables([SCHEMA.empty_table(), *self._pieces(start, min(stop, len(self)))])

    def batches(self, rows: int = parquet.ROW_GROUP) -> Iterator[pa.RecordBatch]:
        """Give all rows in order, in batches of at most `rows`."""
        for piece in self._pieces(0, len(self)):
            yield from piece.to_batches(max_chunksize=rows)

    def _pieces(self, start: int, stop: int) -> Iterator[pa.Table]:
        if isinstance(self._rows, pa.Table):
            return iter([self._rows.slice(start, max(0, stop - start))])
        return self._rows.pieces(self._places[start:stop])

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return str(self.metadata["recipe"]["name"])

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the public sets that its recordings are of, those of transforms too, sorted."""
        sources = self.metadata["recipe"]["sources"]
        steps = (step for source in sources for step in source.get("transforms", ()))
        return tuple(sorted({one["set"] for one in (*sources, *steps) if one.get("set")}))

    @property
    def corpus_hash(self) -> str:
        """Hash of the planned columns and the stems; `plan_hash` where nothing was rendered."""
        return str(self.metadata.get("corpus_hash") or self.metadata["plan_hash"])

    def select(self, *, split: str | None = None) -> Manifest:
        """Keep the rows of one split."""
        if split is None:
            return Manifest(self._rows, self.metadata, places=self._places)
        if isinstance(self._rows, pa.Table):
            return Manifest(self._rows.filter(pc.equal(self._rows["split"], split)), self.metadata)
        fits = pc.equal(self._rows.column("split"), split).to_numpy()
        chosen = np.asarray(self._places, np.int64)
        return Manifest(self._rows, self.metadata, places=_compact(chosen[fits[chosen]]))

    def failures(self) -> list[Failure]:
        """Give the rows that were rendered without success."""
        found: list[Failure] = []
        if "corpus_hash" not in self.metadata:
            return found  # only planned
        for batch in self.batches():
            proof = batch["proof"]
            failed = pc.fill_null(pc.not_equal(pc.struct_field(proof, "status"), "ok"), False)
            for name, one in zip(batch["mixture_id"].filter(failed), proof.filter(failed), strict=True):
                found.append(Failure(name.as_py(), one["status"].as_py(), one["reason"].as_py()))
        return found

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
        with parquet.table_writer(folder / FILE_NAME, SCHEMA, kind="manifest", version=VERSION) as out:
            out.metadata |= self.metadata
            for batch in parquet.regrouped(self.batches()):
                out.write(batch)

    @classmethod
    def read(cls, corpus: Path | str) -> Manifest:
        """Open the manifest of a corpus folder, or a manifest file.

        Raises
        ------
        TableError
            If the file is missing, damaged, or no manifest. Damage in the rows shows when they are loaded.
        """
        path = Path(corpus)
        if not (path / FILE_NAME).exists() and (path / WORK_NAME).exists():
            raise TableError(f"{path}: the build of this corpus is not finished", "run the same `sepbench mix` again")
        path = path / FILE_NAME if path.is_dir() else path
        file = parquet.TableFile(path, SCHEMA, kind="manifest", version=VERSION, check=soundness.refuse_unsound)
        if not len(file):
            raise TableError(f"{path}: holds no mixtures", "make it again with `sepbench mix`")
        soundness.refuse_unsound_metadata(file.metadata, path)
        soundness.refuse_repeated(file.column("mixture_id"), path)
        return cls(file, file.metadata)


def stems_of(row: Mapping[str, Any]) -> list[str]:
    """Give the names of a row's stems, in order."""
    names = list(dict.fromkeys(source["name"] for source in row["sources"]))
    return [*names, DEGRADATION] if row.get("degradations") else names


def _compact(places: np.ndarray[Any, np.dtype[np.int64]]) -> Sequence[int]:
    """Write places without gaps as a range, which takes no memory."""
    if len(places) and places[-1] - places[0] == len(places) - 1:
        return range(int(places[0]), int(places[-1]) + 1)
    return places  # type: ignore[return-value]  # an array of integers is a sequence to all who use it here


def write(
    batches: Iterable[pa.RecordBatch],
    path: Path,
    metadata: Mapping[str, Any],
    *,
    total: int = 0,
    progress: Progress | None = None,
) -> Manifest:
    """Write rows into a manifest file as they come, in bounded memory, and hash them on the way.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        As `SCHEMA` says, of any length.
    path : Path
        The file.
    metadata : mapping
        What the file is to say of itself. `plan_hash` is added, and `corpus_hash` where the rows have proofs.
    total : int
        How many rows will come, for `progress`.
    progress : callable, optional
        Called as ``progress(done, total)`` in rows.

    Returns
    -------
    Manifest
        On the file.
    """
    planned, made, done = _Hash(_PLAN), _Hash(_CORPUS), 0
    with parquet.table_writer(path, SCHEMA, kind="manifest", version=VERSION) as out:
        for batch in parquet.regrouped(batches):
            out.write(batch)
            content = planned_rows(batch)
            planned.add(batch["mixture_id"], texts_of(content))
            if batch["proof"].null_count < len(batch):
                made.add(batch["mixture_id"], texts_of(_made_rows(batch, content)))
            done += len(batch)
            if progress:
                progress(done, total)
        out.metadata |= {**metadata, "plan_hash": planned.value()}
        out.metadata.pop("corpus_hash", None)  # of other rows, where it was copied along
        if len(made):
            out.metadata["corpus_hash"] = made.value()
    return Manifest.read(path)


def plan_hash(rows: Iterable[Mapping[str, Any]]) -> str:
    """Hash what was planned: a hash over the rows' hashes, in the order of their ids.

    A row's hash is SHA-256 over its planned columns as canonical JSON (`sepbench.canonical`). Rows that also come in
    batches, as those of a `Manifest` do, are hashed some ten times faster than dictionaries. **This never changes.**
    """
    return _hash(_PLAN, rows, _planned, planned_rows)


def corpus_hash(rows: Iterable[Mapping[str, Any]]) -> str:
    """Hash what was planned and what came of it: `plan_hash` with the status and the stems' hashes added to each row."""
    return _hash(_CORPUS, rows, _made, lambda batch: _made_rows(batch, planned_rows(batch)))


def _hash(
    kind: str,
    rows: Iterable[Mapping[str, Any]],
    of_row: Callable[[Mapping[str, Any]], Any],
    of_batch: Callable[[pa.RecordBatch], pa.Array],
) -> str:
    hashed = _Hash(kind)
    if isinstance(rows, _Batched):
        for batch in parquet.regrouped(rows.batches()):
            hashed.add(batch["mixture_id"], texts_of(of_batch(batch)))
    else:
        each = iter(rows)
        while some := list(itertools.islice(each, parquet.ROW_GROUP)):
            hashed.add(pa.array([row["mixture_id"] for row in some]), (canonical_json(of_row(row)) for row in some))
    return hashed.value()


@runtime_checkable
class _Batched(Protocol):
    """Rows that also come in batches."""

    def batches(self) -> Iterator[pa.RecordBatch]: ...


def _planned(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in PLANNED}  # version 1 had fewer, and hashes leave out nulls


def _made(row: Mapping[str, Any]) -> list[Any]:
    proof = row["proof"]
    stems = [[stem["name"], stem["stem_pcm_sha256"]] for stem in proof["stems"]]
    return [_planned(row), {"status": proof["status"], "stems": stems}]


def planned_rows(batch: pa.RecordBatch) -> pa.Array:
    """Give the planned columns of each row as canonical JSON: what `plan_hash` covers."""
    return canonical_rows(pa.StructArray.from_arrays([batch[name] for name in PLANNED], names=PLANNED))


def _made_rows(batch: pa.RecordBatch, planned: pa.Array) -> pa.Array:
    """Give `_made` of each row as canonical JSON."""
    if batch["proof"].null_count:
        first = batch["mixture_id"].filter(batch["proof"].is_null())[0]
        raise TableError(f"{first}: was planned but not rendered", "run `sepbench mix` without `--plan-only`")
    status, stems = (pc.struct_field(batch["proof"], name) for name in ("status", "stems"))
    each = stems.flatten()
    names, hashes = (pc.struct_field(each, name) for name in ("name", "stem_pcm_sha256"))
    in_turn = np.arange(2 * len(each)).reshape(2, -1).T.ravel()
    pairs = pa.FixedSizeListArray.from_arrays(pa.concat_arrays([names, hashes]).take(pa.array(in_turn)), 2)
    outcome = pa.StructArray.from_arrays([status, with_values(stems, pairs)], names=["status", "stems"])
    return pc.binary_join_element_wise("[", pc.binary_join_element_wise(planned, canonical_rows(outcome), ","), "]", "")


class _Hash:
    """A hash over the hashes of rows, in the order of their ids; it keeps some 70 bytes a row.

    Parameters
    ----------
    kind : str
        Goes into the hash, so that hashes of different kinds never agree.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._names: list[pa.Array] = []
        self._digests: list[pa.Array] = []

    def __len__(self) -> int:
        return sum(map(len, self._names))

    def add(self, names: pa.Array, contents: Iterable[bytes | memoryview]) -> None:
        """Add rows: their ids, and what is covered of each as canonical JSON."""
        digests = [hashlib.sha256(content).digest() for content in contents]
        self._names.append(names)
        self._digests.append(pa.array(digests, pa.binary()))

    def value(self) -> str:
        table = pa.table(
            {"name": pa.chunked_array(self._names, pa.string()), "digest": pa.chunked_array(self._digests, pa.binary())}
        )
        # by bytes: ids of more than six digits do not come in the order of their numbers
        whole = hashlib.sha256(f"{self._kind}\n".encode())
        for batch in table.sort_by([("name", "ascending"), ("digest", "ascending")]).to_batches():
            for digest in texts_of(batch["digest"]):
                whole.update(digest)
        return f"sha256:{whole.hexdigest()}"
