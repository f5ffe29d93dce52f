"""Lhotse: cuts with their recordings and supervisions, one file for each split.

A cut is a mixture. Its stems are recordings among its custom fields, ``speech_recording`` and so on, so that
``cut.load_speech_recording()`` gives their samples; each target and interferer is a supervision, with speaker and text where
they are known.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from sepbench.exports.columns import described_sources, flat
from sepbench.exports.contents import MIXTURE, Contents
from sepbench.exports.options import AUDIO, PATHS, choice

__all__ = ["Lhotse"]

_TABLES = ("cuts", "recordings", "supervisions")


class Lhotse:
    """The form of Lhotse: ``cuts_SPLIT.jsonl.gz``, with ``recordings_…`` and ``supervisions_…`` beside it.

    Parameters
    ----------
    audio : {"link", "copy", "refer"}
        How the audio comes along: linked, copied, or not, so that paths lead into the corpus.
    paths : {"absolute", "relative"}
        Lhotse looks for relative paths from where a program is started: they are right for those that run in the export's folder.
    """

    title = "Lhotse: cuts, recordings and supervisions"
    opening = """```python
from lhotse import CutSet

cuts = CutSet.from_file("FOLDER/cuts_train.jsonl.gz")
for cut in cuts:
    mixture, snr_db = cut.load_audio(), cut.custom["snr_db"]  # cut.load_STEM_recording() for each stem
```

A stem is a recording in the cut's custom fields, `STEM_recording`, with `_` for each sign of its name that Python's names can't
have. Each target and interferer is a supervision, with its speaker, and its text where a catalog has it and the whole utterance is
heard. Paths are absolute, and the files must be written again when the folder has moved; with the option `paths=relative` they are
relative to the folder, and hold for programs that are started in it."""

    def __init__(self, audio: str = "link", paths: str = "absolute") -> None:
        self.audio = choice("audio", audio, AUDIO)
        self.paths = choice("paths", paths, PATHS)

    def write(self, contents: Contents, folder: Path) -> Mapping[str, Any]:
        """Write the files of each split, line by line."""
        place = "" if self.paths == "relative" else f"{contents.target.as_posix()}/"
        for split in contents.splits:
            with contextlib.ExitStack() as files:
                tables = {name: files.enter_context(_lines(folder / f"{name}_{split}.jsonl.gz")) for name in _TABLES}
                for row in contents.rows(split):
                    names = (MIXTURE, *(stem["name"] for stem in row["proof"]["stems"]))
                    brought = {name: contents.bring(row, name, folder, self.audio) for name in names}
                    recordings = {
                        name: _recording(row, name, path if Path(path).is_absolute() else f"{place}{path}")
                        for name, path in brought.items()
                    }
                    supervisions = list(_supervisions(row, contents))
                    cut = _cut(row, recordings, supervisions)
                    for name, lines in (
                        ("cuts", [cut]),
                        ("recordings", recordings.values()),
                        ("supervisions", supervisions),
                    ):
                        tables[name].writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        return {}


@contextlib.contextmanager
def _lines(path: Path) -> Iterator[IO[str]]:
    """Open a compressed text file whose bytes depend on what is written alone."""
    import io

    with (
        open(path, "wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
    ):
        yield text


def _channels(row: Mapping[str, Any]) -> list[int]:
    return list(range(row["channels"]))


def _recording(row: Mapping[str, Any], name: str, path: str) -> dict[str, Any]:
    return {
        "id": row["mixture_id"] if name == MIXTURE else f"{row['mixture_id']}.{name}",
        "sources": [{"type": "file", "channels": _channels(row), "source": path}],
        "sampling_rate": row["sample_rate"], "num_samples": row["frames"],
        "duration": row["frames"] / row["sample_rate"], "channel_ids": _channels(row),
    }  # fmt: skip


def _supervisions(row: Mapping[str, Any], contents: Contents) -> Iterator[dict[str, Any]]:
    channel = 0 if row["channels"] == 1 else _channels(row)
    for number, source in enumerate(described_sources(row, contents.transcripts)):
        if source["role"] == "noise":
            continue
        labels = {label["name"]: label["value"] for label in source["labels"]}
        heard = min(source["frames"], row["frames"] - source["offset"])
        known = {"text": source["transcript"], "gender": labels.get("sex"), "language": labels.get("language")}
        yield {
            "id": f"{row['mixture_id']}-{number}", "recording_id": row["mixture_id"],
            "start": source["offset"] / row["sample_rate"], "duration": heard / row["sample_rate"], "channel": channel,
            "speaker": f"{source['set']}/{source['group']}", **{key: value for key, value in known.items() if value},
            "custom": {"stem": source["name"], "role": source["role"], "item": source["item"], "labels": labels},
        }  # fmt: skip


def _cut(row: Mapping[str, Any], recordings: Mapping[str, Any], supervisions: list[dict[str, Any]]) -> dict[str, Any]:
    stems = {f"{_identifier(name)}_recording": one for name, one in recordings.items() if name != MIXTURE}
    mono = row["channels"] == 1
    return {
        "id": row["mixture_id"], "start": 0.0, "duration": row["frames"] / row["sample_rate"],
        "channel": 0 if mono else _channels(row), "supervisions": supervisions, "recording": recordings[MIXTURE],
        "custom": flat(row) | stems, "type": "MonoCut" if mono else "MultiCut",
    }  # fmt: skip


def _identifier(name: str) -> str:
    """Write the name of a stem as Python can: ``speaker1-late`` is ``speaker1_late``."""
    return re.sub(r"\W", "_", name)
