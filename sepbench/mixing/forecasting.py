"""How long a build will take: noise goes through all that a mixture goes through here, and the clock is read."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.amounts import duration, gigabytes
from sepbench.audio import FULL_SCALE_BITS, encoded, read_pcm
from sepbench.manifest import Manifest, stems_of
from sepbench.mixing.packing import Wanted
from sepbench.mixing.recordings import Recordings, prepare, version_of
from sepbench.mixing.rendering import render
from sepbench.mixing.sizing import Needs, audio_bytes, kept_in_memory

__all__ = ["forecast"]

_PROBE_S = 2.0  # of audio: enough to be measured, too little to be waited for


def forecast(planned: Manifest, needs: Needs, chosen: Collection[Wanted], container: str, workers: int) -> str:
    """Say what a build will take: space, and time as far as two seconds of noise can tell.

    Parameters
    ----------
    planned : Manifest
    needs : Needs
        Of this plan.
    chosen : collection of Wanted
        What will be in a pack.
    container : {"flac", "wav"}
    workers : int
    """
    first = planned[0]
    samples = first["frames"] * first["channels"] * (1 + len(stems_of(first)))
    mixing = _mixing_s(first, container) * needs.samples / samples
    by_set = {source["set"]: _reading_s(source, first) for source in first["sources"]}
    slowest = max(by_set.values())  # of a set that the first mixture does without
    packed = set(chosen)
    each_time = 1 if kept_in_memory(needs) else None
    reading = sum(
        one.frames * by_set.get(one.set, slowest) * (1 if one in packed else each_time or count)
        for one, count in needs.uses
    )
    seconds = (mixing + reading) / max(1, min(workers, needs.rows))
    by = f" with {workers} workers" if workers > 1 else ""
    space = gigabytes(audio_bytes(needs, container))
    return f"{needs.rows} mixtures take about {space}, and {duration(max(1, seconds))} or so{by}"


def _mixing_s(row: Mapping[str, Any], container: str) -> float:
    """Measure how many seconds a mixture takes, from its sources at hand to its files."""
    whole: int = row["frames"]
    frames = min(whole, round(_PROBE_S * row["sample_rate"]))
    placed = {"start": 0, "frames": frames, "offset": 0, "loop": False}
    row = {**row, "frames": frames, "proof": None, "sources": [source | placed for source in row["sources"]]}

    def make() -> None:
        made = render(row, _Noise())
        if made.proof["status"] != "ok":
            return  # noise is not what its transforms are for
        for samples in (made.mixture, *made.stems.values()):
            encoded(samples, row["sample_rate"], row["bits"], container)

    return _seconds(make) * (whole / float(frames))


def _reading_s(source: Mapping[str, Any], row: Mapping[str, Any]) -> float:
    """Measure how many seconds each sample takes, from a recording's file to the corpus's rate."""
    version = version_of(source, row["channels"], row["sample_rate"])
    container = "wav" if source["path"].lower().endswith(".wav") else "flac"
    noise = _noise(2 if source["downmix"] in ("mean", "first") else 1, round(_PROBE_S * source["sample_rate"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"noise.{container}"
        path.write_bytes(b"".join(encoded(noise >> 8, source["sample_rate"], 16, container)))

        def read() -> None:
            pcm = read_pcm(path)
            pcm.sha256()
            prepare(pcm, version)

        return _seconds(read) / (_PROBE_S * float(row["sample_rate"]))


class _Noise(Recordings):
    """Gives noise for any excerpt."""

    def __init__(self) -> None:
        super().__init__({})

    def excerpt(self, source: Mapping[str, Any], channels: int, sample_rate: int) -> tuple[NDArray[Any], int]:
        return _noise(channels, source["frames"]), FULL_SCALE_BITS

    def whole(self, named: Mapping[str, str], channels: int, sample_rate: int) -> tuple[NDArray[Any], int]:
        return _noise(channels, sample_rate // 2), FULL_SCALE_BITS


def _noise(channels: int, frames: int) -> NDArray[np.int32]:
    """Make noise at -36 dBFS, on the 24-bit scale."""
    drawn = np.random.default_rng(0).integers(-(1 << 18), 1 << 18, (channels, frames), dtype=np.int32)
    return drawn


def _seconds(action: Callable[[], None]) -> float:
    """Read the clock over a second run: the first loads libraries and makes filters."""
    action()
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun
