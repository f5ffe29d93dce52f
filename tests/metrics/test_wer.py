"""Error rates of a transcriber that the user names."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.errors import UsageError
from sepbench.metrics import cer, error_rate_metric, load, wer
from sepbench.metrics.wer import TRANSCRIBER, WER

WORDS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=7)


def edits(one, other):
    """By the recursion of the definition."""
    if not one or not other:
        return len(one) + len(other)
    return min(edits(one[1:], other) + 1, edits(one, other[1:]) + 1, edits(one[1:], other[1:]) + (one[0] != other[0]))


@given(WORDS, st.lists(st.sampled_from(["a", "b", "d"]), max_size=5))
def test_it_is_the_least_number_of_edits_over_the_reference_s_words(said, heard):
    assert wer(" ".join(said), " ".join(heard)) == edits(said, heard) / len(said)


@given(WORDS)
def test_what_was_heard_as_it_was_said_has_no_errors_and_silence_has_all(said):
    text = " ".join(said)
    assert (wer(text, text), cer(text, text), wer(text, ""), cer(text, "")) == (0, 0, 1, 1)


def test_case_and_punctuation_at_the_ends_of_words_are_no_errors():
    assert wer("“Don't stop!” she said.", "don't stop she said") == 0
    assert wer("well-known", "well known") == 2


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A transcriber that hears one word for each second that is louder than a whisper."""
    (tmp_path / "own.py").write_text(
        "import numpy as np\n"
        "def hear(signal, sample_rate):\n"
        "    assert signal.dtype == np.float32 and signal.ndim == 1\n"
        "    seconds = signal.reshape(-1, sample_rate)\n"
        "    return ' '.join('abcdef'[k] for k, one in enumerate(seconds) if np.abs(one).max() > 0.1)\n"
        "from sepbench.metrics import error_rate_metric\n"
        "METRIC = error_rate_metric(hear, version='own 3')\n"
    )
    monkeypatch.setenv(TRANSCRIBER, f"{tmp_path / 'own.py'}:hear")
    return tmp_path / "own.py"


def score(metric, reference, estimate):
    return metric.score({"a": reference[None]}, {"a": estimate[None]}, 100)["a"]


def test_the_transcript_of_the_reference_counts_as_the_truth(own):
    reference, estimate = np.ones(400), np.repeat([1.0, 0.01, 1.0, 1.0], 100)
    found = score(WER, reference, estimate)
    assert found["wer"].value == 0.25
    assert found["cer"].value == 2 / 7  # a letter and a space of "a b c d"


def test_a_reference_without_words_has_no_error_rate(own):
    assert {one.status for one in score(WER, np.full(400, 0.01), np.ones(400)).values()} == {"no_utterance"}


def test_a_metric_of_one_s_own_works_wherever_a_name_does(own):
    (metric,) = load([f"{own}:METRIC"])
    assert metric.version == "sepbench 1, own 3"
    assert score(metric, np.ones(200), np.ones(200))["wer"].value == 0


def test_without_a_transcriber_the_reason_says_how_to_name_one(monkeypatch):
    monkeypatch.delenv(TRANSCRIBER, raising=False)
    found = score(WER, np.ones(400), np.ones(400))["wer"]
    assert found == (None, "not_installed", f"wer: not installed; {TRANSCRIBER} names no transcriber")


@pytest.mark.parametrize("address", ["own.py", "math:pi"])
def test_what_is_no_callable_is_refused(monkeypatch, address):
    monkeypatch.setenv(TRANSCRIBER, address)
    with pytest.raises(UsageError, match=f"expected `module:object` .* got `{address}`"):
        score(WER, np.ones(400), np.ones(400))


def test_the_version_names_the_transcriber_and_no_folder(own):
    code = "from sepbench.metrics.wer import WER; print(WER.version)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "sepbench 1, own.py:hear"


def test_a_transcriber_takes_part_without_a_file():
    metric = error_rate_metric(lambda signal, sample_rate: str(signal[0]), version="1")
    assert score(metric, np.ones(2), np.zeros(2) + 2)["wer"].value == 1
