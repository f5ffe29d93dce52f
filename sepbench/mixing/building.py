"""Building a corpus: plan it, pack its recordings, render it shard by shard, and write the manifest last.

A build that was stopped, however it was stopped, goes on from what it finds in its folder (`sepbench.mixing.layout`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from sepbench import executors, journal, storage
from sepbench.amounts import gigabytes
from sepbench.errors import PlaceError, TooManyFailedError, UsageError
from sepbench.manifest import FILE_NAME, SCHEMA, Manifest
from sepbench.manifest import write as write_manifest
from sepbench.mixing import layout, packing, shards
from sepbench.mixing.forecasting import forecast
from sepbench.mixing.orders import Order, order_of
from sepbench.mixing.roots import find_roots
from sepbench.mixing.shards import Build, Receipt, Shard, may_come_out
from sepbench.mixing.sizing import needs_of, packed_bytes, refuse_too_little_space, worth_packing
from sepbench.recipe import Recipe

__all__ = ["How", "build", "mix"]

_FEW_FAILED, _IN_A_ROW = 20, 100
Progress = Callable[[int, int], None]


def mix(
    recipe: str | Path | Recipe,
    out: Path | str,
    *,
    catalogs: Mapping[str, Path | str] | None = None,
    roots: Mapping[str, Path | str] | None = None,
    seed: int | None = None,
    mixtures: Mapping[str, int] | None = None,
    disjoint_from: Sequence[Path | str] = (),
    leave_out: bool = False,
    plan_only: bool = False,
    container: str = "flac",
    pack: str = "auto",
    cache: Path | str | None = None,
    max_failed: float = 0.05,
    workers: int | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Manifest:
    """Make a corpus from a recipe and catalogs, or from the manifest of one.

    Parameters
    ----------
    recipe : str, Path or Recipe
        Name on the shelf, or a TOML file. Or a manifest, as a Parquet file or the folder of its corpus: that corpus is
        rendered again from the recordings alone, with its recorded gains, and a mixture that does not come out as
        its proof says is withheld, with the status ``not_as_proven``.
    out : path
        The folder of the corpus. A build that was stopped there goes on; another corpus there is refused. Mixtures of a
        finished corpus that failed for want of a recording are tried again.
    catalogs : mapping of str to path, optional
        The catalog of each set that the recipe names.
    roots : mapping of str to path, optional
        The folder of each set, if it is not where it was indexed.
    seed : int, optional
        Instead of the recipe's.
    mixtures : mapping of str to int, optional
        How many mixtures of which splits, instead of the recipe's; splits that are not named are left out.
    disjoint_from : sequence of path
        Corpora, or manifests, of which no group and no recording may be heard in this one: it is refused otherwise.
    leave_out : bool
        Of a published list: leave out mixtures whose recordings are not in the catalogs, instead of refusing all.
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
    TableError
        If the manifest is damaged, or was altered.
    PlaceError
        If the folder holds another corpus, is being written to, has too little space, or a set's folder is not there.
    TooManyFailedError
        If so many mixtures failed that something must be wrong as a whole.
    KeyboardInterrupt
        If it was interrupted; everything that was finished is kept.
    """
    order = order_of(recipe, catalogs or {}, seed=seed, mixtures=mixtures, plan_only=plan_only,
                     disjoint_from=disjoint_from, container=container, roots=roots or {}, leave_out=leave_out)  # fmt: skip
    how = How(pack, Path(cache) if cache else packing.cache_folder(), max_failed, workers, progress, say)
    return build(order, Path(out), roots or {}, how, plan_only=plan_only)


class How(NamedTuple):
    """How a build goes about it; the corpus does not depend on it. See `mix`."""

    pack: str
    cache: Path
    max_failed: float
    workers: int | None
    progress: Progress | None
    say: Callable[[str], None] | None

    def tell(self, words: str) -> None:
        """Say something to people, if there are any."""
        if self.say and words:
            self.say(words)


def build(order: Order, out: Path, roots: Mapping[str, Path | str], how: How, *, plan_only: bool = False) -> Manifest:
    """Make what was ordered; see `mix`."""
    if how.pack not in ("auto", "always", "never"):
        raise UsageError(f"mix: unknown policy `{how.pack}` for packs", "choose auto, always or never")
    if (there := _there(out, order)) is not None and _is_done(there, plan_only):
        if not plan_only:
            layout.tidy(out)
        return there
    with storage.locked(out):
        layout.remove(*layout.temporaries(out))
        for note in order.notes:
            how.tell(note)
        if (there := _there(out, order)) is not None and _is_done(there, plan_only):  # another run was quicker
            return there
        if plan_only:
            return order.write(out / FILE_NAME, progress=how.progress)
        found = find_roots(order.sets, roots, order.words["root_hints"])
        planned = _enter(out, order, there)
        made = _make(order, planned, out, found, how)
    how.tell(order.held_against(made))
    return made


def _make(order: Order, planned: Manifest, out: Path, roots: Mapping[str, Path], how: How) -> Manifest:
    """Render what was planned, from a pack where that is worth it."""
    container = order.words["container"]
    workers = executors.default_workers() if how.workers is None else how.workers
    needs = needs_of(planned, order.lengths)
    try:
        left = refuse_too_little_space(out, needs, container)
    except PlaceError:
        layout.forget_untouched(out)
        raise
    chosen = worth_packing(needs, how.cache, how.pack, out, left)
    if how.say:
        how.tell(forecast(planned, needs, chosen, container, workers))
    unusable: dict[str, tuple[str, str]] = {}
    if chosen:
        how.tell(f"packing {len(chosen)} recordings in {how.cache}, {gigabytes(packed_bytes(chosen))} at most")
        unusable = packing.build(chosen, roots, how.cache, workers=workers)[1]
    storage.write_json(layout.unusable_path(out), unusable)
    build = Build(out, container, tuple(sorted(roots.items())), how.cache if chosen else None)
    _render_shards(build, planned, workers, how.max_failed, how.progress)
    return _finish(build, planned)


# the folder


def _there(out: Path, order: Order) -> Manifest | None:
    """Give the corpus that the folder holds, if it is this one; refuse another, and what is no corpus."""
    with storage.naming(out):
        if not (out / FILE_NAME).exists():
            layout.refuse_strangers(out)
            return None
    there = Manifest.read(out)
    order.refuse_another(there, f"{out}: holds another corpus", "choose another folder, or remove this one")
    if _is_rendered(there) and there.metadata["container"] != order.words["container"]:
        raise PlaceError(f"{out}: holds this corpus as {there.metadata['container']}", "choose another folder")
    return there


def _is_rendered(manifest: Manifest) -> bool:
    return "corpus_hash" in manifest.metadata


def _is_done(there: Manifest, plan_only: bool) -> bool:
    """Say whether nothing is left to do: no mixture may come out if it is tried again."""
    return plan_only or (_is_rendered(there) and not any(may_come_out(one.status) for one in there.failures()))


def _enter(out: Path, order: Order, there: Manifest | None) -> Manifest:
    """Take up the plan of the work folder, make it, or refuse it where it belongs to another corpus."""
    if layout.plan_path(out).exists():
        begun = Manifest.read(layout.plan_path(out))
        order.refuse_another(
            begun,
            f"{out}: an unfinished build of another corpus lies here",
            "finish it with its own recipe and seed, or remove the folder",
        )
        if begun.metadata["container"] != order.words["container"]:
            raise PlaceError(f"{out}: an unfinished build as {begun.metadata['container']} lies here",
                             "finish it with its own --container, or remove the folder")  # fmt: skip
        return begun
    layout.remove(layout.work_folder(out))  # of a build that was killed before its plan was written, or after its end
    if there is not None and _is_rendered(there):
        _take_apart(out, there)
    storage.write_text(layout.boot_path(out), _boot())
    return order.write(layout.plan_path(out))


def _take_apart(out: Path, there: Manifest) -> None:
    """Lay a finished corpus out as a build in progress, without the mixtures that failed."""
    for number, (start, stop) in enumerate(shards.shards_of(there)):
        proofs = [row["proof"] for row in there.rows(start, stop)]
        if any(may_come_out(proof["status"]) for proof in proofs):
            with journal.Journal(layout.journal_path(out, number)) as records:
                for place, proof in enumerate(proofs):
                    if not may_come_out(proof["status"]):
                        records.append([place, proof])
        else:
            shards.write_proofs(out, number, proofs)


def _boot() -> str:
    """Say which start of the machine this is: files that were not forced to the disk are safe until the next."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"unknown {os.urandom(8).hex()}"  # unlike any other: files are looked at again


# the work


def _render_shards(build: Build, planned: Manifest, workers: int, max_failed: float, progress: Progress | None) -> None:
    parts = shards.shards_of(planned)
    suspicious = layout.boot_path(build.out).read_text() != _boot()
    todo = {
        number: Shard(build, number, start, stop, suspicious)
        for number, (start, stop) in enumerate(parts)
        if suspicious or not layout.proofs_path(build.out, number).exists()
    }
    watch = _Watch(len(planned), max_failed)
    watch.done = sum(stop - start for number, (start, stop) in enumerate(parts) if number not in todo)
    crew = executors.Crew(shards.render_shard, min(workers, len(todo)), executors.UNTRUSTED)
    shards.forget()
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
        storage.write_text(layout.boot_path(build.out), _boot())


def _after_a_crash(shard: Shard, error: executors.WorkerCrashedError) -> Shard:
    """Try the row that killed its worker once more, then give it up."""
    place = -1 if error.at is None else int(error.at)
    status = "worker_timeout" if isinstance(error, executors.WorkerHungError) else "worker_crashed"
    if (place, "", "") in shard.given_up:
        if place < 0:
            raise executors.never_began(error)
        kept = tuple(one for one in shard.given_up if one[0] != place)
        return shard._replace(given_up=(*kept, (place, status, str(error))))
    return shard._replace(given_up=(*shard.given_up, (place, "", "")))


class _Watch:
    """Counts, and raises when so much fails that something must be wrong as a whole."""

    def __init__(self, total: int, max_failed: float) -> None:
        self.total, self.max_failed = total, max_failed
        self.done = self.failed = self.in_a_row = self.seen = 0

    def take(self, receipt: Receipt) -> None:
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


# the end


def _finish(build: Build, planned: Manifest) -> Manifest:
    """Put plan and proofs together, force the audio to the disk, and let the manifest appear."""
    if hasattr(os, "sync"):
        os.sync()  # one call for all files of the corpus: each by itself would take longer than mixing it
    manifest = write_manifest(_proven(build, planned), build.out / FILE_NAME, planned.metadata, total=len(planned))
    layout.remove(
        layout.plan_path(build.out), layout.work_folder(build.out)
    )  # without its plan, what is left of the folder is rubbish
    return manifest


def _proven(build: Build, planned: Manifest) -> Iterator[pa.RecordBatch]:
    """Give the rows with their proofs, a shard at a time."""
    for number, (start, stop) in enumerate(shards.shards_of(planned)):
        table = planned.part(start, stop)
        column = shards.proof_column(build.out, number)
        proven = table.set_column(SCHEMA.get_field_index("proof"), SCHEMA.field("proof"), column)
        yield from proven.combine_chunks().to_batches()
