"""LibriTTS-R: LibriTTS after a restoration of its sound, 24 kHz.

References
----------
Y. Koizumi et al.: "LibriTTS-R: A restored multi-speaker text-to-speech corpus", Interspeech 2023.
"""

from __future__ import annotations

from sepbench.corpora.libritts import LibriTTS
from sepbench.published import Published

__all__ = ["LibriTTSR"]


class LibriTTSR(LibriTTS):
    """The reader of LibriTTS-R: the tree, subsets, speakers and names of LibriTTS, with other samples."""

    name = "libritts-r"
    version = "SLR141"
    title = "LibriTTS-R"
    url = "https://www.openslr.org/141"
    layout = (
        "LibriTTS_R/SUBSET/SPEAKER/CHAPTER/SPEAKER_CHAPTER_PARAGRAPH_SENTENCE.wav, with SUBSET as in train-clean-100"
    )
    published = Published.beside(__file__)

    folder = "LibriTTS_R"
