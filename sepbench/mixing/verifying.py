"""Verifying a corpus: make its rows again, and say exactly what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sepbench import executors
from sepbench.audio import read_pcm
from sepbench.errors import AudioError, UsageError
from sepbench.manifest import Manifest, corpus_hash, plan_hash
from sepbench.mixing.building import audio_path
from sepbench.mixing.rendering import render
from sepbench.mixing.roots import find_roots

__all__ = ["Difference", "Verification", "verify"]

_SHARD = 16


class Difference(NamedTuple):
    """One thing that is not as it was recorded.

    Attributes
    ----------
    mixture_id : str
        The row, or empty for the manifest as a whole.
    kind : str
        ``manifest``: the hash of the rows is not the one written beside them; ``source``: a recording decodes
        differently, or is gone; ``mix``: the same recordings give another mixture; ``audio``: a rendered file is
        missing, damaged or holds other samples.
    words : str
        What differs.
    """

    mixture_id: str
    kind: str
    words: str


class Verification(NamedTuple):
    """What `verify` found: how many rows were remade, and every difference, in the order of the manifest."""

    rows: int
    differences: list[Difference]


def verify(
    corpus: Path | str,
    *,
    roots: Mapping[str, Path | str] | None = None,
    limit: int | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Remake the rows of a corpus and compare gains, samples and files with what was recorded.

    Parameters
    ----------
    corpus : path
        The folder of a rendered corpus.
    roots : mapping of str to path, optional
        The folder of each public set.
    limit : int, optional
        Remake this many rows, spread evenly, instead of all.
    workers : int, optional
        Worker processes; all processors by default, 0 for none.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Raises
    ------
    UsageError
        If the corpus was planned but never rendered: there is nothing to compare.
    """
    corpus = Path(corpus)
    manifest = Manifest.read(corpus)
    if "corpus_hash" not in manifest.metadata:
        raise UsageError(f"{corpus}: was planned but not rendered", "there is no proof to verify: run `sepbench mix`")
    differences = _of_the_manifest(manifest)
    rows = list(manifest)
    if limit is not None and limit < len(rows):
        rows = [rows[at * len(rows) // limit] for at in range(limit)]
    sets = sorted({source["set"] for row in rows for source in row["sources"]})
    found = find_roots(sets, roots or {}, manifest.metadata.get("root_hints", {}))
    shards = [rows[at : at + _SHARD] for at in range(0, len(rows), _SHARD)]
    tasks = [(corpus, shard, found, manifest.metadata["container"]) for shard in shards]
    by_shard: list[list[Difference]] = [[] for _ in shards]
    done = 0
    count = executors.default_workers() if workers is None else workers
    for outcome in executors.run(_verify_shard, tasks, workers=count):
        if outcome.error:
            raise outcome.error
        by_shard[outcome.index] = outcome.result
        done += len(shards[outcome.index])
        if progress:
            progress(done, len(rows))
    return Verification(len(rows), differences + [one for shard in by_shard for one in shard])


def _of_the_manifest(manifest: Manifest) -> list[Difference]:
    found = []
    for name, hash_of in (("plan_hash", plan_hash), ("corpus_hash", corpus_hash)):
        if (now := hash_of(manifest)) != manifest.metadata[name]:
            found.append(Difference("", "manifest", f"its {name} is {now}, recorded is {manifest.metadata[name]}"))
    return found


def _verify_shard(task: tuple[Path, list[dict[str, Any]], dict[str, Path], str]) -> list[Difference]:
    corpus, rows, roots, container = task
    return [difference for row in rows for difference in _verify_row(corpus, row, roots, container)]


def _verify_row(corpus: Path, row: dict[str, Any], roots: Mapping[str, Path], container: str) -> list[Difference]:
    name, recorded = row["mixture_id"], row["proof"]
    now = render(row, roots, frozen=False).proof
    if now["status"] != recorded["status"]:
        kind = "source" if now["status"].startswith("source_") else "mix"
        words = now["reason"] or f"is `ok` now, was `{recorded['status']}`"
        return [Difference(name, kind, words)]
    found = []
    if now["gains"] != recorded["gains"]:
        found.append(Difference(name, "mix", "other gains come out"))
    for stem, before in zip(now["stems"], recorded["stems"], strict=True):
        if stem["stem_pcm_sha256"] != before["stem_pcm_sha256"]:
            found.append(Difference(name, "mix", f"the stem `{stem['name']}` comes out with other samples"))
    if now["mixture_pcm_sha256"] != recorded["mixture_pcm_sha256"]:
        found.append(Difference(name, "mix", "the mixture comes out with other samples"))
    wanted = {"mixture": recorded["mixture_pcm_sha256"]}
    wanted |= {stem["name"]: stem["stem_pcm_sha256"] for stem in recorded["stems"]}
    if recorded["status"] == "ok":
        found += [one for stem in wanted if (one := _of_a_file(corpus, row, stem, wanted[stem], container))]
    return found


def _of_a_file(corpus: Path, row: Mapping[str, Any], stem: str, wanted: str, container: str) -> Difference | None:
    path = audio_path(corpus, row, stem, container)
    try:
        found = read_pcm(path).sha256()
    except AudioError as error:
        return Difference(str(row["mixture_id"]), "audio", error.message)
    if found != wanted:
        return Difference(str(row["mixture_id"]), "audio", f"{path}: holds other samples than were rendered")
    return None
