"""What a build takes: space on the disk, and which recordings are worth packing."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sepbench.errors import PlaceError
from sepbench.manifest import Manifest
from sepbench.mixing.packing import Pack, Wanted
from sepbench.mixing.recordings import Version
from sepbench.resample import resampled_frames

__all__ = ["Needs", "audio_bytes", "gigabytes", "needs_of", "packed_bytes", "refuse_too_little_space", "worth_packing"]

_IN_MEMORY_BYTES = 64 << 20  # so little is decoded by each worker for itself, and kept
_PACKED_BYTES = 4  # a sample in a pack
_MARGIN = 1.1
_FLAC_SHARE = 0.75  # of the bytes of WAV, at most, for all but noise at full scale
_ROW_BYTES = 3000  # of a row of manifest and journal


class Needs(NamedTuple):
    """What a plan takes.

    Attributes
    ----------
    rows : int
        Number of mixtures.
    samples : int
        Of all mixtures and stems together.
    bytes_per_sample : int
        In a WAV file.
    uses : list of (Wanted, int)
        Each recording, and in how many mixtures it is used.
    """

    rows: int
    samples: int
    bytes_per_sample: int
    uses: list[tuple[Wanted, int]]


def needs_of(planned: Manifest, catalogs: Mapping[str, pa.Table]) -> Needs:
    """Count what a plan takes, a batch of rows at a time."""
    lengths = {
        (name, pcm): (frames, rate)
        for name, table in catalogs.items()
        for pcm, frames, rate in zip(
            *(table[key].to_pylist() for key in ("pcm_sha256", "frames", "sample_rate")), strict=True
        )
    }
    uses: Counter[tuple[str, ...]] = Counter()
    total = 0
    for batch in planned.batches():
        total += pc.sum(batch["frames"]).as_py()
        uses.update(_used(batch["sources"].flatten()))
    first = planned[0]
    channels, rate = first["channels"], first["sample_rate"]
    stems = len({source["name"] for source in first["sources"]})
    wanted = [
        (Wanted(Version(pcm, downmix, channels, rate), name, path, resampled_frames(*lengths[name, pcm], rate)), count)
        for (pcm, downmix, name, path), count in uses.items()
    ]
    return Needs(len(planned), total * channels * (stems + 1), first["bits"] // 8, wanted)


def _used(sources: pa.StructArray) -> dict[tuple[str, ...], int]:
    """Count how often each recording is a source."""
    keys = ["source_pcm_sha256", "downmix", "set", "path"]
    table = pa.table({key: pc.struct_field(sources, key) for key in keys})
    counted = table.group_by(keys).aggregate([([], "count_all")])
    return dict(
        zip(
            zip(*(counted[key].to_pylist() for key in keys), strict=True), counted["count_all"].to_pylist(), strict=True
        )
    )


def audio_bytes(needs: Needs, container: str) -> int:
    """Estimate the bytes that a corpus takes; for FLAC an upper bound of what is usual."""
    share = _FLAC_SHARE if container == "flac" else 1.0
    return round(needs.samples * needs.bytes_per_sample * share) + needs.rows * _ROW_BYTES


def refuse_too_little_space(out: Path, needs: Needs, container: str) -> int:
    """Refuse to begin what can't end for want of space; gives the bytes that are free.

    Raises
    ------
    PlaceError
        If the disk has less room than what is still to be written.
    """
    there = _bytes_under(out)
    wanted = max(0, round(audio_bytes(needs, container) * _MARGIN) - there)
    free = shutil.disk_usage(out).free
    if wanted > free:
        raise PlaceError(
            f"{out}: the corpus needs about {gigabytes(wanted)} more, and {gigabytes(free)} are free",
            "free some space, choose another place with --out, or make fewer with --mixtures SPLIT=N"
            + ("" if container == "flac" else "; --container flac takes about half"),
        )
    return free


def _bytes_under(folder: Path) -> int:
    """Add up the files of an earlier, unfinished run."""
    return sum(
        os.stat(os.path.join(place, name), follow_symlinks=False).st_size
        for place, _, names in os.walk(folder)
        for name in names
    )


def gigabytes(count: int) -> str:
    """Write a number of bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def worth_packing(needs: Needs, cache: Path, policy: str) -> list[Wanted]:
    """Choose the recordings that are decoded once, into a pack, instead of once for each mixture.

    Parameters
    ----------
    needs : Needs
    cache : Path
        Where the pack would lie.
    policy : {"auto", "always", "never"}
        By default what is used at least twice, where it is more than a worker keeps in memory and the disk has room.
    """
    if policy == "never":
        return []
    chosen = [one for one, count in needs.uses if count > 1 or policy == "always"]
    if policy == "always" or not chosen:
        return chosen
    if packed_bytes(one for one, _ in needs.uses) <= _IN_MEMORY_BYTES:
        return []
    pack = Pack(cache)
    missing = packed_bytes(one for one in chosen if one.version not in pack)
    return chosen if missing * _MARGIN < _free(cache) / 2 else []


def packed_bytes(wanted: Iterable[Wanted]) -> int:
    """Give the bytes that recordings take in a pack, at most."""
    return sum(one.frames * one.version.channels * _PACKED_BYTES for one in wanted)


def _free(folder: Path) -> int:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
