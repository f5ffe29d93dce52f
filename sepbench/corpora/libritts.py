"""LibriTTS: LibriSpeech's recordings at 24 kHz, cut at sentences.

References
----------
H. Zen et al.: "LibriTTS: A corpus derived from LibriSpeech for text-to-speech", Interspeech 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sepbench.corpora import lines, visible
from sepbench.corpora.librispeech import LibriSpeech
from sepbench.published import Published

__all__ = ["LibriTTS"]


class LibriTTS(LibriSpeech):
    """The reader of LibriTTS: LibriSpeech's tree, subsets and speakers, with other files in it."""

    name = "libritts"
    version = "SLR60"
    title = "LibriTTS"
    url = "https://www.openslr.org/60"
    layout = "LibriTTS/SUBSET/SPEAKER/CHAPTER/SPEAKER_CHAPTER_PARAGRAPH_SENTENCE.wav, with SUBSET as in train-clean-100"
    published = Published.beside(__file__)

    folder = "LibriTTS"
    suffix = ".wav"
    joint = "_"

    def transcripts(self, chapter: Path) -> Mapping[str, str]:
        """Read what is said, normalised: from the chapter's table, else from the file beside each recording."""
        suffix = ".normalized.txt"
        beside = {path.name.removesuffix(suffix): " ".join(lines(path)) for path in visible(chapter, f"*{suffix}")}
        rows = [line.split("\t") for path in visible(chapter, "*.trans.tsv") for line in lines(path)]
        return beside | {row[0]: row[2] for row in rows if len(row) == 3}
