"""Real sound of the bundled recordings, and what measures promises."""

import numpy as np
import pytest

from sepbench.audio import read_pcm
from sepbench.tour import RECORDINGS


def recording(place):
    pcm = read_pcm(RECORDINGS / place)
    return pcm.samples / float(1 << (pcm.bits - 1))


@pytest.fixture(scope="session")
def speech():
    """An utterance, 16 kHz, shape (1, time)."""
    return recording("speech/LibriSpeech/dev-clean/9003/900301/9003-900301-0000.flac")


@pytest.fixture(scope="session")
def music():
    """A guitar, 44.1 kHz, shape (2, time)."""
    return recording("music/test/Sectoid - Feelings/guitar.flac")


@pytest.fixture(scope="session")
def lag():
    """Give how many samples one signal is behind another: where their cross-correlation is largest."""

    def measured(reference, estimate):
        size = 2 * max(reference.shape[-1], estimate.shape[-1])
        spectra = [np.fft.rfft(signal[0], size) for signal in (reference, estimate)]
        correlation = np.fft.irfft(spectra[1] * spectra[0].conj())
        best = int(np.argmax(correlation))
        return best - size if best > size // 2 else best

    return measured
