"""Separating files: the first thing that anyone tries."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from sepbench import storage
from sepbench.audio import FULL_SCALE_BITS, quantised, read_pcm, write_pcm
from sepbench.errors import PlaceError, SeparatorError, UsageError
from sepbench.evaluate.running import run
from sepbench.separators.protocol import Signal, build

__all__ = ["separate"]


def separate(
    separator: str,
    files: Sequence[Path | str],
    out: Path | str,
    *,
    options: Mapping[str, str] | None = None,
    targets: Sequence[str] = ("speech",),
    residual: bool = True,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Separate recordings and write the estimates, at the rate and with the channels that they came with.

    Parameters
    ----------
    separator : str
        A separator's or baseline's name, a folder, ``module:Class`` or ``file.py:Class``.
    files : sequence of path
        Recordings in any format that libsndfile reads.
    out : path
        Estimates go to ``out/<file's stem>/<target>.flac``, 24 bits.
    options : mapping, optional
        Keyword arguments for the separator's class.
    targets : sequence of str
        Asked of a separator that has no targets of its own.
    residual : bool
        Also write ``residual.flac``: the recording less all estimates.
    force : bool
        Replace estimates that are there.
    progress : callable, optional
        Called as ``progress(done, total)`` in files.

    Returns
    -------
    list of Path
        What was written.
    """
    made = build(separator, options)
    if getattr(made, "needs_references", False):
        raise UsageError(f"`{separator}` is an oracle: it needs the true sources", "score it on a corpus instead")
    stems = [Path(file).stem for file in files]
    if len(set(stems)) < len(stems):
        raise UsageError("two of the files have the same name", "separate them in two runs, into two folders")
    written = []
    for done, (file, stem) in enumerate(zip(files, stems, strict=True), 1):
        folder = Path(out) / stem
        if folder.exists() and not force:
            raise PlaceError(f"{folder}: is there already", "choose another folder with --out, or say --force")
        pcm = read_pcm(Path(file))
        mixture = (pcm.samples * 2.0 ** (1 - pcm.bits)).astype(np.float32)
        signals = run(made, mixture, pcm.sample_rate, tuple(targets)).estimates
        if residual:
            signals = signals | {"residual": mixture - np.sum(list(signals.values()), axis=0)}
        for name, signal in signals.items():
            path = folder / f"{name}.flac"
            _refuse_nonsense(signal, f"{separator}: `{name}` of {file}")
            with storage.atomic(path) as temporary:
                write_pcm(
                    temporary, quantised(signal, FULL_SCALE_BITS), pcm.sample_rate, FULL_SCALE_BITS, container=".flac"
                )
            written.append(path)
        if progress:
            progress(done, len(files))
    return written


def _refuse_nonsense(signal: Signal, where: str) -> None:
    """A file must not hide that an estimate was no sound, or was cut off."""
    if not np.isfinite(signal).all():
        raise SeparatorError(f"{where}: holds samples that are not finite", "the separator fails on this recording")
    if (clipped := int(np.count_nonzero(np.abs(signal) > 1))) > 0:
        warnings.warn(f"{where}: {clipped} samples above full scale are clipped in the file", stacklevel=3)
