"""What is said in a mixture: the transcripts of those utterances that are heard from beginning to end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sepbench import catalog
from sepbench.resample import resampled_frames

__all__ = ["Transcript", "read", "versions"]


class Transcript(NamedTuple):
    """What is said in a recording, and how long the recording is."""

    text: str
    frames: int
    sample_rate: int

    def heard(self, source: Mapping[str, Any], sample_rate: int) -> str | None:
        """Give the words if the excerpt is the whole recording: nobody knows which words a piece of it has."""
        whole = source["start"] == 0 and source["frames"] >= resampled_frames(
            self.frames, self.sample_rate, sample_rate
        )
        return self.text if whole and not source["loop"] else None


def read(catalogs: Mapping[str, Path | str]) -> dict[tuple[str, str], Transcript]:
    """Read the transcripts of all recordings that have one, by set and item."""
    found = {}
    for name, path in catalogs.items():
        table = catalog.read(path).select(["item", "transcript", "frames", "sample_rate"])
        for row in table.filter(table["transcript"].is_valid()).to_pylist():
            if row["frames"]:
                found[name, row["item"]] = Transcript(row["transcript"], row["frames"], row["sample_rate"])
    return found


def versions(catalogs: Mapping[str, Path | str]) -> dict[str, str]:
    """Give the version of each set, as its catalog has it."""
    read_ = {name: catalog.read(path)["set_version"] for name, path in catalogs.items()}
    return {name: column[0].as_py() for name, column in read_.items() if len(column)}
