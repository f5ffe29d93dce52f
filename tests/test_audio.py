"""Decoding to integers and back, and what is refused on the way."""

import os

import numpy as np
import pytest
import soundfile

from sepbench.audio import pcm_sha256, read_pcm, write_pcm
from sepbench.errors import AudioError

HASH_16 = "aeafdf0a10f8c532a920dfa0445832e5b93e9cb6ad871b2c12ebb133fc647c9d"
HASH_24 = "07bf3ff9b231ce08568e205e5c61259a2c5b1669caa83762a48e4c036750460f"


def ramp(bits, channels=2, frames=500):
    limit = 1 << (bits - 1)
    return np.random.default_rng(0).integers(-limit, limit, (channels, frames)).astype(np.int32)


@pytest.mark.parametrize("suffix", [".flac", ".wav"])
@pytest.mark.parametrize("bits", [16, 24])
def test_integers_survive_the_file(tmp_path, suffix, bits):
    samples = ramp(bits)
    write_pcm(tmp_path / f"x{suffix}", samples, 44100, bits)
    pcm = read_pcm(tmp_path / f"x{suffix}")
    assert (pcm.sample_rate, pcm.bits, pcm.channels, pcm.frames) == (44100, bits, 2, 500)
    assert np.array_equal(pcm.samples, samples)
    assert pcm.sha256() == pcm_sha256(samples, 44100, bits)


def test_the_hash_never_changes():
    assert pcm_sha256(np.array([[0, 1, -1], [32767, -32768, 5]], np.int32), 16000, 16) == HASH_16
    assert pcm_sha256(np.array([[0, 1, -1 << 23]], np.int32), 44100, 24) == HASH_24


def test_the_hash_tells_rate_channels_and_depth_apart():
    samples = np.array([[1, 2], [3, 4]], np.int32)
    hashes = {
        pcm_sha256(samples, 16000, 16), pcm_sha256(samples, 8000, 16), pcm_sha256(samples, 16000, 24),
        pcm_sha256(samples.reshape(1, 4), 16000, 16), pcm_sha256(samples.T, 16000, 16),
    }  # fmt: skip
    assert len(hashes) == 5


@pytest.mark.parametrize(
    ("subtype", "bits", "expected"),
    [
        ("PCM_U8", 16, [0, 16384, -32768]),
        ("PCM_24", 24, [0, 1 << 22, -(1 << 23)]),
        ("PCM_32", 24, [0, 1 << 22, -(1 << 23)]),
        ("FLOAT", 24, [0, 1 << 22, -(1 << 23)]),
        ("DOUBLE", 24, [0, 1 << 22, -(1 << 23)]),
    ],
)
def test_each_depth_comes_in_its_class(tmp_path, subtype, bits, expected):
    soundfile.write(tmp_path / "x.wav", np.array([0.0, 0.5, -1.0]), 16000, subtype=subtype)
    pcm = read_pcm(tmp_path / "x.wav")
    assert pcm.bits == bits
    assert pcm.samples[0].tolist() == expected


def test_float_overshoot_is_kept_up_to_12_db(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.array([3.5, -3.5]), 16000, subtype="FLOAT")
    assert read_pcm(tmp_path / "x.wav").samples[0].tolist() == [int(3.5 * 2**23), -int(3.5 * 2**23)]


def cut(path):
    soundfile.write(path, np.zeros(4000, np.int16) + 5, 16000, format="WAV")
    path.write_bytes(path.read_bytes()[:3000])


def cut_flac(path):
    soundfile.write(path, ramp(16)[0].astype(np.int16), 16000, format="FLAC")
    path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"RIFF"), "ends within its header"),
        (lambda path: path.write_text("just words, and nothing else"), "is no recording that is read"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1"), "Git LFS pointer"),
        (lambda path: path.write_text("<!doctype html><html>404"), "is a web page"),
        (lambda path: path.mkdir(), "not a regular file"),
        (os.mkfifo, "not a regular file"),
        (cut, "truncated"),
        (cut_flac, "can't be decoded|could be decoded"),
        (lambda path: soundfile.write(path, np.zeros(0), 16000, format="WAV"), "holds no samples"),
        (lambda path: soundfile.write(path, np.array([0.1, np.nan]), 16000, "FLOAT", format="WAV"), "not finite"),
        (lambda path: soundfile.write(path, np.array([0.1, 4.1]), 16000, "FLOAT", format="WAV"), "12 dB above"),
    ],
)
def test_what_is_no_sound_recording_is_refused_with_name_and_remedy(tmp_path, make, words):
    path = tmp_path / "x.wav"
    make(path)
    with pytest.raises(AudioError, match=words) as caught:
        read_pcm(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_samples_that_do_not_fit_are_not_clipped_in_silence(tmp_path):
    with pytest.raises(AudioError, match="do not fit into 16 bits"):
        write_pcm(tmp_path / "x.flac", np.array([[40000]], np.int32), 16000, 16)
    assert not (tmp_path / "x.flac").exists()
