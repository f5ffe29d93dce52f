"""Stem files: five streams in one file, decoded by ffmpeg through stempeg, which not everybody has."""

import builtins
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import trees

from sepbench import catalog, stems
from sepbench.audio import file_of, read_part, read_pcm, stamp
from sepbench.corpora.musdb18 import Musdb18
from sepbench.errors import AudioError, MissingExtraError

RATE = 44100
TONES = dict(zip(stems.STREAMS, (200, 400, 800, 1600, 3200), strict=True))

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg is not on the PATH"
)


def stem_file(path: Path, streams: int = 5, seconds: float = 1.5) -> Path:
    """Make a stem file whose streams are tones, each another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = ["ffmpeg", "-v", "error", "-y"]
    for tone in list(TONES.values())[:streams]:
        words += ["-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate={RATE}:duration={seconds}"]
    for number in range(streams):
        words += ["-map", str(number)]
    subprocess.run([*words, "-ac", "2", "-c:a", "aac", f"file:{path}"], check=True)
    return path


def tone_of(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples[0] * np.hanning(samples.shape[1])))
    return float(np.argmax(spectrum) * RATE / samples.shape[1])


@needs_ffmpeg
@pytest.mark.parametrize("stream", stems.STREAMS)
def test_each_stream_is_found_by_its_name(stream: str, tmp_path: Path) -> None:
    path = stem_file(tmp_path / "A - B.stem.mp4")
    pcm = read_pcm(path / stream)
    assert (pcm.channels, pcm.sample_rate, pcm.bits) == (2, RATE, 24)
    assert abs(pcm.frames - 1.5 * RATE) < 4096
    assert tone_of(pcm.samples) == pytest.approx(TONES[stream], abs=2)
    assert pcm.decoder.startswith("aac ffmpeg ")


@needs_ffmpeg
def test_set_of_stem_files_is_indexed(tmp_path: Path) -> None:
    root = tmp_path / "root" / "musdb18"
    stem_file(root / "train" / "Meaxic - Take A Step.stem.mp4")
    stem_file(root / "test" / "PR - Oh No.stem.mp4", seconds=0.5)
    table = catalog.index("musdb18", root, tmp_path / "c.parquet", workers=2)
    rows = {row["item"]: row for row in table.to_pylist()}
    assert {row["status"] for row in rows.values()} == {"ok"}
    assert len({row["pcm_sha256"] for row in rows.values()}) == 10
    row = rows["train/Meaxic - Take A Step/vocals"]
    assert (row["path"], row["split"]) == ("train/Meaxic - Take A Step.stem.mp4/vocals", "valid")
    assert row["file_bytes"] == file_of(root / row["path"])[0].stat().st_size


@needs_ffmpeg
def test_cut_stem_file_is_refused(tmp_path: Path) -> None:
    path = stem_file(tmp_path / "a.stem.mp4")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(AudioError, match=r"a\.stem\.mp4: can't be decoded by ffmpeg"):
        read_pcm(path / "vocals")


@needs_ffmpeg
def test_file_with_other_streams_is_refused(tmp_path: Path) -> None:
    path = stem_file(tmp_path / "a.stem.mp4", streams=2)
    with pytest.raises(AudioError, match="has 2 audio streams, not 5"):
        read_pcm(path / "vocals")


@needs_ffmpeg
def test_excerpt_of_a_stream_is_cut_from_the_whole(tmp_path: Path) -> None:
    assert read_part(stem_file(tmp_path / "a.stem.mp4") / "vocals", 0, 10) is None


@pytest.mark.parametrize("program", ["ffmpeg", "ffprobe"])
def test_missing_ffmpeg_is_said_before_anything_is_decoded(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None if name == program else f"/bin/{name}")
    with pytest.raises(MissingExtraError, match=f"`{program}` is not on the PATH") as caught:
        catalog.index("musdb18", trees.musdb18(tmp_path / "root"), tmp_path / "c.parquet", workers=0)
    assert "MUSDB18-HQ" in caught.value.hint
    assert not (tmp_path / "c.parquet").exists()


def test_missing_stempeg_is_said_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "stempeg":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.delitem(sys.modules, "stempeg", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="stempeg, which is not installed") as caught:
        Musdb18().require()
    assert "sepbench[stems]" in caught.value.hint


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return trees.audio(tmp_path, "clip.wav", channels=2, seconds=0.5)


def test_channels_of_a_file_are_recordings(clip: Path) -> None:
    whole = read_pcm(clip).samples
    for number in (1, 2):
        pcm = read_pcm(clip / f"channel{number}")
        assert np.array_equal(pcm.samples, whole[number - 1 : number])


def test_excerpt_of_a_channel_is_that_of_the_whole_channel(clip: Path) -> None:
    part = read_part(clip / "channel2", 100, 200)
    assert part is not None
    assert np.array_equal(part.samples, read_pcm(clip / "channel2").samples[:, 100:200])


def test_channel_is_the_mono_file_of_the_same_samples(clip: Path, tmp_path: Path) -> None:
    right = soundfile.read(clip, dtype="int16")[0][:, 1]
    soundfile.write(tmp_path / "right.flac", right, 16000, subtype="PCM_16")
    assert read_pcm(clip / "channel2").sha256() == read_pcm(tmp_path / "right.flac").sha256()


@pytest.mark.parametrize("part", ["channel0", "channel3", "channel", "vocals", "channel-1", "left"])
def test_unknown_part_of_a_file_is_refused(part: str, clip: Path) -> None:
    with pytest.raises(AudioError, match=rf"clip\.wav: has no part `{part}`, but `channel1` to `channel2`"):
        read_pcm(clip / part)


def test_part_of_a_missing_file_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="No such file or directory"):
        read_pcm(tmp_path / "gone.wav" / "channel1")


def test_part_has_the_stamp_of_its_file(clip: Path) -> None:
    assert stamp(clip / "channel2") == stamp(clip)


def test_folder_with_a_dot_in_its_name_is_a_folder(tmp_path: Path) -> None:
    path = trees.audio(tmp_path, "set-1.1.wav/a.wav")
    assert file_of(path) == (path, "")


CHANNELS_RECIPE = """
name = "two-channels"
version = 1
title = "Voices and accompaniment, two channels of one file"
description = "For the tests."
sample_rate = 8000
length = 0.5
metrics = ["snr"]

[splits]
train = 6

[[sources]]
name = "vocals"
role = "target"
set = "mir-1k"
where = { stem = "vocals" }

[[sources]]
name = "accompaniment"
role = "noise"
set = "mir-1k"
where = { stem = "accompaniment" }
snr_db = { uniform = [-5, 5] }
"""


@pytest.mark.parametrize("pack", ["never", "always"])
def test_recordings_inside_of_files_are_mixed_like_all_others(pack: str, tmp_path: Path) -> None:
    import sepbench

    root = trees.mir_1k(tmp_path / "root", seconds=1)
    sepbench.index("mir-1k", root, tmp_path / "c.parquet", workers=0)
    (tmp_path / "two-channels.toml").write_text(CHANNELS_RECIPE)
    options = {"roots": {"mir-1k": root}, "workers": 0}
    made = sepbench.mix(
        str(tmp_path / "two-channels.toml"), tmp_path / "corpus", catalogs={"mir-1k": tmp_path / "c.parquet"},
        pack=pack, cache=tmp_path / "cache", **options,
    )  # fmt: skip
    assert not made.failures()
    assert sepbench.verify(tmp_path / "corpus", **options).differences == []
