"""Native Instruments' stem files, `.stem.mp4`: a mixture and four stems, each a stream of AAC.

ffmpeg decodes them, through stempeg: an extra, as both are of no use to anything else here.
"""

from __future__ import annotations

import contextlib
import shutil
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sepbench.errors import AudioError, MissingExtraError

__all__ = ["STREAMS", "decode", "decoder", "require"]

STREAMS = ("mixture", "drums", "bass", "other", "vocals")  # sigsep/sigsep-mus-db, musdb/configs/mus.yaml
_WHOLE = "it is no stem file, or cut: fetch it again"
_MISSING_FRAMES = 4096  # four frames of AAC: encoders differ in how they count their delay


def require() -> None:
    """Make sure that stem files can be decoded.

    Raises
    ------
    MissingExtraError
        If stempeg is not installed, or it does not find ffmpeg.
    """
    for program in ("ffmpeg", "ffprobe"):
        if not shutil.which(program):
            raise MissingExtraError(
                f"`.stem.mp4` is decoded by ffmpeg, and `{program}` is not on the PATH",
                "install ffmpeg with your system's packages, or fetch MUSDB18-HQ, whose WAVs need no ffmpeg",
            )
    try:
        import stempeg  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "`.stem.mp4` is read through stempeg, which is not installed", 'install it: pip install "sepbench[stems]"'
        ) from error


def decode(path: Path, stream: str) -> tuple[Any, int]:
    """Decode one stream of a stem file.

    Returns
    -------
    samples : ndarray of float32, shape (time, channel)
    sample_rate : int
        In Hz.

    Raises
    ------
    AudioError
        If it is no stem file, has not five streams, or ends before its end.
    MissingExtraError
    """
    require()
    import numpy as np
    import stempeg

    with _as_audio_errors(path):
        info = stempeg.Info(f"file:{path}")
    if info.nb_audio_streams != len(STREAMS):
        raise AudioError(f"{path}: has {info.nb_audio_streams} audio streams, not {len(STREAMS)}", _WHOLE)
    at = STREAMS.index(stream)
    with _as_audio_errors(path):
        index = info.audio_streams[at]["index"]
        samples, rate = stempeg.read_stems(f"file:{path}", stem_id=index, info=info, dtype=np.float32)
        promised = round(info.duration(at) * rate)
    if len(samples) < promised - _MISSING_FRAMES:  # stempeg does not look at how ffmpeg ended
        raise AudioError(f"{path}: ends after {len(samples)} of {promised} samples", _WHOLE)
    return samples, int(rate)


@contextlib.contextmanager
def _as_audio_errors(path: Path) -> Iterator[None]:
    """Say in our words what ffmpeg does not like; stempeg raises warnings for errors."""
    import ffmpeg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (ffmpeg.Error, Warning, KeyError, ValueError) as error:
            raise AudioError(f"{path}: can't be decoded by ffmpeg", _WHOLE) from error


@cache
def decoder() -> str:
    """Name the versions that made the samples."""
    import subprocess
    from importlib.metadata import version

    said = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=False).stdout.split()
    return f"aac ffmpeg {said[2] if len(said) > 2 else '?'}, stempeg {version('stempeg')}"
