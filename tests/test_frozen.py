"""Version 1 of corpus and scores, as it was on the first day: every later version opens and verifies it."""

from pathlib import Path

import numpy as np
import pytest

from sepbench import Corpus, Manifest, mixing, scores
from sepbench import recipe as recipes

HERE = Path(__file__).parent / "frozen"
CORPUS = HERE / "corpus-v1"
PLAN_HASH = "sha256:6429b7993ada4c15c733c06c92ce34d70d93e3295b0e32f8ca66235a749af62c"
CORPUS_HASH = "sha256:3ea3465393c872cefeaa5d23e16fbdedc256e2684311a85743988af5571f854a"
SNR = -3.8959509502907292


def test_the_corpus_has_its_hash():
    manifest = Manifest.read(CORPUS)
    assert manifest.metadata["plan_hash"] == PLAN_HASH
    assert manifest.corpus_hash == CORPUS_HASH


def test_the_corpus_is_made_again_to_the_sample(roots):
    assert mixing.verify(CORPUS, roots=roots, workers=0) == mixing.Verification(3, [])


def test_planning_it_again_gives_the_same_rows(tables):
    manifest = Manifest.read(CORPUS)
    again = mixing.plan(recipes.parse(manifest.metadata["recipe"]), tables)
    assert list(again) == [{**row, "proof": None} for row in manifest]


def test_the_audio_reads_as_before():
    example = Corpus(CORPUS, split="test")[1]
    assert example.mixture_id == "test-000001"
    assert example.mixture.shape == (1, 11025)
    assert set(example.sources) == {"speech", "music", "noise"}
    assert np.array_equal(example.mixture, sum(example.sources.values()))


def test_the_scores_read_as_before():
    table, metadata = scores.read(HERE / "scores-v1.parquet")
    rows = table.to_pylist()
    assert {row["metric"] for row in rows} == {"snr", "snr_i", "si_sdr", "si_sdr_i"}
    assert rows[0]["corpus_hash"] == CORPUS_HASH
    values = {(row["mixture_id"], row["metric"]): row["value"] for row in rows}
    assert values["test-000000", "snr"] == pytest.approx(SNR, abs=1e-9)
    assert "key" in metadata
