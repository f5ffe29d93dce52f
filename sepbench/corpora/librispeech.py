"""LibriSpeech: read English speech, 16 kHz, about 1000 hours.

References
----------
V. Panayotov, G. Chen, D. Povey, S. Khudanpur: "Librispeech: an ASR corpus based on public domain audio books",
ICASSP 2015.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, misplaced, relative, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published, with_errata

__all__ = ["LibriSpeech"]

_SUBSETS = ("train-*/", "dev-*/", "test-*/")
# sets of one tree, which only the names of folders tell apart: folder, and name of its reader
_FOLDERS = {"LibriSpeech": "librispeech", "LibriTTS": "libritts", "LibriTTS_R": "libritts-r"}


class LibriSpeech:
    """The reader of LibriSpeech; any of its subsets will do."""

    name = "librispeech"
    version = "SLR12"
    title = "LibriSpeech"
    url = "https://www.openslr.org/12"
    licence = "CC-BY-4.0"
    layout = "LibriSpeech/SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-UTTERANCE.flac, with SUBSET as in train-clean-100"
    published = Published.beside(__file__)

    folder = "LibriSpeech"
    suffix = ".flac"
    joint = "-"  # between speaker, chapter and the rest of a name

    def items(self, root: Path) -> Iterator[Item]:
        """List the utterances.

        Raises
        ------
        LayoutError
            If there is no subset, a subset holds no recordings, or it is another set of the same tree.
        """
        top = top_folder(self, root, names=(self.folder,), marks=_SUBSETS)
        if top.name in _FOLDERS and top.name != self.folder:
            raise LayoutError(f"{top}: is not {self.title}", f"index it as `{_FOLDERS[top.name]}`")
        yield from with_errata(self._subsets(root, top), self.published.errata)

    def _subsets(self, root: Path, top: Path) -> Iterator[Item]:
        sexes = _sexes(top)
        for subset in (folder for mark in _SUBSETS for folder in visible(top, mark)):
            there, missing = 0, 0
            for chapter in visible(subset, "*/*/"):
                words = self.transcripts(chapter)
                paths = set(visible(chapter, f"*{self.suffix}"))
                listed = {chapter / f"{utterance}{self.suffix}" for utterance in words}
                there, missing = there + len(paths), missing + len(listed - paths)
                for path in sorted(paths | listed):  # what is listed and not there stays, as `unreadable`
                    yield self._utterance(root, path, words.get(path.stem), sexes)
            if missing > there:
                raise LayoutError(
                    f"{subset}: {missing} of the {missing + there} utterances that its transcripts list are not there",
                    f"unpack the archive again. {self.title} lies as {self.layout}",
                )
            if not there:
                raise misplaced(self, subset, f"`SPEAKER/CHAPTER/*{self.suffix}`")

    def transcripts(self, chapter: Path) -> Mapping[str, str]:
        """Read what is said in the utterances of a chapter, by the stem of their files."""
        words = [line.partition(" ") for path in visible(chapter, "*.trans.txt") for line in lines(path)]
        return {utterance: text for utterance, _, text in words}

    def _utterance(self, root: Path, path: Path, words: str | None, sexes: Mapping[str, str]) -> Item:
        subset, speaker, chapter = path.parts[-4:-1]
        if path.stem.split(self.joint)[:2] != [speaker, chapter]:
            raise LayoutError(
                f"{path}: is not named after its folders, {speaker}{self.joint}{chapter}{self.joint}…",
                f"is it of another set, or moved? {self.title} lies as {self.layout}",
            )
        labels = {"speaker": speaker, "chapter": chapter}
        if speaker in sexes:
            labels["sex"] = sexes[speaker]
        return Item(
            item=f"{subset}/{path.stem}",
            path=relative(path, root),
            group=speaker,
            split=subset,
            labels=labels,
            transcript=words,
        )


def _sexes(top: Path) -> dict[str, str]:
    """Read the table of speakers: `SPEAKERS.TXT` in LibriSpeech, `SPEAKERS.txt` in LibriTTS."""
    tables = [path for path in visible(top, "*") if path.name.lower() == "speakers.txt"]
    rows = [line for table in tables for line in lines(table) if "|" in line and not line.startswith(";")]
    # the columns are not counted, as the last may hold the separator: speaker 60 has the name "|CBW|Simon"
    return {speaker.strip(): sex.strip() for speaker, sex, *_ in (row.split("|") for row in rows)}
