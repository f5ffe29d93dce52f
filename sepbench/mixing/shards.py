"""A shard: some hundred rows of a build, rendered by one worker, and all that is needed to go on in the midst of it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from sepbench import executors, journal, parquet, storage
from sepbench.audio import encoded, read_pcm
from sepbench.errors import AudioError, TableError
from sepbench.manifest import SCHEMA, Manifest, stems_of
from sepbench.mixing import packing
from sepbench.mixing.layout import audio_path, journal_path, plan_path, proofs_path, remove, unusable_path
from sepbench.mixing.proofs import failed_proof, unlike, versions
from sepbench.mixing.recordings import Recordings
from sepbench.mixing.rendering import Rendered, render, without_audio

__all__ = [
    "Build",
    "Receipt",
    "Shard",
    "forget",
    "may_come_out",
    "proof_column",
    "render_shard",
    "shards_of",
    "write_proofs",
]

_PROOFS = pa.schema([SCHEMA.field("proof")])
_SHARD_ROWS, _SHARD_SAMPLES, _SHARDS = 256, 1 << 25, 32


class Build(NamedTuple):
    """What all shards of a build share; hashable, so that a worker opens it once."""

    out: Path
    container: str
    roots: tuple[tuple[str, Path], ...]
    pack: Path | None


class Shard(NamedTuple):
    """The rows from `start` to `stop`; those that killed their worker are in `given_up`, with the reason."""

    build: Build
    number: int
    start: int
    stop: int
    suspicious: bool
    given_up: tuple[tuple[int, str, str], ...] = ()


class Receipt(NamedTuple):
    """What became of a shard: how many rows are finished, and the reasons of those that failed."""

    rows: int
    failed: tuple[str, ...]


def shards_of(planned: Manifest) -> list[tuple[int, int]]:
    """Divide the rows: a function of the plan alone, so that a build that goes on finds its shards again."""
    rows = len(planned)
    size = max(1, min(_SHARD_ROWS, math.ceil(rows / _SHARDS), _SHARD_SAMPLES // max(1, _samples_of_a_row(planned))))
    return [(at, min(at + size, rows)) for at in range(0, rows, size)]


def _samples_of_a_row(planned: Manifest) -> int:
    first = planned[0]
    stems = len(stems_of(first))
    return int(first["frames"] * first["channels"] * (stems + 1))


@lru_cache(maxsize=1)
def _opened(build: Build) -> tuple[Manifest, Recordings]:
    """Open plan and recordings once in each worker."""
    words = storage.read_json(unusable_path(build.out))
    unusable = {name: (status, reason) for name, (status, reason) in words.items()}
    pack = packing.Pack(build.pack) if build.pack else None
    return Manifest.read(plan_path(build.out)), Recordings(dict(build.roots), pack, unusable)


def forget() -> None:
    """Close the plan of an earlier build: one by this process of the same folder may have had another."""
    _opened.cache_clear()


def may_come_out(status: str) -> bool:
    """Whether a row failed for a reason that lies outside of it."""
    return status == "not_as_proven" or status.startswith(("source_", "worker_"))


def render_shard(shard: Shard) -> Receipt:
    """Render the rows of a shard that are not finished, and write their proofs when all are."""
    build, path = shard.build, journal_path(shard.build.out, shard.number)
    planned, recordings = _opened(build)
    rows = planned.rows(shard.start, shard.stop)
    given_up = {place: (status, words) for place, status, words in shard.given_up if status}
    proofs = _finished_rows(shard, rows)
    with journal.Journal(path) as records:
        _reopen(shard, len(rows), proofs, records)
        for place, row in enumerate(rows):
            if place in proofs:
                continue
            if executors.stopping():
                return Receipt(len(proofs), ())
            executors.note(place)
            if place in given_up:
                proof = failed_proof(*given_up[place])
            else:
                rendered = _as_proven(row, _rendered(row, recordings))
                _write_audio(build, row, rendered)
                proof = rendered.proof
            proofs[place] = proof
            records.append([place, proof])
    failed = tuple(
        f"{proof['status']}: {proof['reason']}" for proof in proofs.values() if may_come_out(proof["status"])
    )
    if not failed:
        write_proofs(build.out, shard.number, [proofs[place] for place in range(len(rows))])
        remove(path)
    return Receipt(len(rows), failed)


def _rendered(row: Mapping[str, Any], recordings: Recordings) -> Rendered:
    """Render a row; that its sources can't be read, or do not fit into memory, is no reason to end the build."""
    try:
        return render(row, recordings)
    except MemoryError:
        status, reason = "worker_out_of_memory", "the mixture and its recordings do not fit into the memory of a worker"
    except OSError as error:
        status, reason = "source_unreadable", str(error)
    return without_audio(row, status, reason)


def _as_proven(row: Mapping[str, Any], rendered: Rendered) -> Rendered:
    """Withhold audio that is not what the row's own proof says: a corpus made from its manifest is the same, or says so."""
    recorded = row["proof"]
    if not recorded or recorded["status"] != "ok" or rendered.proof["status"] != "ok":
        return rendered
    words = unlike(rendered.proof, recorded)
    if not words:
        return rendered
    reason = f"{', '.join(words)} than the manifest says{versions(rendered.proof, recorded)}"
    return without_audio(row, "not_as_proven", reason)


def _reopen(shard: Shard, rows: int, proofs: Mapping[int, Any], records: journal.Journal) -> None:
    """Take a shard that was finished, and lost audio since, back to a journal of the rows that are whole."""
    table = proofs_path(shard.build.out, shard.number)
    if len(proofs) < rows and table.exists():
        for place, proof in proofs.items():
            records.append([place, proof])
        remove(table)


def _finished_rows(shard: Shard, rows: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """Give the proofs of the rows that need no rendering."""
    build = shard.build
    proofs: dict[int, dict[str, Any]] = dict(journal.read(journal_path(build.out, shard.number)))
    with contextlib.suppress(TableError):  # damaged: as if it were not there
        if proofs_path(build.out, shard.number).exists():
            proofs |= enumerate(_read_proofs(build.out, shard.number).to_pylist())
    return {
        place: proof
        for place, proof in proofs.items()
        if not may_come_out(proof["status"]) and (not shard.suspicious or _is_whole(build, rows[place], proof))
    }


def _is_whole(build: Build, row: Mapping[str, Any], proof: Mapping[str, Any]) -> bool:
    """Look whether the audio of a row is what its proof says: the machine may have stopped before it was on the disk."""
    wanted = {"mixture": proof["mixture_pcm_sha256"]} | {
        stem["name"]: stem["stem_pcm_sha256"] for stem in proof["stems"]
    }
    try:
        return proof["status"] != "ok" or all(
            read_pcm(audio_path(build.out, row, name, build.container)).sha256() == pcm for name, pcm in wanted.items()
        )
    except AudioError:
        return False


def _write_audio(build: Build, row: Mapping[str, Any], rendered: Rendered) -> None:
    folder = audio_path(build.out, row, "mixture", build.container).parent
    if rendered.proof["status"] != "ok":
        remove(folder)  # an earlier attempt came further
        return
    with storage.naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, samples in (("mixture", rendered.mixture), *rendered.stems.items()):
        content = encoded(samples, row["sample_rate"], row["bits"], build.container)
        executors.raise_if_interrupted()
        storage.put(audio_path(build.out, row, name, build.container), content)


def write_proofs(out: Path, number: int, proofs: list[dict[str, Any]]) -> None:
    """Write the proofs of a finished shard."""
    table = pa.table([pa.array(proofs, type=_PROOFS.field("proof").type)], schema=_PROOFS)
    parquet.write_parquet(table, proofs_path(out, number), kind="table of proofs", version=1, metadata={})


def _read_proofs(out: Path, number: int) -> pa.ChunkedArray:
    return parquet.read_parquet(proofs_path(out, number), _PROOFS, kind="table of proofs", version=1)["proof"]


def proof_column(out: Path, number: int) -> pa.Array | pa.ChunkedArray:
    """Give the proofs of a shard that is finished, or that only failed where it may come out another time."""
    if proofs_path(out, number).exists():
        return _read_proofs(out, number)
    proofs = [proof for _, proof in sorted(dict(journal.read(journal_path(out, number))).items())]
    return pa.array(proofs, type=SCHEMA.field("proof").type)
