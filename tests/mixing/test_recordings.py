"""Excerpts are the same from a pack, from the whole recording, and from the part that they need."""

import os

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sepbench.audio import read_part, read_pcm
from sepbench.mixing import recordings
from sepbench.mixing.recordings import Recordings, UnusableSourceError


def recording(folder, name="a.wav", *, rate=44100, channels=2, seconds=3.0, subtype="PCM_16"):
    samples = np.random.default_rng(1).integers(-8000, 8000, (int(seconds * rate), channels), dtype=np.int16)
    soundfile.write(folder / name, samples, rate, subtype=subtype)
    return folder / name


def source(path, *, start, frames, downmix="mean", loop=False):
    pcm = read_pcm(path)
    return {"set": "s", "path": path.name, "source_pcm_sha256": pcm.sha256(), "downmix": downmix, "start": start,
            "frames": frames, "loop": loop}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module", params=["a.wav", "b.flac", "c.wav", "d.flac"])
def path(request, folder):
    return recording(folder, request.param, subtype="PCM_24" if request.param[0] in "cd" else "PCM_16")


@given(
    start=st.integers(0, 30_000), frames=st.integers(1, 15_000),
    rate=st.sampled_from([16000, 44100, 48000]), downmix=st.sampled_from(["mean", "first", "none"]),
)  # fmt: skip
def test_a_part_is_the_cut_of_the_whole(path, start, frames, rate, downmix):
    channels = 2 if downmix == "none" else 1
    one = source(path, start=start, frames=frames, downmix=downmix)
    both = Recordings({"s": path.parent})
    whole, bits = both.excerpt(one, channels, rate)
    both._whole.clear()  # as if others had taken its place in memory
    part, part_bits = both.excerpt(one, channels, rate)
    assert not both._whole
    assert (bits, whole.dtype) == (part_bits, part.dtype)
    assert np.array_equal(whole, part)


def test_a_file_that_changed_is_held_against_its_hash_again(tmp_path):
    path = recording(tmp_path)
    one = source(path, start=5, frames=1000)
    both = Recordings({"s": tmp_path})
    both.excerpt(one, 1, 16000)
    both._whole.clear()
    content = bytearray(path.read_bytes())
    content[-1] ^= 64
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    with pytest.raises(UnusableSourceError) as caught:
        both.excerpt(one, 1, 16000)
    assert caught.value.status == "source_changed"


def test_the_first_read_is_always_of_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "read_part", lambda *_: pytest.fail("its samples are not yet known"))
    one = source(recording(tmp_path), start=5, frames=1000)
    Recordings({"s": tmp_path}).excerpt(one, 1, 16000)


def test_what_can_not_be_entered_anywhere_is_read_whole(tmp_path):
    path = recording(tmp_path, "a.ogg", subtype="VORBIS")
    assert read_part(path, 0, 10) is None
    one = source(path, start=5, frames=1000)
    both = Recordings({"s": tmp_path})
    whole, _ = both.excerpt(one, 1, 16000)
    both._whole.clear()
    assert np.array_equal(both.excerpt(one, 1, 16000)[0], whole)


@pytest.mark.parametrize(("start", "loop"), [(47_500, False), (48_001, True)])
def test_an_excerpt_beyond_the_end_is_no_excerpt(tmp_path, start, loop):
    one = source(recording(tmp_path), start=start, frames=1000, loop=loop)
    both = Recordings({"s": tmp_path})
    for _ in range(2):
        with pytest.raises(UnusableSourceError, match="source_too_short"):
            both.excerpt(one, 1, 16000)
