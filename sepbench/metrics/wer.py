"""Word and character error rates of what a transcriber hears; sepbench has none of its own."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from sepbench import shelf
from sepbench.errors import UsageError
from sepbench.metrics.channels import Row, score_several
from sepbench.metrics.metric import Floats, Metric, Score

__all__ = ["TRANSCRIBER", "WER", "cer", "error_rate_metric", "wer"]

TRANSCRIBER = "SEPBENCH_TRANSCRIBER"
_IDS = ("wer", "cer")
Transcriber = Callable[[Any, int], str]


def wer(reference: str, hypothesis: str) -> float:
    """Compute the word error rate: substitutions, deletions and insertions over the reference's words.

    Words are what stands between white space, in lower case, without punctuation marks at their ends.

    Parameters
    ----------
    reference, hypothesis : str
        Transcripts.

    Returns
    -------
    float
        0 or more, above 1 too; NaN where the reference has no words.

    Examples
    --------
    >>> wer("The cat sat.", "the cat sat"), wer("a b c d", "a x c"), wer("a", "a b c"), wer("", "a")
    (0.0, 0.5, 2.0, nan)
    """
    return _rate(_words(reference), _words(hypothesis))


def cer(reference: str, hypothesis: str) -> float:
    """Compute the character error rate, over the words of `wer` with one space between them.

    Parameters
    ----------
    reference, hypothesis : str
        Transcripts.

    Returns
    -------
    float
        0 or more, above 1 too; NaN where the reference has no words.

    Examples
    --------
    >>> cer("abcd", "abxd"), cer("", "a")
    (0.25, nan)
    """
    return _rate(" ".join(_words(reference)), " ".join(_words(hypothesis)))


def _words(text: str) -> list[str]:
    stripped = (word.strip(".,;:!?¿¡\"'“”‘’«»()[]…") for word in text.casefold().split())
    return [word for word in stripped if word]


def _rate(reference: Sequence[str], hypothesis: Sequence[str]) -> float:
    if not reference:
        return math.nan
    numbers: dict[str, int] = {}
    said, heard = (
        np.array([numbers.setdefault(one, len(numbers)) for one in text]) for text in (reference, hypothesis)
    )
    return _edits(said, heard) / len(reference)


def _edits(said: Any, heard: Any) -> int:
    """Count the edits between two sequences (Levenshtein), row by row; insertions run along a row as a running minimum."""
    places = np.arange(len(heard) + 1)
    row = places.copy()
    for one in said:
        best = np.minimum(row + 1, np.concatenate([row[:1] + 1, row[:-1] + (heard != one)]))
        row = np.minimum.accumulate(best - places) + places
    return int(row[-1])


def error_rate_metric(transcribe: Transcriber, *, version: str) -> Metric:
    """Make the metric of a transcriber, to be named as ``module:object`` where a metric is asked for.

    Parameters
    ----------
    transcribe : callable
        ``transcribe(signal, sample_rate)`` takes float32 of shape (time) and gives the text.
    version : str
        Of the transcriber: its numbers are compared with those of the same version only.

    Examples
    --------
    >>> metric = error_rate_metric(lambda signal, sample_rate: "one two", version="always 1")
    >>> ones = {"speech": np.ones((1, 9))}
    >>> metric.score(ones, ones, 16000)["speech"]["wer"]
    Score(value=0.0, status='ok', reason=None)
    """
    return _metric(partial(_given, transcribe), f"sepbench 1, {version}")


def _row(
    reference: Floats, estimate: Floats, sample_rate: int, *, transcriber: Callable[[], Transcriber | None]
) -> Row:
    transcribe = transcriber()
    if transcribe is None:
        missing = Score(None, "not_installed", f"wer: not installed; {TRANSCRIBER} names no transcriber")
        return missing, missing
    said, heard = (transcribe(signal.astype(np.float32), sample_rate) for signal in (reference, estimate))
    if math.isnan(wer(said, heard)):
        silent = Score(None, "no_utterance", "the transcriber heard no words in the reference")
        return silent, silent
    return Score(wer(said, heard)), Score(cer(said, heard))


def _given(transcribe: Transcriber) -> Transcriber:
    return transcribe


def _named() -> Transcriber | None:
    """Give the transcriber that the user names."""
    address = os.environ.get(TRANSCRIBER)
    return _loaded(address) if address else None


@cache
def _loaded(address: str) -> Transcriber:
    found = shelf.load("metrics", address) if ":" in address else None
    if not callable(found):
        raise UsageError(
            f"{TRANSCRIBER}: expected `module:object` or `file.py:object`, a callable, got `{address}`",
            "it is called with a float32 array of shape (time) and its sample rate, and gives the text",
        )
    transcribe: Transcriber = found
    return transcribe


def _metric(transcriber: Callable[[], Transcriber | None], version: str) -> Metric:
    return Metric(
        name="wer",
        ids=_IDS,
        title="WER, CER",
        unit="",
        reference="Levenshtein, Binary codes capable of correcting deletions, insertions and reversals, 1966",
        definition="Edits over the length of the reference's transcript, in words and in characters. The transcriber is the "
        f"user's (`{TRANSCRIBER}=module:object`), and what it hears in the reference counts as the truth, so this is the "
        "damage that the separator does to it. Lower case, without punctuation at the ends of words; each channel and the "
        "mean.",
        version=version,
        score=partial(score_several, _IDS, partial(_row, transcriber=transcriber)),
        lowest=0.0,
        highest=math.inf,
        higher_is_better=False,
        titles={"wer": "WER", "cer": "CER"},
    )


def _version() -> str:
    """Name the transcriber, but not the folder in which it lies on this machine."""
    address = os.environ.get(TRANSCRIBER, "").replace("\\", "/").rpartition("/")[2]
    return f"sepbench 1, {address}" if address else "sepbench 1"


WER = _metric(_named, _version())
