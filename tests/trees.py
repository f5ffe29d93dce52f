"""Tiny public sets in their true layouts, made anew for each test.

Each builder fills an empty folder and returns it: the root to give to `sepbench.catalog.index`. The audio is noise,
a function of the file's own path and of nothing else, so it is the same on every machine and in every version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

SECONDS = 0.1


def audio(
    root: Path,
    name: str,
    *,
    seconds: float = SECONDS,
    sample_rate: int = 16000,
    channels: int = 1,
    silent: bool = False,
) -> Path:
    """Write 16-bit noise of about -16 dBFS; no two names have the same samples."""
    import soundfile

    frames = round(seconds * sample_rate)
    noise = np.frombuffer(hashlib.shake_128(name.encode()).digest(2 * frames * channels), "<i2") >> 2
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise.reshape(frames, channels) * (not silent), sample_rate, subtype="PCM_16")
    return path


def text(root: Path, name: str, *lines: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


SPEAKERS = (
    "; Some pipe(|) separated metadata about all LibriVox readers",
    ";ID  |SEX| SUBSET           |MINUTES| NAME",
    "14   | F | train-clean-360  | 25.03 | Kristin LeMoine",
    "60   | M | train-clean-100  | 20.18 | |CBW|Simon",
    "83   | F | train-clean-100  | 25.14 | Catharine Eastman",
    "1998 | F | test-other       | 8.12  | Sarah LuAnn",
)


def librispeech(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "LibriSpeech"
    text(top, "SPEAKERS.TXT", *SPEAKERS)
    for utterance in ("60-121082-0000", "83-11691-0000", "83-11691-0001"):
        speaker, chapter, _ = utterance.split("-")
        audio(top, f"train-clean-100/{speaker}/{chapter}/{utterance}.flac", seconds=seconds)
    audio(top, "test-other/1998/15444/1998-15444-0000.flac", seconds=seconds)
    text(
        top,
        "train-clean-100/83/11691/83-11691.trans.txt",
        "83-11691-0000 SHE SHELLS SEAS",
        "83-11691-0001 BY THE SEA SHORE",
    )
    return root


def libritts(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "LibriTTS"
    text(top, "SPEAKERS.txt", *SPEAKERS)
    chapter = "train-clean-100/83/11691"
    for number in range(2):
        audio(top, f"{chapter}/83_11691_00000{number}_000000.wav", seconds=seconds, sample_rate=24000)
    text(
        top,
        f"{chapter}/83_11691.trans.tsv",
        "83_11691_000000_000000\tShe's at the shore; 1 shell.\tShe's at the shore; one shell.",
    )
    text(top, f"{chapter}/83_11691_000001_000000.normalized.txt", "By the sea.")
    text(top, f"{chapter}/._83_11691_000001_000000.wav", "a resource fork")
    audio(top, "dev-clean/1092/134562/1092_134562_000013_000003.wav", seconds=seconds, sample_rate=24000)
    text(top, "dev-clean/1092/134562/1092_134562_000013_000004.wav", "corrupt, and known to be")
    return root


SPEAKER_INFO = (
    "ID  AGE  GENDER  ACCENTS  REGION COMMENTS ",
    "p225  23  F    English    Southern  England",
    "p280  25  F    Unknown    France  (mic2 files unavailable)",
    "p315  18  M    American    New  England  (Text and mic2 files unavailable)",
    "p326  26  M    Australian  English  Sydney",
    "p376  22  M    Indian  ",
)


def vctk(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "VCTK-Corpus-0.92"
    text(top, "speaker-info.txt", *SPEAKER_INFO)
    text(top, "wav48_silence_trimmed/log.txt", "how the silence was trimmed")
    for utterance in ("p225_001", "p225_002", "p280_001", "p315_001", "p326_001"):
        speaker = utterance[:4]
        audio(top, f"wav48_silence_trimmed/{speaker}/{utterance}_mic1.flac", seconds=seconds, sample_rate=48000)
        if speaker not in ("p280", "p315"):
            audio(top, f"wav48_silence_trimmed/{speaker}/{utterance}_mic2.flac", seconds=seconds, sample_rate=48000)
        if speaker != "p315":
            text(top, f"txt/{speaker}/{utterance}.txt", "Please call Stella.")
    return root


def vctk_080(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "VCTK-Corpus"
    text(top, "speaker-info.txt", "ID  AGE  GENDER  ACCENTS  REGION  ", "225  23  F    English    Southern  England")
    audio(top, "wav48/p225/p225_001.wav", seconds=seconds, sample_rate=48000)
    text(top, "txt/p225/p225_001.txt", "Please call Stella.")
    return root


URBAN_ROWS = (
    "slice_file_name,fsID,start,end,salience,fold,classID,class",
    "100032-3-0-0.wav,100032,0.0,0.317551,1,5,3,dog_bark",
    "100263-2-0-117.wav,100263,58.5,62.5,1,5,2,children_playing",
    "100263-2-0-121.wav,100263,60.5,64.5,1,5,2,children_playing",
    "102305-6-0-0.wav,102305,0.0,2.61161,2,1,6,gun_shot",
)


def urbansound8k(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "UrbanSound8K"
    text(top, "metadata/UrbanSound8K.csv", *URBAN_ROWS)
    for row in URBAN_ROWS[1:]:
        name, *_, fold, _, _ = row.split(",")
        audio(top, f"audio/fold{fold}/{name}", seconds=seconds, sample_rate=44100, channels=2)
    return root


ESC_ROWS = (
    "filename,fold,target,category,esc10,src_file,take",
    "1-100032-A-0.wav,1,0,dog,True,100032,A",
    "3-103051-C-19.wav,3,19,thunderstorm,False,103051,C",
    "5-156999-C-19.wav,5,19,thunderstorm,False,156999,C",
)


def esc50(root: Path, seconds: float = SECONDS) -> Path:
    top = root / "ESC-50-master"
    text(top, "meta/esc50.csv", *ESC_ROWS)
    for row in ESC_ROWS[1:]:
        audio(top, f"audio/{row.split(',')[0]}", seconds=seconds, sample_rate=44100)
    return root


SONGS = ("train/Music Delta - 80s Rock", "train/Meaxic - Take A Step", "test/PR - Oh No")


def musdb18hq(root: Path, seconds: float = SECONDS) -> Path:
    for song in SONGS:
        for stem in ("mixture", "drums", "bass", "other", "vocals"):
            audio(root / "musdb18hq", f"{song}/{stem}.wav", seconds=seconds, sample_rate=44100, channels=2)
    return root


def folder(root: Path, seconds: float = SECONDS) -> Path:
    for name in ("street/rain.wav", "street/rail.flac", "kitchen/kettle.aiff", "tone.WAV"):
        audio(root, name, seconds=seconds)
    text(root, "readme.txt", "not audio")
    text(root, ".cache/hidden.wav", "not audio either")
    text(root, "street/._rain.wav", "a resource fork")
    return root


TREES: dict[str, Callable[[Path], Path]] = {
    "esc50": esc50,
    "folder": folder,
    "librispeech": librispeech,
    "libritts": libritts,
    "musdb18hq": musdb18hq,
    "urbansound8k": urbansound8k,
    "vctk": vctk,
}
