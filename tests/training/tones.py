"""A corpus of tones in noise, in memory."""

from types import SimpleNamespace

import numpy as np


class FakeCorpus(list):
    """What `sepbench.corpus.Corpus` is to a training."""

    name, corpus_hash, skipped = "tones", "sha256:0123", 0

    @property
    def manifest(self):
        return [example.row for example in self]


def example(at, split, *, seconds=0.5, sample_rate=8000, channels=1, bits=16):
    rng = np.random.default_rng(at)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    tone = 0.25 * np.sin(2 * np.pi * rng.uniform(200, 900) * time) * np.ones((channels, 1))
    noise = 0.05 * rng.standard_normal((2, channels, len(time)))
    steps = 2.0 ** (bits - 1)
    speech, one, two = (np.float32(np.rint(signal * steps) / steps) for signal in (tone, *noise))
    sources = {"speech": speech, "noise": one, "hum": two}
    groups = [{"set": "librispeech", "group": f"{split}-{at}"}, {"set": "esc50", "group": f"{split}-{at // 2}"}]
    return SimpleNamespace(
        mixture_id=f"{split}-{at}",
        mixture=speech + one + two,
        sources=sources,
        sample_rate=sample_rate,
        row={"sample_rate": sample_rate, "sources": groups},
    )
