"""What a build takes: space on the disk, and which recordings are worth packing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sepbench.amounts import gigabytes
from sepbench.errors import PlaceError
from sepbench.manifest import Manifest, stems_of
from sepbench.mixing.packing import Pack, Wanted
from sepbench.mixing.recordings import Version
from sepbench.resample import resampled_frames

__all__ = [
    "Needs",
    "audio_bytes",
    "kept_in_memory",
    "needs_of",
    "packed_bytes",
    "refuse_too_little_space",
    "worth_packing",
]

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


def needs_of(planned: Manifest, lengths: Mapping[tuple[str, str], tuple[int, int]]) -> Needs:
    """Count what a plan takes, a batch of rows at a time.

    Parameters
    ----------
    planned : Manifest
    lengths : mapping of (str, str) to (int, int)
        Frames and sample rate of recordings, by set and hash. One that is not there is taken to end with the last
        excerpt of it.
    """
    uses: dict[tuple[str, ...], tuple[int, int]] = {}
    total = 0
    for batch in planned.batches():
        total += pc.sum(batch["frames"]).as_py()
        for key, (count, end) in _used(batch["sources"].flatten()).items():
            before, furthest = uses.get(key, (0, 0))
            uses[key] = before + count, max(furthest, end)
    first = planned[0]
    channels, rate = first["channels"], first["sample_rate"]
    stems = len(stems_of(first))
    wanted = []
    for (pcm, downmix, name, path), (count, end) in uses.items():
        frames = resampled_frames(*lengths[name, pcm], rate) if (name, pcm) in lengths else end
        wanted.append((Wanted(Version(pcm, downmix, channels, rate), name, path, frames), count))
    return Needs(len(planned), total * channels * (stems + 1), first["bits"] // 8, wanted)


def _used(sources: pa.StructArray) -> dict[tuple[str, ...], tuple[int, int]]:
    """Count how often each recording is a source, and find where the last excerpt of it ends."""
    keys = ["source_pcm_sha256", "downmix", "set", "path"]
    columns = {key: pc.struct_field(sources, key) for key in keys}
    columns["end"] = pc.add(pc.struct_field(sources, "start"), pc.struct_field(sources, "frames"))
    found = pa.table(columns).group_by(keys).aggregate([([], "count_all"), ("end", "max")])
    counted = zip(found["count_all"].to_pylist(), found["end_max"].to_pylist(), strict=True)
    return dict(zip(zip(*(found[key].to_pylist() for key in keys), strict=True), counted, strict=True))


def audio_bytes(needs: Needs, container: str) -> int:
    """Estimate the bytes that a corpus takes; for FLAC an upper bound of what is usual."""
    share = _FLAC_SHARE if container == "flac" else 1.0
    return round(needs.samples * needs.bytes_per_sample * share) + needs.rows * _ROW_BYTES


def refuse_too_little_space(out: Path, needs: Needs, container: str) -> int:
    """Refuse to begin what can't end for want of space; gives the bytes that will be left.

    Raises
    ------
    PlaceError
        If the disk has less room than what is still to be written.
    """
    wanted = max(0, round(audio_bytes(needs, container) * _MARGIN) - _bytes_under(out))
    free = shutil.disk_usage(out).free
    if wanted > free:
        raise PlaceError(
            f"{out}: the corpus needs about {gigabytes(wanted)} more, and {gigabytes(free)} are free",
            "free some space, choose another place with --out, or make fewer with --mixtures SPLIT=N"
            + ("" if container == "flac" else "; --container flac takes about half"),
        )
    return free - wanted


def _bytes_under(folder: Path) -> int:
    """Add up the files of an earlier, unfinished run."""
    return sum(
        os.stat(os.path.join(place, name), follow_symlinks=False).st_size
        for place, _, names in os.walk(folder)
        for name in names
    )


def kept_in_memory(needs: Needs) -> bool:
    """Say whether the recordings are so few that each worker keeps what it has decoded."""
    return packed_bytes(one for one, _ in needs.uses) <= _IN_MEMORY_BYTES


def worth_packing(needs: Needs, cache: Path, policy: str, out: Path, left: int) -> list[Wanted]:
    """Choose the recordings that are decoded once, into a pack, instead of once for each mixture.

    Parameters
    ----------
    needs : Needs
    cache : Path
        Where the pack would lie.
    policy : {"auto", "always", "never"}
        By default what is used at least twice, where it is more than a worker keeps in memory and the disk has room.
    out : Path
        The folder of the corpus.
    left : int
        Bytes that its disk will have left.

    Raises
    ------
    PlaceError
        If a pack is wanted by all means, and there is no room for it.
    """
    if policy == "never":
        return []
    chosen = [one for one, count in needs.uses if count > 1 or policy == "always"]
    if not chosen or (policy == "auto" and kept_in_memory(needs)):
        return chosen if policy == "always" else []
    there = Pack(cache)
    missing = round(packed_bytes(one for one in chosen if one.version not in there) * _MARGIN)
    room = _room(cache, out, left)
    if policy == "auto":
        return chosen if missing < room / 2 else []
    if missing > room:
        raise PlaceError(
            f"{cache}: the pack needs up to {gigabytes(missing)}, and {gigabytes(max(0, room))} would be free",
            "free some space, choose another place with --cache, or let --pack never read the recordings themselves",
        )
    return chosen


def _room(cache: Path, out: Path, left: int) -> int:
    """Give the bytes that are free for a pack: on the disk of the corpus, those that it leaves."""
    there = cache
    while not there.exists() and there != there.parent:
        there = there.parent
    return left if there.stat().st_dev == out.stat().st_dev else shutil.disk_usage(there).free


def packed_bytes(wanted: Iterable[Wanted]) -> int:
    """Give the bytes that recordings take in a pack, at most."""
    return sum(one.frames * one.version.channels * _PACKED_BYTES for one in wanted)
