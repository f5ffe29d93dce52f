"""Kaldi and ESPnet: a folder of tables for each split, as the enhancement and separation recipes of ESPnet read them.

``wav.scp`` has the mixtures, ``spk1.scp``, ``spk2.scp`` … the targets, ``noise1.scp`` … all other stems, in the order in which
they come in a mixture. Every table is sorted by bytes, as Kaldi wants it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sepbench.exports.columns import described_sources
from sepbench.exports.contents import MIXTURE, Contents
from sepbench.exports.options import AUDIO, PATHS, choice

__all__ = ["Kaldi"]

FLAC = ("path", "pipe")


class _Shape(NamedTuple):
    """How many targets and other stems a mixture has."""

    targets: int
    others: int


class _Utterance(NamedTuple):
    """A mixture as the tables have it; `texts` are what the targets say, as far as that is known."""

    name: str
    speaker: str
    duration_s: float
    stems: tuple[str, ...]
    paths: tuple[str, ...]
    texts: tuple[str | None, ...]


class Kaldi:
    """The form of Kaldi and ESPnet: ``data/SPLIT/``.

    Parameters
    ----------
    audio : {"link", "copy", "refer"}
        How the audio comes along: linked, copied, or not, so that paths lead into the corpus.
    paths : {"absolute", "relative"}
        Kaldi looks for relative paths from where a program is started, not from where the table lies: they are right for those
        that run in the export's folder.
    flac : {"path", "pipe"}
        What tables say of FLAC files: their path, for ESPnet and all that reads with libsndfile, or a command that gives WAV, for
        Kaldi's own programs.
    """

    title = "Kaldi and ESPnet: wav.scp, spk1.scp, noise1.scp, utt2spk …"
    opening = """```sh
cp -r FOLDER/data/train FOLDER/data/valid FOLDER/data/test egs2/MY_SET/enh1/data/
```

Each folder has `wav.scp` (the mixtures), `spk1.scp` … (targets), `noise1.scp` … (other stems; `stems.json` says which is which),
`utt2spk`, `spk2utt`, `utt2dur`, and `text_spk1` … where every transcript is known (`text` too, where there is one target). A split
whose mixtures have several numbers of stems is divided: `train_2spk1noise`. Paths are absolute, and the tables must be written
again when the folder has moved; with the option `paths=relative` they are relative to the folder, and hold for programs that are
started in it."""

    def __init__(self, audio: str = "link", paths: str = "absolute", flac: str = "path") -> None:
        self.audio = choice("audio", audio, AUDIO)
        self.paths = choice("paths", paths, PATHS)
        self.flac = choice("flac", flac, FLAC)

    def write(self, contents: Contents, folder: Path) -> Mapping[str, Any]:
        """Write the tables of each split."""
        place = "" if self.paths == "relative" else f"{contents.target.as_posix()}/"
        for split in contents.splits:
            found: dict[_Shape, list[_Utterance]] = defaultdict(list)
            for row in contents.rows(split):
                targets, others = _stems(row)
                paths = [contents.bring(row, name, folder, self.audio) for name in (MIXTURE, *targets, *others)]
                said = tuple(self._said(place, path) for path in paths)
                shape = _Shape(len(targets), len(others))
                found[shape].append(_utterance(row, targets, others, said, contents))
            for shape, utterances in found.items():
                several = f"_{shape.targets}spk{shape.others}noise" if len(found) > 1 else ""
                _write(folder / "data" / f"{split}{several}", shape, utterances)
        return {}

    def _said(self, place: str, path: str) -> str:
        whole = path if Path(path).is_absolute() else f"{place}{path}"
        return f"flac -c -d -s {shlex.quote(whole)} |" if self.flac == "pipe" and whole.endswith(".flac") else whole


def _stems(row: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Give the names of the targets, and of all other stems."""
    roles = {stem["name"]: stem["role"] for stem in row["proof"]["stems"]}
    targets = [name for name, role in roles.items() if role == "target"]
    return targets, [name for name in roles if name not in targets]


def _utterance(
    row: Mapping[str, Any], targets: Sequence[str], others: Sequence[str], paths: tuple[str, ...], contents: Contents
) -> _Utterance:
    sources = list(described_sources(row, contents.transcripts))
    speaker = speaker_of(sources)
    texts = [_said_in(sources, name) for name in targets]
    return _Utterance(
        f"{speaker}-{row['mixture_id']}", speaker, row["frames"] / row["sample_rate"], (*targets, *others), paths, tuple(texts)
    )  # fmt: skip


def _said_in(sources: Iterable[Mapping[str, Any]], stem: str) -> str | None:
    """Give the words of a stem, on one line; none where it is of several utterances, or of one that is not known."""
    texts = [source["transcript"] for source in sources if source["name"] == stem]
    return " ".join(texts[0].split()) if len(texts) == 1 and texts[0] else None


def speaker_of(sources: Iterable[Mapping[str, Any]]) -> str:
    """Name who is heard in a mixture: the groups of its targets.

    Kaldi wants the speaker at the beginning of each utterance's name, and both in one order. That holds as a dash comes
    before all letters, digits and underscores, so a name has no other sign.

    Examples
    --------
    >>> speaker_of([{"role": "target", "set": "vctk", "group": "p 1"}, {"role": "noise", "set": "esc50", "group": "7"}])
    'vctk_p_201'
    """
    heard = [(source["set"], source["group"]) for source in sources if source["role"] == "target"]
    return "__".join("_".join(map(_escaped, one)) for one in dict.fromkeys(heard)) or "nobody"


def _escaped(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", lambda match: f"_{ord(match[0]):x}", text)


def _write(folder: Path, shape: _Shape, utterances: list[_Utterance]) -> None:
    """Write the tables of one folder."""
    utterances.sort(key=lambda one: one.name.encode())
    folder.mkdir(parents=True)
    columns = [
        "wav.scp",
        *(f"spk{n + 1}.scp" for n in range(shape.targets)),
        *(f"noise{n + 1}.scp" for n in range(shape.others)),
    ]
    for at, name in enumerate(columns):
        _table(folder / name, ((one.name, one.paths[at]) for one in utterances))
    _table(folder / "utt2spk", ((one.name, one.speaker) for one in utterances))
    _table(folder / "utt2dur", ((one.name, f"{one.duration_s:.6f}") for one in utterances))
    spoken: dict[str, list[str]] = defaultdict(list)
    for one in utterances:
        spoken[one.speaker].append(one.name)
    _table(folder / "spk2utt", ((speaker, " ".join(spoken[speaker])) for speaker in sorted(spoken)))
    for at in range(shape.targets):
        if all(one.texts[at] for one in utterances):
            for name in ("text", f"text_spk{at + 1}") if shape.targets == 1 else (f"text_spk{at + 1}",):
                _table(folder / name, ((one.name, str(one.texts[at])) for one in utterances))
    names = {column[:-4]: sorted({one.stems[at] for one in utterances}) for at, column in enumerate(columns[1:])}
    (folder / "stems.json").write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")


def _table(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{key} {value}\n" for key, value in rows)
