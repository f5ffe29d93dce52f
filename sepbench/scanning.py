"""What the samples of recordings are: decoded, measured and hashed by worker processes, and only where they have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from sepbench import soundness, stamps
from sepbench.stamps import Stamp

__all__ = ["Measured", "Row", "leads_out", "maker", "measure"]

Row = dict[str, Any]
Measured = tuple[Row, Stamp]


def measure(
    root: Path, rows: list[Row], before: Mapping[str, Measured], *, workers: int | None, progress: Any
) -> tuple[list[Row], dict[str, Stamp]]:
    """Add to each row what the samples of its recording are, or why they can't be used.

    Parameters
    ----------
    root : Path
    rows : list of dict
        With the column `path`.
    before : mapping
        What is known by path, with the stamp that the file had; it is taken over where the file is still the same.
    workers : int, optional
        Worker processes; all processors by default, 0 for none.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    rows : list of dict
    stamps : dict
        By path, of the files that can be relied on next time.
    """
    from sepbench import executors

    done: list[Row] = [{}] * len(rows)
    seen: dict[str, Stamp] = {}
    left = []
    for place, row in enumerate(rows):
        known = _still_known(root, row["path"], before)
        if known:
            done[place], seen[row["path"]] = row | known[0], known[1]
        else:
            left.append(place)
    count = executors.default_workers() if workers is None else workers
    tasks = [(root, rows[place]) for place in left]
    for number, outcome in enumerate(executors.run(_scan, tasks, workers=count, limits=executors.UNTRUSTED), 1):
        row, stamp = outcome.result or (_unreadable(tasks[outcome.index], outcome.error), None)
        done[left[outcome.index]] = row
        if stamp:
            seen[row["path"]] = stamp
        if progress:
            progress(len(rows) - len(left) + number, len(rows))
    return done, seen


def maker() -> str:
    """Name what the figures depend on besides the samples: the decoder, and the version of what measures them."""
    import soundfile

    return f"scan 1, libsndfile {soundfile.__libsndfile_version__}"


def _still_known(root: Path, path: str, before: Mapping[str, Measured]) -> Measured | None:
    """Give what is known of a file that has not changed since, with its stamp."""
    from sepbench.audio import file_of

    if path not in before or leads_out(root, path):
        return None
    row, stamp = before[path]
    same = stamps.same_file(file_of(root / path)[0], stamp)
    return (row, same) if same else None


def leads_out(root: Path, relative: str) -> bool:
    """Say whether links lead from a path below `root`, written with `/`, to a place outside of it.

    Asked for each source of each mixture, so what has no link below the root costs one look at each folder.
    """
    here = str(root)
    for part in relative.split("/"):
        here = f"{here}/{part}"
        if part == ".." or os.path.islink(here):
            return not os.path.realpath(root / relative).startswith(_real(root))
    return False


@lru_cache(maxsize=64)
def _real(root: Path) -> str:
    return os.path.join(os.path.realpath(root), "")


def _scan(task: tuple[Path, Row]) -> tuple[Row, Stamp | None]:
    """Decode one recording and add what it is to its row, with the stamp of the file, if that did not change meanwhile."""
    import numpy as np

    from sepbench.audio import file_of, read_pcm
    from sepbench.errors import AudioError
    from sepbench.loudness import integrated_loudness

    root, row = task
    path = row["path"]
    if not soundness.stands_for_a_file(path):
        return _unreadable(task, f"{path!r}: a control character, a backslash or a drive is in its name"), None
    if leads_out(root, path):
        return _unreadable(task, f"{path}: leads out of the root through a link"), None
    file, _ = file_of(root / path)
    begun = stamps.state(file)
    try:
        pcm = read_pcm(root / path)
        stamp = stamps.current(file)
    except (AudioError, OSError) as error:
        return _unreadable(task, error), None
    full_scale = 1 << (pcm.bits - 1)
    peak = max(int(pcm.samples.max()), -int(pcm.samples.min()))
    return row | {
        "status": "ok" if peak else "silent",
        "reason": None if peak else f"{path}: all samples are zero",
        "sample_rate": pcm.sample_rate,
        "channels": pcm.channels,
        "frames": pcm.frames,
        "bits": pcm.bits,
        "peak_dbfs": 20 * float(np.log10(peak / full_scale)) if peak else None,
        "loudness_lufs": integrated_loudness(pcm.samples, pcm.sample_rate, full_scale),
        "level_profile_dbfs": list(_level_profile(pcm.samples, pcm.sample_rate, full_scale)),
        "pcm_sha256": pcm.sha256(),
        "file_bytes": stamp.size,
    }, stamp if begun == (stamp.size, stamp.mtime_ns) else None


def _level_profile(samples: Any, sample_rate: int, full_scale: int) -> Iterator[int]:
    import numpy as np

    for start in range(0, samples.shape[1], sample_rate):
        part = samples[:, start : start + sample_rate].astype(np.float64)
        power = float(np.mean(np.square(part, out=part))) / full_scale**2
        yield max(-127, round(10 * float(np.log10(power)))) if power else -128


def _unreadable(task: tuple[Path, Row], reason: object) -> Row:
    """Give the row of a recording that can't be used; the reason holds no path of this machine."""
    from sepbench.audio import file_of

    root, row = task
    path = PurePosixPath(row["path"])
    file, part = file_of(root / path)
    shown = path.parent if part else path
    words = str(reason).split("\nhint: ")[0].replace("\n", " ").replace(str(file), str(shown))
    if shown.name not in words and repr(str(shown)) not in words:  # of a worker that died of it, say
        words = f"{str(shown)!r}: {words}"
    return row | {"status": "unreadable", "reason": words}
