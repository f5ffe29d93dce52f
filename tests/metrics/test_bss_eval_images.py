from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from oracles import museval_metrics

from sepbench.errors import SignalError
from sepbench.metrics import Score, bss_eval_images, framewise_sdr, snr
from sepbench.metrics.bss_eval import DEPENDENT
from sepbench.metrics.bss_eval_images import BSS_EVAL_IMAGES, BSS_EVAL_MUSEVAL

CRITERIA = ("sdr", "isr", "sir", "sar")
TAPS = 48  # museval takes the third power of it


@pytest.fixture(scope="module")
def song(noise):
    """Three coloured stereo sources, the second with a pause, and estimates with spatial errors, leakage and artefacts."""
    references = np.stack(
        [[np.convolve(row, [1, 0.8, 0.3], mode="same") for row in image] for image in noise(3, 2, 6000)]
    )
    references[1, :, 2000:3100] = 0
    estimates = references + 0.3 * references[[1, 2, 0]] + 0.2 * references[:, ::-1] + 0.1 * noise(3, 2, 6000, seed=1)
    return references, estimates


def by_museval(references, estimates, window, hop, *, taps=TAPS, **options):
    signals = (images.transpose(0, 2, 1) for images in (references, estimates))
    return museval_metrics().bss_eval(*signals, window=window, hop=hop, filters_len=taps, **options)


@pytest.mark.parametrize(("window", "hop"), [(1000, 1000), (1500, 700), (6000, 6000), (700, 1300)])
def test_values_and_nans_are_those_of_museval_under_its_policy(song, window, hop):
    found = bss_eval_images(*song, window=window, hop=hop, silence="museval", taps=TAPS)
    expected = by_museval(*song, window, hop)
    for criterion, theirs in zip(CRITERIA, expected[:4], strict=True):
        np.testing.assert_allclose(getattr(found, criterion), theirs, atol=1e-9, rtol=0)  # NaN where it has NaN


def test_whole_recordings_have_the_values_of_museval(song):
    """With its own 512 taps."""
    found, expected = bss_eval_images(*song), by_museval(*song, np.inf, np.inf, taps=512)
    for criterion, theirs in zip(CRITERIA, expected[:4], strict=True):
        np.testing.assert_allclose(getattr(found, criterion), theirs[:, 0], atol=1e-9, rtol=0)


def test_the_best_order_is_that_of_museval(song):
    references, estimates = song
    found = bss_eval_images(references, estimates[[2, 0, 1]], compute_permutation=True, taps=TAPS)
    expected = by_museval(references, estimates[[2, 0, 1]], np.inf, np.inf, compute_permutation=True)
    assert found.permutation.tolist() == expected[4][:, 0].tolist() == [1, 2, 0]
    np.testing.assert_allclose(found.sdr, expected[0][:, 0], atol=1e-9)


def test_a_silent_stem_takes_nothing_from_the_others(song):
    """museval drops the frame for every stem."""
    ours, theirs = (bss_eval_images(*song, window=1000, hop=1000, silence=policy) for policy in ("per-stem", "museval"))
    assert np.isnan(theirs.sdr).sum(axis=1).tolist() == [1, 1, 1]
    assert np.isnan(ours.sdr).sum(axis=1).tolist() == [0, 1, 0]
    defined = ~np.isnan(theirs.sdr)
    for criterion in CRITERIA:
        np.testing.assert_array_equal(getattr(ours, criterion)[defined], getattr(theirs, criterion)[defined])


def test_a_silent_estimate_has_zero_decibel_of_sdr_and_nothing_else(song):
    references, estimates = (images.copy() for images in song)
    estimates[0, :, :1000] = 0
    found = bss_eval_images(references, estimates, window=1000, hop=1000)
    assert found.sdr[0, 0] == 0.0
    assert all(np.isnan(getattr(found, criterion)[0, 0]) for criterion in CRITERIA[1:])
    assert np.isfinite(found.sir[1:, 0]).all()


def test_sdr_is_the_snr_of_each_frame(song):
    references, estimates = song
    found = framewise_sdr(references, estimates, window=1000, hop=500)
    by_hand = [snr(references[0, :, 500 * n : 500 * n + 1000].ravel(), estimates[0, :, 500 * n : 500 * n + 1000].ravel()) for n in range(11)]  # fmt: skip
    np.testing.assert_allclose(found[0], by_hand, atol=1e-12)
    for policy in ("per-stem", "museval"):
        alone, among = (
            measure(*song, window=1000, hop=500, silence=policy) for measure in (framewise_sdr, bss_eval_images)
        )
        np.testing.assert_array_equal(alone, among.sdr)


def test_mono_in_two_channels_is_well_conditioned(song):
    """A channel that repeats another spans nothing more, and is no fault of the recording."""
    references, estimates = (images.copy() for images in song)
    references[0, 1] = references[0, 0]
    found = bss_eval_images(references, estimates, window=1000, hop=1000)
    assert found.independence > DEPENDENT
    assert np.isfinite(found.sir[0]).all()


def test_fewer_estimates_than_references_are_scored_against_all(song):
    references, estimates = song
    np.testing.assert_allclose(
        bss_eval_images(references, estimates[:1], window=1000).sir[0],
        bss_eval_images(references, estimates, window=1000).sir[0],
        atol=1e-9,
    )


def test_nothing_but_the_target_is_no_interference_and_a_perfect_image_is_infinite(noise):
    image, error = noise(2, 1, 2, 3000)
    assert np.isinf(bss_eval_images(image, image + 0.1 * error).sir).all()
    assert np.isinf(bss_eval_images(image, image).sdr).all()


def test_copies_are_flagged_and_sdr_is_not(song):
    references, estimates = song
    named = {"a": references[0], "b": references[0], "c": references[2]}
    scores = BSS_EVAL_IMAGES.score(named, {"a": estimates[0]}, 1000)["a"]
    assert scores["sdr_v4"].status == "ok"
    assert {scores[name].status for name in ("isr_v4_512", "sir_v4_512", "sar_v4_512")} == {"ill_conditioned"}


def test_the_scorer_keeps_every_frame_and_takes_their_median(song):
    references, estimates = (dict(zip("abc", images, strict=True)) for images in song)
    ours, theirs = (metric.score(references, estimates, 1000) for metric in (BSS_EVAL_IMAGES, BSS_EVAL_MUSEVAL))
    found = bss_eval_images(*song, window=1000, hop=1000)
    score = ours["b"]["sdr_v4"]
    assert [frame.status for frame in score.frames] == ["ok", "ok", "silent_reference", "ok", "ok", "ok"]
    assert score == Score(float(np.nanmedian(found.sdr[1])))
    assert [frame.value is None for frame in theirs["a"]["sdr_v4_museval"].frames] == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("references", "estimates", "options", "said"),
    [
        ((2, 100), (2, 100), {}, r"expected references of shape \(source, channel, time\)"),
        ((2, 2, 100), (2, 2, 99), {}, "references have shape"),
        ((2, 2, 100), (2, 1, 100), {}, "references have shape"),
        ((2, 1, 100), (1, 1, 100), {"compute_permutation": True}, "references have shape"),
        ((1, 1, 100), (1, 1, 100), {"window": 0}, "window 0"),
        ((1, 1, 100), (1, 1, 100), {"silence": "ours"}, "unknown policy `ours`"),
    ],
)
def test_what_does_not_fit_is_refused(references, estimates, options, said):
    with pytest.raises(SignalError, match=said) as caught:
        bss_eval_images(np.ones(references), np.ones(estimates), **options)
    assert caught.value.hint


@pytest.mark.real_sets
@pytest.mark.skipif("SEPBENCH_TEST_SETS" not in os.environ, reason="needs SEPBENCH_TEST_SETS")
def test_real_songs_have_the_values_of_museval():
    import soundfile

    songs = sorted(Path(os.environ["SEPBENCH_TEST_SETS"]).glob("musdb18hq/*/*"))
    assert songs
    for song in songs[:1]:
        stems = [soundfile.read(song / f"{name}.wav")[0].T for name in ("vocals", "drums", "bass", "other")]
        references = np.stack([stem for stem in stems if stem.any()])
        rate, draws = 44100, np.random.default_rng(0)
        estimates = references + 0.2 * np.roll(references, 1, axis=0) + 1e-3 * draws.standard_normal(references.shape)
        found = bss_eval_images(references, estimates, window=rate, hop=rate, silence="museval")
        expected = by_museval(references, estimates, rate, rate, taps=512)
        assert found.independence > 1e-8
        np.testing.assert_allclose(found.sdr, expected[0], atol=1e-9, rtol=0)
        for criterion, theirs in zip(CRITERIA[1:], expected[1:4], strict=True):
            np.testing.assert_allclose(getattr(found, criterion), theirs, atol=1e-5, rtol=0)
