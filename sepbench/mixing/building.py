"""Building a corpus: plan it, render it shard by shard, and write the manifest last.

A corpus folder holds ``manifest.parquet``, ``recipe.toml`` as it was used, and ``audio/<split>/<mixture>/`` with
``mixture.flac`` and one file per stem. While it is being built, the proofs of finished shards lie in ``.work/``; a
build that was stopped goes on from there. No manifest, no corpus.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sepbench import catalog, executors, storage
from sepbench.audio import Ints, write_pcm
from sepbench.errors import PlaceError, UsageError
from sepbench.manifest import FILE_NAME, SCHEMA, Manifest, corpus_hash, plan_hash
from sepbench.mixing.planning import Plan, plan
from sepbench.mixing.rendering import Rendered, render
from sepbench.mixing.roots import find_roots
from sepbench.recipe import Recipe
from sepbench.recipe import load as load_recipe
from sepbench.recipe import parse as parse_recipe

__all__ = ["audio_path", "mix"]

_SHARD = 32
_WORK = ".work"
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
    workers: int | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Make a corpus from a recipe and catalogs.

    Parameters
    ----------
    recipe : str, Path or Recipe
        Name on the shelf, or a TOML file.
    out : path
        The folder of the corpus. A build that was stopped there goes on; another corpus there is refused.
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
    workers : int, optional
        Worker processes; all processors by default, 0 for none. The corpus does not depend on it.
    progress : callable, optional
        Called as ``progress(done, total)`` in mixtures.

    Returns
    -------
    Manifest

    Raises
    ------
    RecipeError
        If the recipe asks for what the catalogs do not have.
    PlaceError
        If the folder holds another corpus, is being written to, or a set's folder is not there.
    """
    if container not in ("flac", "wav"):
        raise UsageError(f"mix: unknown container `{container}`", "choose flac or wav")
    recipe = _with_counts(load_recipe(recipe), mixtures)
    out = Path(out)
    tables = {name: catalog.read(path) for name, path in catalogs.items()}
    drawn = Plan(recipe, tables, seed=seed)
    hints = {name: catalog.roots_hint(path) for name, path in catalogs.items() if name in recipe.sets}
    words = drawn.metadata | {"container": container, "root_hints": hints}
    if (out / FILE_NAME).exists():
        words["plan_hash"] = plan_hash(drawn)
    finished = _finished(out, words, plan_only)
    if finished is not None:
        return finished
    with storage.locked(out):
        if plan_only:
            return drawn.write(out / FILE_NAME, metadata=words, progress=progress)
        planned = plan(recipe, tables, seed=seed)
        planned.metadata |= words
        found = find_roots(recipe.sets, roots or {}, hints)
        _enter(out, planned)
        proofs = _render_shards(out, planned, found, workers, progress)
        manifest = _with_proofs(planned, proofs)
        manifest.write(out)
        shutil.rmtree(out / _WORK)
    return manifest


def _with_counts(recipe: Recipe, mixtures: Mapping[str, int] | None) -> Recipe:
    if not mixtures:
        return recipe
    return parse_recipe(recipe.model_dump(exclude_defaults=True) | {"splits": dict(mixtures)}, where=recipe.name)


def audio_path(corpus: Path, row: Mapping[str, Any], name: str, container: str) -> Path:
    """Say where the audio of a row lies: `name` is a stem, or ``mixture``."""
    return corpus / "audio" / str(row["split"]) / str(row["mixture_id"]) / f"{name}.{container}"


def _finished(out: Path, planned: Mapping[str, Any], plan_only: bool) -> Manifest | None:
    """Give the corpus that the folder holds, if it is this one and nothing is left to do."""
    if not (out / FILE_NAME).exists():
        if out.exists() and not out.is_dir():
            raise PlaceError(f"{out}: is a file", "name a folder with --out")
        strangers = (
            [path.name for path in out.iterdir() if path.name not in (_WORK, "audio", ".lock")] if out.exists() else []
        )
        if strangers:
            raise PlaceError(f"{out}: is not empty, and holds no corpus (`{sorted(strangers)[0]}`, …)",
                             "name an empty or a new folder with --out")  # fmt: skip
        return None
    there = Manifest.read(out)
    if there.metadata["plan_hash"] != planned["plan_hash"]:
        raise PlaceError(
            f"{out}: holds another corpus ({_difference(there, planned)})", "choose another folder, or remove this one"
        )
    if "corpus_hash" in there.metadata and there.metadata["container"] != planned["container"]:
        raise PlaceError(f"{out}: holds this corpus as {there.metadata['container']}", "choose another folder")
    return there if plan_only or "corpus_hash" in there.metadata else None


def _difference(there: Manifest, planned: Mapping[str, Any]) -> str:
    """Say in a few words how two plans differ."""
    old, new = there.metadata["recipe"], planned["recipe"]
    keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    if old["name"] != new["name"]:
        return f"`{old['name']}`, not `{new['name']}`"
    if keys:
        return f"its recipe differs in {', '.join(keys)}"
    if there.metadata["seed"] != planned["seed"]:
        return f"its seed is {there.metadata['seed']}, not {planned['seed']}"
    return "its sources differ: the catalogs have changed"


def _enter(out: Path, planned: Manifest) -> None:
    """Take up the work folder, or refuse it where it belongs to another plan."""
    work = out / _WORK
    note = work / "plan_hash"
    if note.exists():
        if note.read_text() != planned.metadata["plan_hash"]:
            raise PlaceError(
                f"{out}: an unfinished build of another corpus lies here",
                "finish it with its own recipe and seed, or remove the folder",
            )
        return
    storage.write_text(note, planned.metadata["plan_hash"])


def _render_shards(
    out: Path, planned: Manifest, roots: Mapping[str, Path], workers: int | None, progress: Progress | None
) -> list[dict[str, Any]]:
    rows = list(planned)
    shards = [rows[at : at + _SHARD] for at in range(0, len(rows), _SHARD)]
    names = [out / _WORK / f"shard-{number:06d}.json" for number in range(len(shards))]
    todo = [number for number, name in enumerate(names) if not name.exists()]
    done = len(rows) - sum(len(shards[number]) for number in todo)
    tasks = [(out, shards[number], dict(roots), planned.metadata["container"], names[number]) for number in todo]
    count = executors.default_workers() if workers is None else workers
    for outcome in executors.run(_render_shard, tasks, workers=count):
        if outcome.error:
            raise outcome.error
        done += outcome.result
        if progress:
            progress(done, len(rows))
    return [proof for name in names for proof in json.loads(name.read_text())]


def _render_shard(task: tuple[Path, list[dict[str, Any]], dict[str, Path], str, Path]) -> int:
    """Render the rows of a shard, then write their proofs under the shard's final name."""
    out, rows, roots, container, name = task
    proofs = []
    for row in rows:
        rendered = render(row, roots)
        _write_audio(out, row, rendered, container)
        proofs.append(rendered.proof)
    storage.write_text(name, json.dumps(proofs))
    return len(rows)


def _write_audio(out: Path, row: Mapping[str, Any], rendered: Rendered, container: str) -> None:
    if rendered.proof["status"] != "ok":
        return
    for name, samples in _signals(rendered):
        with storage.atomic(audio_path(out, row, name, container)) as temporary:
            write_pcm(temporary, samples, row["sample_rate"], row["bits"], container=f".{container}")


def _signals(rendered: Rendered) -> Iterator[tuple[str, Ints]]:
    yield "mixture", rendered.mixture
    yield from rendered.stems.items()


def _with_proofs(planned: Manifest, proofs: list[dict[str, Any]]) -> Manifest:
    import pyarrow as pa

    column = pa.array(proofs, type=SCHEMA.field("proof").type)
    table = planned.table.set_column(SCHEMA.get_field_index("proof"), SCHEMA.field("proof"), column)
    manifest = Manifest(table, planned.metadata)
    manifest.metadata["corpus_hash"] = corpus_hash(manifest)
    return manifest
