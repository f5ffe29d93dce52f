"""Verifying a corpus: make its rows again, and say exactly what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sepbench import executors
from sepbench.audio import read_pcm
from sepbench.errors import AudioError, UsageError
from sepbench.manifest import Manifest, corpus_hash, plan_hash
from sepbench.mixing.layout import audio_path
from sepbench.mixing.proofs import kind_of_difference, unlike, versions
from sepbench.mixing.recordings import Recordings
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
        differently, or is gone; ``float stage``: a stage that is not exact, such as the decoder of an MP3 file, comes
        to something else, and its versions then and now are named; ``mix``: the same recordings give another mixture;
        ``audio``: a rendered file is missing, damaged or holds other samples.
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
    total = len(manifest)
    chosen = list(range(total)) if limit is None or limit >= total else [at * total // limit for at in range(limit)]
    found = find_roots(manifest.sets, roots or {}, manifest.metadata.get("root_hints", {}))
    shards = [tuple(chosen[at : at + _SHARD]) for at in range(0, len(chosen), _SHARD)]
    place = _Place(corpus, tuple(sorted(found.items())), manifest.metadata["container"])
    by_shard: list[list[Difference]] = [[] for _ in shards]
    done = 0
    count = executors.default_workers() if workers is None else workers
    tasks = [(place, shard) for shard in shards]
    for outcome in executors.run(_verify_shard, tasks, workers=count, limits=executors.UNTRUSTED):
        by_shard[outcome.index] = _differences(outcome, manifest, shards[outcome.index])
        done += len(shards[outcome.index])
        if progress:
            progress(done, len(chosen))
    return Verification(len(chosen), differences + [one for shard in by_shard for one in shard])


class _Place(NamedTuple):
    """What all shards share; hashable, so that a worker opens it once."""

    corpus: Path
    roots: tuple[tuple[str, Path], ...]
    container: str


def _differences(outcome: executors.Outcome, manifest: Manifest, shard: tuple[int, ...]) -> list[Difference]:
    if isinstance(outcome.error, executors.WorkerCrashedError):
        at = shard[0] if outcome.error.at is None else outcome.error.at
        words = f"{outcome.error}; the {len(shard)} rows around it were not compared"
        return [Difference(str(manifest[at]["mixture_id"]), "source", words)]
    if outcome.error:
        raise outcome.error
    found: list[Difference] = outcome.result
    return found


def _of_the_manifest(manifest: Manifest) -> list[Difference]:
    found = []
    for name, hash_of in (("plan_hash", plan_hash), ("corpus_hash", corpus_hash)):
        if (now := hash_of(manifest)) != manifest.metadata[name]:
            found.append(Difference("", "manifest", f"its {name} is {now}, recorded is {manifest.metadata[name]}"))
    return found


@lru_cache(maxsize=1)
def _opened(place: _Place) -> tuple[Manifest, Recordings]:
    """Open manifest and recordings once in each worker; packs are not trusted here."""
    return Manifest.read(place.corpus), Recordings(dict(place.roots))


def _verify_shard(task: tuple[_Place, tuple[int, ...]]) -> list[Difference]:
    place, numbers = task
    manifest, recordings = _opened(place)
    found = []
    for number in numbers:
        executors.note(number)
        found += _verify_row(place, manifest[number], recordings)
    return found


def _verify_row(place: _Place, row: dict[str, Any], recordings: Recordings) -> list[Difference]:
    name, recorded = row["mixture_id"], row["proof"]
    now = render(row, recordings, frozen=False).proof
    if now["status"] != recorded["status"]:
        words = now["reason"] or f"is `ok` now, was `{recorded['status']}`"
        return [Difference(name, kind_of_difference(now, recorded), words)]
    words = unlike(now, recorded)
    found = [Difference(name, kind_of_difference(now, recorded), one + versions(now, recorded)) for one in words]
    wanted = {"mixture": recorded["mixture_pcm_sha256"]}
    wanted |= {stem["name"]: stem["stem_pcm_sha256"] for stem in recorded["stems"]}
    if recorded["status"] == "ok":
        found += [one for stem in wanted if (one := _of_a_file(place, row, stem, wanted[stem]))]
    return found


def _of_a_file(place: _Place, row: Mapping[str, Any], stem: str, wanted: str) -> Difference | None:
    path = audio_path(place.corpus, row, stem, place.container)
    try:
        found = read_pcm(path).sha256()
    except AudioError as error:
        return Difference(str(row["mixture_id"]), "audio", error.message)
    if found != wanted:
        return Difference(str(row["mixture_id"]), "audio", f"{path}: holds other samples than were rendered")
    return None
