"""Building a corpus: plan it, pack its recordings, render it shard by shard, and write the manifest last.

A corpus folder holds ``manifest.parquet`` and ``audio/<split>/<mixture>/`` with ``mixture.flac`` and one file per stem.
While it is being built, ``.work/`` holds the plan, for each finished shard a table of proofs, and for each begun one a
journal; a build that was stopped, however it was stopped, goes on from there. No manifest, no corpus.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sepbench import catalog, executors, journal, parquet, storage
from sepbench.audio import encoded, read_pcm
from sepbench.errors import AudioError, PlaceError, TableError, TooManyFailedError, UsageError
from sepbench.manifest import FILE_NAME, SCHEMA, Manifest, plan_hash
from sepbench.manifest import write as write_manifest
from sepbench.mixing import packing
from sepbench.mixing.planning import Plan
from sepbench.mixing.recordings import Recordings
from sepbench.mixing.rendering import Rendered, failed_proof, render
from sepbench.mixing.roots import find_roots
from sepbench.mixing.sizing import (
    audio_bytes,
    gigabytes,
    needs_of,
    packed_bytes,
    refuse_too_little_space,
    worth_packing,
)
from sepbench.recipe import Recipe
from sepbench.recipe import load as load_recipe
from sepbench.recipe import parse as parse_recipe

__all__ = ["audio_path", "mix"]

_WORK = ".work"
_PLAN = "plan.parquet"
_BOOT = "boot"
_UNUSABLE = "unusable.json"
_PROOFS = pa.schema([SCHEMA.field("proof")])
_SHARD_ROWS, _SHARD_SAMPLES, _SHARDS = 256, 1 << 25, 32
_FEW_FAILED, _IN_A_ROW = 20, 100
Progress = Callable[[int, int], None]


def mix(
    recipe: str | Path | Recipe,
    out: Path | str,
    *,
    catalogs: Mapping[str, Path | str],
    roots: Mapping[str, Path | str] | None = None,
    seed: int | None = None,
    mixtures: Mapping[str, int] | None = None,
    plan_only: bool = False,
    container: str = "flac",
    pack: str = "auto",
    cache: Path | str | None = None,
    max_failed: float = 0.05,
    workers: int | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Manifest:
    """Make a corpus from a recipe and catalogs.

    Parameters
    ----------
    recipe : str, Path or Recipe
        Name on the shelf, or a TOML file.
    out : path
        The folder of the corpus. A build that was stopped there goes on; another corpus there is refused. Mixtures of a
        finished corpus that failed for want of a recording are tried again.
    catalogs : mapping of str to path
        The catalog of each set.
    roots : mapping of str to path, optional
        The folder of each set, if it is not where it was indexed.
    seed : int, optional
        Instead of the recipe's.
    mixtures : mapping of str to int, optional
        How many mixtures of which splits, instead of the recipe's; splits that are not named are left out.
    plan_only : bool
        Write the manifest without rendering; the proof is null.
    container : {"flac", "wav"}
    pack : {"auto", "always", "never"}
        Whether recordings are decoded and resampled once, into a pack in `cache`, before they are mixed. By default
        those that are used more than once are, where they are too many to be kept in memory and the disk has room. The
        corpus does not depend on it.
    cache : path, optional
        Folder of packs; by default ``SEPBENCH_CACHE``, or the user's cache folder.
    max_failed : float
        Give up when more than this share of the mixtures failed for want of a usable recording.
    workers : int, optional
        Worker processes; all processors by default, 0 for none. The corpus does not depend on it.
    progress : callable, optional
        Called as ``progress(done, total)`` in mixtures.
    say : callable, optional
        Called with lines for people: what the corpus will take, what is being packed.

    Returns
    -------
    Manifest

    Raises
    ------
    RecipeError
        If the recipe asks for what the catalogs do not have.
    PlaceError
        If the folder holds another corpus, is being written to, has too little space, or a set's folder is not there.
    TooManyFailedError
        If so many mixtures failed that something must be wrong as a whole.
    KeyboardInterrupt
        If it was interrupted; everything that was finished is kept.
    """
    if container not in ("flac", "wav"):
        raise UsageError(f"mix: unknown container `{container}`", "choose flac or wav")
    if pack not in ("auto", "always", "never"):
        raise UsageError(f"mix: unknown policy `{pack}` for packs", "choose auto, always or never")
    recipe = _with_counts(load_recipe(recipe), mixtures)
    out = Path(out)
    tables = {name: catalog.read(path) for name, path in catalogs.items()}
    drawn = Plan(recipe, tables, seed=seed)
    hints = {name: catalog.roots_hint(path) for name, path in catalogs.items() if name in recipe.sets}
    words = drawn.metadata | {"container": container, "root_hints": hints}
    if (out / FILE_NAME).exists():
        words["plan_hash"] = plan_hash(drawn)
    if (there := _there(out, words)) is not None and _is_done(there, plan_only):
        if not plan_only:
            _tidy(out)
        return there
    with storage.locked(out):
        _remove(*_temporaries(out))
        if (out / FILE_NAME).exists() and "plan_hash" not in words:  # another run was quicker
            words["plan_hash"] = plan_hash(drawn)
        if (there := _there(out, words)) is not None and _is_done(there, plan_only):
            return there
        if plan_only:
            return drawn.write(out / FILE_NAME, metadata=words, progress=progress)
        found = find_roots(recipe.sets, roots or {}, hints)
        planned = _enter(out, drawn, words, there)
        needs = needs_of(planned, tables)
        free = refuse_too_little_space(out, needs, container)
        tell = say or (lambda _: None)
        tell(
            f"{len(planned)} mixtures take about {gigabytes(audio_bytes(needs, container))}; {gigabytes(free)} are free"
        )
        count = executors.default_workers() if workers is None else workers
        packs = Path(cache) if cache else packing.cache_folder()
        chosen = worth_packing(needs, packs, pack)
        unusable: dict[str, tuple[str, str]] = {}
        if chosen:
            tell(f"packing {len(chosen)} recordings in {packs}, {gigabytes(packed_bytes(chosen))} at most")
            unusable = packing.build(chosen, found, packs, workers=count)[1]
        storage.write_json(out / _WORK / _UNUSABLE, unusable)
        build = _Build(out, container, tuple(sorted(found.items())), packs if chosen else None)
        _render_shards(build, planned, count, max_failed, progress)
        manifest = _finish(build, planned)
    return manifest


def _with_counts(recipe: Recipe, mixtures: Mapping[str, int] | None) -> Recipe:
    if not mixtures:
        return recipe
    return parse_recipe(recipe.model_dump(exclude_defaults=True) | {"splits": dict(mixtures)}, where=recipe.name)


def audio_path(corpus: Path, row: Mapping[str, Any], name: str, container: str) -> Path:
    """Say where the audio of a row lies: `name` is a stem, or ``mixture``."""
    return corpus / "audio" / str(row["split"]) / str(row["mixture_id"]) / f"{name}.{container}"


# what a folder holds


def _there(out: Path, planned: Mapping[str, Any]) -> Manifest | None:
    """Give the corpus that the folder holds, if it is this one; refuse another, and what is no corpus."""
    with storage.naming(out):
        if not (out / FILE_NAME).exists():
            _refuse_strangers(out)
            return None
    there = Manifest.read(out)
    if there.metadata["plan_hash"] != planned["plan_hash"]:
        raise PlaceError(
            f"{out}: holds another corpus ({_difference(there, planned)})", "choose another folder, or remove this one"
        )
    if _is_rendered(there) and there.metadata["container"] != planned["container"]:
        raise PlaceError(f"{out}: holds this corpus as {there.metadata['container']}", "choose another folder")
    return there


def _refuse_strangers(out: Path) -> None:
    """Refuse a folder that holds what no build makes; another run may be at it, so all that a build makes may appear."""
    if out.exists() and not out.is_dir():
        raise PlaceError(f"{out}: is a file", "name a folder with --out")
    ours = {_WORK, "audio", ".lock", FILE_NAME, *(path.name for path in _temporaries(out))}
    strangers = sorted({path.name for path in out.iterdir()} - ours) if out.exists() else []
    if strangers:
        raise PlaceError(f"{out}: is not empty, and holds no corpus (`{strangers[0]}`, …)",
                         "name an empty or a new folder with --out")  # fmt: skip


def _temporaries(out: Path) -> list[Path]:
    """Give the manifests that a killed build had not finished writing."""
    return list(out.glob(f".{FILE_NAME}.*.tmp"))


def _tidy(out: Path) -> None:
    """Remove what a build left that was killed after its manifest had appeared; where a run is at work, it is its own."""
    left = [path for path in (out / _WORK, *_temporaries(out)) if path.exists()]
    if left or (out / ".lock").exists():
        with contextlib.suppress(PlaceError), storage.locked(out):
            _remove(*left)


def _remove(*paths: Path) -> None:
    """Remove files and folders that belong to the build."""
    for path in paths:
        with storage.naming(path), contextlib.suppress(FileNotFoundError):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _is_rendered(manifest: Manifest) -> bool:
    return "corpus_hash" in manifest.metadata


def _is_done(there: Manifest, plan_only: bool) -> bool:
    """Say whether nothing is left to do: no mixture may come out if it is tried again."""
    return plan_only or (_is_rendered(there) and not any(_may_come_out(one.status) for one in there.failures()))


def _may_come_out(status: str) -> bool:
    """Whether a row failed for a reason that lies outside of it."""
    return status.startswith(("source_", "worker_"))


def _difference(there: Manifest, planned: Mapping[str, Any]) -> str:
    """Say how two plans differ: `key: there, asked for`."""
    old, new = there.metadata["recipe"], planned["recipe"]
    words = [f"{key}: {before} there, {after} asked for" for key, before, after in _unlike(old, new)]
    if there.metadata["seed"] != planned["seed"]:
        words.append(f"seed: {there.metadata['seed']} there, {planned['seed']} asked for")
    return "; ".join(words) or "its sources differ: the catalogs have changed"


def _unlike(old: Any, new: Any, at: str = "") -> Iterator[tuple[str, str, str]]:
    """Give the places where two recipes differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _unlike(old.get(key), new.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _unlike(one, other, f"{at}[{place}]")
    elif old != new:
        yield at, _shown(old), _shown(new)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"`{value}`"


def _enter(out: Path, drawn: Plan, words: Mapping[str, Any], there: Manifest | None) -> Manifest:
    """Take up the plan of the work folder, make it, or refuse it where it belongs to another corpus."""
    work = out / _WORK
    if (work / _PLAN).exists():
        begun = Manifest.read(work / _PLAN)
        if begun.metadata["plan_hash"] != (words.get("plan_hash") or plan_hash(drawn)):
            raise PlaceError(
                f"{out}: an unfinished build of another corpus lies here ({_difference(begun, words)})",
                "finish it with its own recipe and seed, or remove the folder",
            )
        if begun.metadata["container"] != words["container"]:
            raise PlaceError(f"{out}: an unfinished build as {begun.metadata['container']} lies here",
                             "finish it with its own --container, or remove the folder")  # fmt: skip
        return begun
    _remove(work)  # of a build that was killed before its plan was written, or after its end
    if there is not None and _is_rendered(there):
        _take_apart(out, there)
    storage.write_text(work / _BOOT, _boot())
    return drawn.write(work / _PLAN, metadata=words)


def _take_apart(out: Path, there: Manifest) -> None:
    """Lay a finished corpus out as a build in progress, without the mixtures that failed."""
    shards = _shards(there)
    for number, (start, stop) in enumerate(shards):
        proofs = [row["proof"] for row in there.rows(start, stop)]
        if any(_may_come_out(proof["status"]) for proof in proofs):
            with journal.Journal(_journal_path(out, number)) as records:
                for place, proof in enumerate(proofs):
                    if not _may_come_out(proof["status"]):
                        records.append([place, proof])
        else:
            _write_proofs(out, number, proofs)


def _boot() -> str:
    """Say which start of the machine this is: files that were not forced to the disk are safe until the next."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"unknown {os.urandom(8).hex()}"  # unlike any other: files are looked at again


# shards


class _Build(NamedTuple):
    """What all shards of a build share; hashable, so that a worker opens it once."""

    out: Path
    container: str
    roots: tuple[tuple[str, Path], ...]
    pack: Path | None


class _Shard(NamedTuple):
    """The rows from `start` to `stop`; those that killed their worker are in `given_up`, with the reason."""

    build: _Build
    number: int
    start: int
    stop: int
    suspicious: bool
    given_up: tuple[tuple[int, str, str], ...] = ()


class _Receipt(NamedTuple):
    """What became of a shard: how many rows are finished, and the reasons of those that failed."""

    rows: int
    failed: tuple[str, ...]


def _shards(planned: Manifest) -> list[tuple[int, int]]:
    """Divide the rows: a function of the plan alone, so that a build that goes on finds its shards again."""
    rows = len(planned)
    size = max(1, min(_SHARD_ROWS, math.ceil(rows / _SHARDS), _SHARD_SAMPLES // max(1, _samples_of_a_row(planned))))
    return [(at, min(at + size, rows)) for at in range(0, rows, size)]


def _samples_of_a_row(planned: Manifest) -> int:
    first = planned[0]
    stems = len({source["name"] for source in first["sources"]})
    return int(first["frames"] * first["channels"] * (stems + 1))


def _journal_path(out: Path, number: int) -> Path:
    return out / _WORK / f"{number:06d}.journal"


def _proofs_path(out: Path, number: int) -> Path:
    return out / _WORK / f"{number:06d}.parquet"


def _render_shards(
    build: _Build, planned: Manifest, workers: int, max_failed: float, progress: Progress | None
) -> None:
    shards = _shards(planned)
    suspicious = (build.out / _WORK / _BOOT).read_text() != _boot()
    todo = {
        number: _Shard(build, number, start, stop, suspicious)
        for number, (start, stop) in enumerate(shards)
        if suspicious or not _proofs_path(build.out, number).exists()
    }
    watch = _Watch(len(planned), max_failed)
    watch.done = sum(stop - start for number, (start, stop) in enumerate(shards) if number not in todo)
    crew = executors.Crew(_render_shard, min(workers, len(todo)), executors.UNTRUSTED)
    _opened.cache_clear()  # of an earlier build of the same folder by this process, maybe of another plan
    with crew, executors.interruptible(crew):
        for number, shard in todo.items():
            crew.submit(number, shard)
        for outcome in crew.outcomes():
            if isinstance(outcome.error, executors.WorkerCrashedError):
                todo[outcome.index] = _after_a_crash(todo[outcome.index], outcome.error)
                crew.submit(outcome.index, todo[outcome.index])
            elif outcome.error:
                raise outcome.error
            else:
                watch.take(outcome.result)
                if progress:
                    progress(watch.done, watch.total)
    if suspicious:
        storage.write_text(build.out / _WORK / _BOOT, _boot())


def _after_a_crash(shard: _Shard, error: executors.WorkerCrashedError) -> _Shard:
    """Try the row that killed its worker once more, then give it up."""
    place = -1 if error.at is None else int(error.at)
    status = "worker_timeout" if isinstance(error, executors.WorkerHungError) else "worker_crashed"
    if (place, "", "") in shard.given_up:
        if place < 0:
            raise error  # not even begun, twice
        kept = tuple(one for one in shard.given_up if one[0] != place)
        return shard._replace(given_up=(*kept, (place, status, str(error))))
    return shard._replace(given_up=(*shard.given_up, (place, "", "")))


class _Watch:
    """Counts, and raises when so much fails that something must be wrong as a whole."""

    def __init__(self, total: int, max_failed: float) -> None:
        self.total, self.max_failed = total, max_failed
        self.done = self.failed = self.in_a_row = self.seen = 0

    def take(self, receipt: _Receipt) -> None:
        self.done += receipt.rows
        self.seen += receipt.rows
        self.failed += len(receipt.failed)
        self.in_a_row = self.in_a_row + receipt.rows if len(receipt.failed) == receipt.rows else 0
        too_many = self.failed > _FEW_FAILED and self.failed > self.max_failed * self.seen
        if receipt.failed and self.max_failed < 1 and (too_many or self.in_a_row >= _IN_A_ROW):
            raise TooManyFailedError(
                f"{self.failed} of {self.seen} mixtures failed, the last: {receipt.failed[-1]}",
                "is the root of each set the right one, and its disk mounted? Mend it and run the same command again: it "
                f"goes on where it stopped. --max-failed 1 goes on regardless (now {self.max_failed:g})",
            )


@lru_cache(maxsize=1)
def _opened(build: _Build) -> tuple[Manifest, Recordings]:
    """Open plan and recordings once in each worker."""
    work = build.out / _WORK
    unusable = {name: (status, reason) for name, (status, reason) in storage.read_json(work / _UNUSABLE).items()}
    pack = packing.Pack(build.pack) if build.pack else None
    return Manifest.read(work / _PLAN), Recordings(dict(build.roots), pack, unusable)


def _render_shard(shard: _Shard) -> _Receipt:
    """Render the rows of a shard that are not finished, and write their proofs when all are."""
    build, path = shard.build, _journal_path(shard.build.out, shard.number)
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
                return _Receipt(len(proofs), ())
            executors.note(place)
            if place in given_up:
                proof = failed_proof(*given_up[place])
            else:
                rendered = _rendered(row, recordings)
                _write_audio(build, row, rendered)
                proof = rendered.proof
            proofs[place] = proof
            records.append([place, proof])
    failed = tuple(
        f"{proof['status']}: {proof['reason']}" for proof in proofs.values() if _may_come_out(proof["status"])
    )
    if not failed:
        _write_proofs(build.out, shard.number, [proofs[place] for place in range(len(rows))])
        _remove(path)
    return _Receipt(len(rows), failed)


def _rendered(row: Mapping[str, Any], recordings: Recordings) -> Rendered:
    """Render a row; that its sources can't be read, or do not fit into memory, is no reason to end the build."""
    try:
        return render(row, recordings)
    except MemoryError:
        status, reason = "worker_out_of_memory", "the mixture and its recordings do not fit into the memory of a worker"
    except OSError as error:
        status, reason = "source_unreadable", str(error)
    return Rendered(np.zeros((row["channels"], 0), np.int16), {}, failed_proof(status, reason))


def _reopen(shard: _Shard, rows: int, proofs: Mapping[int, Any], records: journal.Journal) -> None:
    """Take a shard that was finished, and lost audio since, back to a journal of the rows that are whole."""
    table = _proofs_path(shard.build.out, shard.number)
    if len(proofs) < rows and table.exists():
        for place, proof in proofs.items():
            records.append([place, proof])
        _remove(table)


def _finished_rows(shard: _Shard, rows: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """Give the proofs of the rows that need no rendering."""
    build = shard.build
    proofs: dict[int, dict[str, Any]] = dict(journal.read(_journal_path(build.out, shard.number)))
    with contextlib.suppress(TableError):  # damaged: as if it were not there
        if _proofs_path(build.out, shard.number).exists():
            proofs |= enumerate(_read_proofs(build.out, shard.number).to_pylist())
    return {
        place: proof
        for place, proof in proofs.items()
        if not _may_come_out(proof["status"]) and (not shard.suspicious or _is_whole(build, rows[place], proof))
    }


def _is_whole(build: _Build, row: Mapping[str, Any], proof: Mapping[str, Any]) -> bool:
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


def _write_audio(build: _Build, row: Mapping[str, Any], rendered: Rendered) -> None:
    folder = audio_path(build.out, row, "mixture", build.container).parent
    if rendered.proof["status"] != "ok":
        _remove(folder)  # an earlier attempt came further
        return
    with storage.naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, samples in (("mixture", rendered.mixture), *rendered.stems.items()):
        content = encoded(samples, row["sample_rate"], row["bits"], build.container)
        executors.raise_if_interrupted()
        storage.put(audio_path(build.out, row, name, build.container), content)


def _write_proofs(out: Path, number: int, proofs: list[dict[str, Any]]) -> None:
    table = pa.table([pa.array(proofs, type=_PROOFS.field("proof").type)], schema=_PROOFS)
    parquet.write_parquet(table, _proofs_path(out, number), kind="table of proofs", version=1, metadata={})


def _read_proofs(out: Path, number: int) -> pa.ChunkedArray:
    return parquet.read_parquet(_proofs_path(out, number), _PROOFS, kind="table of proofs", version=1)["proof"]


# the end


def _finish(build: _Build, planned: Manifest) -> Manifest:
    """Put plan and proofs together, force the audio to the disk, and let the manifest appear."""
    if hasattr(os, "sync"):
        os.sync()  # one call for all files of the corpus: each by itself would take longer than mixing it
    manifest = write_manifest(_proven(build, planned), build.out / FILE_NAME, planned.metadata, total=len(planned))
    _remove(build.out / _WORK / _PLAN, build.out / _WORK)  # without its plan, what is left of the folder is rubbish
    return manifest


def _proven(build: _Build, planned: Manifest) -> Iterator[pa.RecordBatch]:
    """Give the rows with their proofs, a shard at a time."""
    for number, (start, stop) in enumerate(_shards(planned)):
        table = planned.part(start, stop)
        column = _proof_column(build.out, number)
        proven = table.set_column(SCHEMA.get_field_index("proof"), SCHEMA.field("proof"), column)
        yield from proven.combine_chunks().to_batches()


def _proof_column(out: Path, number: int) -> pa.Array | pa.ChunkedArray:
    if _proofs_path(out, number).exists():
        return _read_proofs(out, number)
    proofs = [proof for _, proof in sorted(dict(journal.read(_journal_path(out, number))).items())]
    return pa.array(proofs, type=SCHEMA.field("proof").type)
