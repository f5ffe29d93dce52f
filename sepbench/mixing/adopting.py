"""A manifest for mixtures that somebody else made: pairs of noisy and clean recordings, or songs with their stems.

The recordings stay where they are. Each stem is a source as it is; what the stems leave of the mixture is a source as well,
the mixture with the stems taken away, sample by sample, so that a row is like any other: its stems add up to its mixture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sepbench import __version__, executors, manifest, storage
from sepbench.audio import read_pcm
from sepbench.canonical import canonical_json
from sepbench.errors import AudioError, LayoutError, PlaceError, UsageError
from sepbench.manifest import FILE_NAME, SCHEMA, Manifest
from sepbench.recipe import SPLITS
from sepbench.soundness import stands_for_a_file

__all__ = ["Unpaired", "pair"]

MIXTURE = "mixture"
_FIRST = 3


class Unpaired(NamedTuple):
    """A mixture that could not be taken: its name, and why."""

    name: str
    reason: str


def pair(
    root: Path | str,
    out: Path | str,
    patterns: Mapping[str, str],
    *,
    set: str = "folder",
    split: str = "test",
    rest: str = "noise",
    licence: str = "unknown",
    group: str | None = None,
    leave_out: bool = False,
    workers: int | None = None,
    progress: manifest.Progress | None = None,
) -> tuple[Manifest, list[Unpaired]]:
    """Write the manifest of mixtures that are there already, so that separators can be scored on them.

    Parameters
    ----------
    root : path
        Folder below which they lie.
    out : path
        Folder of the corpus: only its manifest is written. Separators are scored on it as it is; `sepbench.mix` writes its audio.
    patterns : mapping of str to str
        Where the mixture and its stems lie: ``{"mixture": "noisy/*.wav", "speech": "clean/*.wav"}``. What ``*`` stands for is the
        name by which they are paired.
    set : str
        What the rows call the folder: ``folder``, or ``folder-`` and a word.
    split : {"train", "valid", "test"}
    rest : str
        Name of what the stems leave of the mixture; it is a noise, and left out where it is silence.
    licence : str
        Of the recordings.
    group : str, optional
        A regular expression for the names of mixtures; what its first parentheses hold is the group, the unit by which intervals are
        clustered: ``(p[0-9]+)_.*`` for a speaker. By default each mixture is one of its own.
    leave_out : bool
        Leave out mixtures without all their stems, and recordings that do not fit together, instead of refusing all.
    workers, progress
        As for `sepbench.index`.

    Returns
    -------
    Manifest
    list of Unpaired
        What was left out, and why.

    Raises
    ------
    LayoutError
        If a pattern matches nothing, a partner is missing, or recordings differ in rate, channels or length.
    UsageError
        If the patterns name no mixture or no stem.
    PlaceError
        If the folder holds something else.
    """
    root, out = Path(root), Path(out)
    stems = _stems(patterns, rest)
    shape = _group_shape(group)
    if out.exists() and any(out.iterdir()):
        raise PlaceError(f"{out}: is not empty", "name a new folder with --out")
    found = {name: _found(root, name, pattern) for name, pattern in patterns.items()}
    names = sorted({one for matched in found.values() for one in matched})
    unpaired = [Unpaired(name, _missing(name, found)) for name in names if _missing(name, found)]
    whole = [name for name in names if not _missing(name, found)]
    tasks = [(root, {kind: found[kind][name] for kind in patterns}) for name in whole]
    measured: dict[int, _Measured] = {}
    count = executors.default_workers() if workers is None else workers
    for outcome in executors.run(_measure, tasks, workers=count, limits=executors.UNTRUSTED):
        if isinstance(outcome.error, (AudioError, executors.WorkerCrashedError)):
            unpaired.append(Unpaired(whole[outcome.index], str(outcome.error).partition("\n")[0]))
        elif outcome.error:
            raise outcome.error
        elif outcome.result.complaint:
            unpaired.append(Unpaired(whole[outcome.index], outcome.result.complaint))
        else:
            measured[outcome.index] = outcome.result
        if progress:
            progress(len(measured) + len(unpaired), len(names))
    unpaired.sort()
    if unpaired and not leave_out:
        listed = "; ".join(f"{name}: {reason}" for name, reason in unpaired[:_FIRST])
        raise LayoutError(
            f"{root}: {len(unpaired)} of {len(names)} mixtures can't be taken: {listed}",
            "complete the folder, correct the patterns, or leave them out with --leave-out",
        )
    groups = {at: _group(whole[at], shape, group) for at in measured}
    rows = [_row(whole[at], measured[at], groups[at], stems, rest, set, split, licence) for at in sorted(measured)]
    return _write(rows, out, root, stems, rest, set, split), unpaired


def _group_shape(group: str | None) -> re.Pattern[str]:
    try:
        shape = re.compile(group or "(.*)")
    except re.error as error:
        raise UsageError(
            f"pairs: `{group}` is not a regular expression ({error})", "for example (p[0-9]+)_.*"
        ) from error
    if not shape.groups:
        raise UsageError(f"pairs: `{group}` has no parentheses, which hold the group", "for example (p[0-9]+)_.*")
    return shape


def _group(name: str, shape: re.Pattern[str], group: str | None) -> str:
    match = shape.fullmatch(name)
    if match is None or not match[1]:
        raise LayoutError(
            f"pairs: the mixture `{name}` has no group: `{group}` does not match it", "correct the expression"
        )
    return match[1]


def _stems(patterns: Mapping[str, str], rest: str) -> list[str]:
    stems = [name for name in patterns if name != MIXTURE]
    if MIXTURE not in patterns or not stems:
        raise UsageError(
            f"pairs: expected `{MIXTURE}` and at least one stem, got {', '.join(patterns) or 'nothing'}",
            "for example --pairs mixture=noisy/*.wav --pairs speech=clean/*.wav",
        )
    if rest in patterns:
        raise UsageError(
            f"pairs: `{rest}` is a stem, and the name of what the stems leave", "name the latter with --rest"
        )
    return stems


def _found(root: Path, name: str, pattern: str) -> dict[str, str]:
    """Give the paths that match a pattern, by what its `*` stands for."""
    if pattern.count("*") != 1:
        raise UsageError(f"pairs: `{name}={pattern}`: expected one `*`", "it stands for the name of the mixture")
    if not stands_for_a_file(pattern):
        raise UsageError(f"pairs: `{name}={pattern}`: is no plain path below {root}", "name it relative to --root")
    before, after = pattern.split("*")
    shape = re.compile(f"{re.escape(before)}([^/]+){re.escape(after)}")
    paths = [path.relative_to(root).as_posix() for path in sorted(root.glob(pattern)) if path.is_file()]
    found = {match[1]: path for path in paths if (match := shape.fullmatch(path))}
    if not found:
        raise LayoutError(f"{root}: nothing matches `{pattern}`, the pattern of `{name}`", "is it the right folder?")
    return found


def _missing(name: str, found: Mapping[str, Mapping[str, str]]) -> str:
    lacking = [kind for kind, matched in found.items() if name not in matched]
    return f"has no {' and no '.join(lacking)}" if lacking else ""


class _Measured(NamedTuple):
    """What the recordings of a mixture are, or why they do not fit together."""

    sample_rate: int
    channels: int
    frames: int
    bits: int
    pcm: Mapping[str, str]
    paths: Mapping[str, str]
    silent_rest: bool
    complaint: str


def _measure(task: tuple[Path, Mapping[str, str]]) -> _Measured:
    """Decode the recordings of a mixture, and look whether the stems leave anything of it."""
    root, paths = task
    pcm = {name: read_pcm(root / path) for name, path in paths.items()}
    whole = pcm[MIXTURE]
    complaint = ""
    left = whole.at_24_bits().astype(np.int64)
    for name, one in pcm.items():
        for what, own, theirs in (
            ("sample rate", one.sample_rate, whole.sample_rate),
            ("channels", one.channels, whole.channels),
            ("samples", one.frames, whole.frames),
        ):
            if own != theirs and not complaint:
                complaint = f"{paths[name]} has {own} {what}, {paths[MIXTURE]} has {theirs}"
        if not complaint and name != MIXTURE:
            left -= one.at_24_bits()
    bits = max(one.bits for one in pcm.values())
    hashes = {name: one.sha256() for name, one in pcm.items()}
    return _Measured(whole.sample_rate, whole.channels, whole.frames, bits, hashes, paths, not left.any(), complaint)


def _row(
    name: str, found: _Measured, group: str, stems: Sequence[str], rest: str, set_: str, split: str, licence: str
) -> dict[str, Any]:
    def source(stem: str, of: str, role: str, transforms: list[dict[str, str]]) -> dict[str, Any]:
        path = found.paths[of]
        return {
            "name": stem, "role": role, "set": set_, "item": path.rpartition(".")[0], "path": path, "group": group, "labels": [],
            "licence": licence, "sample_rate": found.sample_rate, "source_pcm_sha256": found.pcm[of], "downmix": "none",
            "start": 0, "frames": found.frames, "offset": 0, "loop": False, "snr_mdb": None, "level_mdbfs": None,
            "transforms": transforms, "follows": None, "gain_mantissa": None, "gain_shift": None,
        }  # fmt: skip

    sources = [source(stem, stem, "noise" if stem.startswith("noise") else "target", []) for stem in stems]
    if not found.silent_rest:
        taken = [
            {"set": set_, "item": found.paths[stem], "path": found.paths[stem], "pcm_sha256": found.pcm[stem], "licence": licence}
            for stem in stems
        ]  # fmt: skip
        minus = [{"name": "subtract", "parameters": canonical_json({"recording": one}).decode()} for one in taken]
        sources.append(source(rest, MIXTURE, "noise", minus))
    return {
        "mixture_id": re.sub(r"[^A-Za-z0-9._-]", "_", name).strip("._-")[:120] or "_", "split": split,
        "sample_rate": found.sample_rate, "channels": found.channels, "bits": found.bits, "frames": found.frames,
        "snr_mdb": None, "snr_over": None, "level_mdbfs": None, "degradations": None, "rendering": None,
        "clipping": "fail", "peak_mdbfs": 0, "licence": licence, "sources": sources,
        "proof": None,
    }  # fmt: skip


def _write(
    rows: list[dict[str, Any]], out: Path, root: Path, stems: Sequence[str], rest: str, set_: str, split: str
) -> Manifest:
    if split not in SPLITS:
        raise UsageError(f"pairs: unknown split `{split}`", f"choose {', '.join(SPLITS)}")
    if not rows:
        raise LayoutError(f"{root}: no mixture can be taken", "see why without --leave-out")
    first = rows[0]
    sources = [
        {"name": stem, "role": "noise" if stem.startswith("noise") else "target", "set": set_} for stem in stems
    ] + [{"name": rest, "role": "noise", "set": set_}]
    recipe = {
        "name": re.sub(r"[^a-z0-9._-]", "-", out.name.lower()).strip("._-") or "pairs", "version": 1,
        "title": f"Mixtures of {root.name}, as they were found", "sample_rate": first["sample_rate"],
        "channels": first["channels"], "length": "max", "splits": {split: len(rows)}, "sources": sources,
    }  # fmt: skip
    words = {"sepbench": __version__, "recipe": recipe, "seed": 0, "epoch": 0, "container": "flac",
             "root_hints": {set_: str(root.resolve())}}  # fmt: skip
    with storage.locked(out):
        return manifest.write([pa.RecordBatch.from_pylist(rows, SCHEMA)], out / FILE_NAME, words, total=len(rows))
