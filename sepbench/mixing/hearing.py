"""What is heard in the splits of a corpus: by what it is known, and by the hashes of its recordings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sepbench.columns import flattened
from sepbench.overlaps import Unit, family_of, units_of

__all__ = ["Heard", "heard_by_split", "listen"]


@dataclass(frozen=True)
class Heard:
    """Talkers, songs and sounds, and recordings.

    Attributes
    ----------
    units : set of Unit
        The groups of all sources, and what they are in the family of their set (`sepbench.overlaps`).
    recordings : set of str
        Hashes of decoded recordings, of those too that a transform takes, such as the impulse response of a room.
    """

    units: set[Unit] = field(default_factory=set)
    recordings: set[str] = field(default_factory=set)

    @property
    def groups(self) -> int:
        """How many talkers, songs and sounds these are: one that is known by several units counts once."""
        by_family: dict[str, Counter[str]] = {}
        for unit in self.units:
            by_family.setdefault(family_of(unit.kind), Counter())[unit.kind] += 1
        return sum(max(kinds.values()) for kinds in by_family.values())

    def shared_with(self, other: Heard) -> Heard:
        """Give what is heard in both."""
        return Heard(self.units & other.units, self.recordings & other.recordings)


def heard_by_split(batches: Iterable[pa.RecordBatch]) -> dict[str, Heard]:
    """Listen to all rows of a manifest.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        As `sepbench.manifest.SCHEMA` says.
    """
    found: dict[str, Heard] = {}
    for batch in batches:
        listen(batch, found)
    return found


def listen(batch: pa.RecordBatch, found: dict[str, Heard]) -> None:
    """Add what is heard in some rows, by split."""
    sources = flattened(
        batch, batch["sources"], ("set", "group", "item", "source_pcm_sha256", "transforms"), ("split",)
    )
    known = sources.select(["split", "set", "group", "item", "source_pcm_sha256"])
    for row in known.group_by(known.column_names).aggregate([]).to_pylist():
        heard = found.setdefault(row["split"], Heard())
        heard.units.update(units_of(row["set"], row["group"], row["item"]))
        heard.recordings.add(row["source_pcm_sha256"])
    chains = sources.select(["split", "transforms"]).combine_chunks().to_batches()
    for rows, name in [*((one, "transforms") for one in chains), (batch, "degradations")]:
        for split, recording in _of_transforms(rows, rows[name]):
            found[split].recordings.add(recording)


def _of_transforms(rows: pa.RecordBatch, chains: pa.Array) -> Iterator[tuple[str, str]]:
    """Give the recordings that transforms take, with their split."""
    steps = flattened(rows, chains, ("parameters",), ("split",))
    # most have none: only those are parsed in which one is named
    steps = steps.filter(pc.match_substring(steps["parameters"], '"pcm_sha256"')).select(["split", "parameters"])
    for one in steps.group_by(["split", "parameters"]).aggregate([]).to_pylist():
        for value in _parameters(one["parameters"]).values():
            if isinstance(value, dict) and isinstance(value.get("pcm_sha256"), str):
                yield one["split"], value["pcm_sha256"]


def _parameters(text: str) -> dict[str, Any]:
    """Read parameters; those that are none name no recording, and `render` refuses their row."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
