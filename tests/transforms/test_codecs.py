"""Codecs keep length, place and level, and lose what their quality says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import soundfile

from sepbench.errors import MissingExtraError, SignalError
from sepbench.transforms import codecs
from sepbench.transforms.codecs import g711, mp3, opus, vorbis

LOSSY = {
    "mp3": (mp3, {"quality": 0.0}, {"quality": 9.0}),
    "vorbis": (vorbis, {"quality": 10.0}, {"quality": 0.0}),
    "opus": (opus, {"bitrate_kbps": 256.0}, {"bitrate_kbps": 12.0}),
}


def ratio_db(samples, made):
    return 10 * np.log10(np.square(samples).sum() / np.square(made - samples).sum())


@pytest.fixture(params=LOSSY)
def lossy(request):
    return LOSSY[request.param]


def test_nothing_moves_and_the_length_stays(speech, music, lag, lossy):
    codec, best, worst = lossy
    for samples, sample_rate in ((speech, 16000), (music, 44100), (music[:, :30001], 22050), (speech[:, :20001], 8000)):
        for settings in (best, worst):
            made = codec(samples, sample_rate, **settings)
            assert made.shape == samples.shape
            assert lag(samples, made) == 0


def test_the_best_is_near_and_the_worst_is_further(music, lossy):
    codec, best, worst = lossy
    ratios = [ratio_db(music, codec(music, 44100, **settings)) for settings in (best, worst)]
    assert ratios[0] > 20
    assert ratios[0] > ratios[1] + 5


def test_levels_above_full_scale_are_not_clipped(lossy):
    codec, best, _ = lossy
    loud = 1.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)[None]
    assert np.abs(codec(loud, 16000, **best)).max() == pytest.approx(1.5, rel=0.05)


@pytest.mark.parametrize("frames", [1, 7, 160, 575, 1153])
def test_less_than_a_frame_is_coded_too(lossy, frames):
    codec, best, _ = lossy
    for sample_rate in (8000, 44100):
        assert codec(np.full((1, frames), 0.1), sample_rate, **best).shape == (1, frames)


def test_a_rate_beyond_the_codec_goes_through_its_highest(lossy):
    codec, best, _ = lossy
    samples = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(9600) / 96000)[None]
    made = codec(samples, 96000, **best)
    assert made.shape == samples.shape
    assert ratio_db(samples[:, 2000:7000], made[:, 2000:7000]) > 20


def test_more_than_two_channels_are_refused(lossy):
    codec, best, _ = lossy
    with pytest.raises(SignalError, match="expected one or two channels, got 3"):
        codec(np.ones((3, 100)), 16000, **best)


def test_an_old_soundfile_is_named_with_its_remedy(monkeypatch, lossy):
    def old(file, mode, samplerate, channels, subtype, *, format):
        raise AssertionError("not reached")

    monkeypatch.setattr(soundfile, "SoundFile", old)
    codec, best, _ = lossy
    with pytest.raises(MissingExtraError, match=r"needs soundfile 0\.13"):
        codec(np.ones((1, 100)), 16000, **best)


def kbps(monkeypatch, codec, samples, sample_rate, **settings):
    """Measure the bit rate of the stream in between."""
    streams, encoded = [], codecs._encoded
    monkeypatch.setattr(codecs, "_encoded", lambda *given: streams.append(encoded(*given)) or streams[-1])
    codec(samples, sample_rate, **settings)
    monkeypatch.undo()
    return len(streams[0].getvalue()) * 8 / (samples.shape[1] / sample_rate) / 1000


@pytest.mark.parametrize("bitrate_kbps", [12, 24, 64, 128])
def test_opus_has_the_bit_rate_asked_for_in_each_channel(monkeypatch, music, bitrate_kbps):
    asked = {"bitrate_kbps": bitrate_kbps}
    for samples in (music[:1], music):
        # variable around it, and Ogg's pages on top
        assert kbps(monkeypatch, opus, samples, 44100, **asked) == pytest.approx(
            bitrate_kbps * len(samples), rel=0.25, abs=3
        )


def test_qualities_are_those_of_lame_and_oggenc(monkeypatch):
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 88200))
    # what LAME aims at with -V 0 and -V 5 (245 and 130 kbit/s for music), and oggenc with -q 3 (112)
    assert kbps(monkeypatch, mp3, noise, 44100, quality=0.0) == pytest.approx(245, rel=0.15)
    assert kbps(monkeypatch, mp3, noise, 44100, quality=5.0) == pytest.approx(130, rel=0.15)
    assert kbps(monkeypatch, vorbis, noise, 44100, quality=3.0) == pytest.approx(112, rel=0.3)


def g711_of_the_standard_library(samples, law):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="left the standard library with Python 3.13")
    to, back = (audioop.lin2ulaw, audioop.ulaw2lin) if law == "mu" else (audioop.lin2alaw, audioop.alaw2lin)
    return np.frombuffer(back(to(samples.astype("<i2").tobytes(), 2), 2), "<i2")


@pytest.mark.parametrize("law", ["mu", "a"])
def test_g711_decodes_as_the_standard_librarys(law):
    values = np.arange(-32768, 32768, 1)
    made = g711(values[None] / 32768, 8000, law=law)[0] * 32768
    theirs = g711_of_the_standard_library(values, law)
    # at the border of two steps the two may choose either; both are then equally near
    differ = made != theirs
    assert differ.mean() < 0.01
    np.testing.assert_array_less(np.abs(made - theirs)[differ], np.abs(values[differ]) / 8 + 17)


@pytest.mark.parametrize("law", ["mu", "a"])
def test_g711_has_some_250_values_and_38_decibels(law, speech):
    made = g711(speech, 8000, law=law)
    assert len(np.unique(g711(np.linspace(-1, 1, 65536)[None], 8000, law=law))) in (255, 256)
    assert 30 < ratio_db(speech, made) < 45


@pytest.mark.parametrize("law", ["mu", "a"])
def test_g711_is_done_once(law, speech):
    once = g711(speech, 8000, law=law)
    np.testing.assert_array_equal(g711(once, 8000, law=law), once)
