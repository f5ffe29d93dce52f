"""Codecs: encoded and decoded in memory by libsndfile's own encoders, which keep the length and take their delay out."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np

from sepbench.errors import MissingExtraError, SignalError
from sepbench.transforms.bandwidth import converted
from sepbench.transforms.packages import made_by
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["G711", "MP3", "OPUS", "VORBIS", "g711", "mp3", "opus", "vorbis"]


class _Codec(NamedTuple):
    """How libsndfile calls a codec, and the sample rates in Hz that it takes; none: all."""

    name: str
    container: str
    subtype: str
    rates: tuple[int, ...] = ()


_MP3 = _Codec("mp3", "MP3", "MPEG_LAYER_III", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000))
_VORBIS = _Codec("vorbis", "OGG", "VORBIS")
_OPUS = _Codec("opus", "OGG", "OPUS", (8000, 12000, 16000, 24000, 48000))
_OPUS_KBPS = 6.0, 256.0  # of each channel, at libsndfile's compression levels 1 and 0


def mp3(samples: Floats, sample_rate: int, *, quality: float) -> Floats:
    """Encode as MP3 with a variable bit rate, and decode.

    Parameters
    ----------
    quality : float
        LAME's ``-V``, from 0 (best) to 9.
    """
    return _coded(_MP3, samples, sample_rate, quality / 10)


def vorbis(samples: Floats, sample_rate: int, *, quality: float) -> Floats:
    """Encode as Ogg Vorbis, and decode.

    Parameters
    ----------
    quality : float
        ``oggenc -q``, from 0 to 10 (best).
    """
    return _coded(_VORBIS, samples, sample_rate, 1 - quality / 10)


def opus(samples: Floats, sample_rate: int, *, bitrate_kbps: float) -> Floats:
    """Encode as Opus, and decode.

    Parameters
    ----------
    bitrate_kbps : float
        Of each channel, variable around it.
    """
    low, high = _OPUS_KBPS
    return _coded(_OPUS, samples, sample_rate, 1 - (bitrate_kbps - low) / (high - low))


def g711(samples: Floats, sample_rate: int, *, law: str) -> Floats:
    """Encode as 8-bit µ-law or A-law PCM, at the signal's own rate, and decode.

    Parameters
    ----------
    law : {"mu", "a"}
    """
    # we quantise, not libsndfile: it floors
    quantised = np.rint(np.clip(samples * 32768, -32768, 32767)).astype(np.int16)
    stored = io.BytesIO()
    import soundfile

    soundfile.write(stored, quantised.T, sample_rate, "ULAW" if law == "mu" else "ALAW", format="WAV")
    stored.seek(0)
    decoded, _ = soundfile.read(stored, dtype="int16", always_2d=True)
    return np.asarray(decoded.T / 32768)


def _coded(codec: _Codec, samples: Floats, sample_rate: int, level: float) -> Floats:
    """Encode and decode, at the lowest rate of the codec that loses nothing, or its highest."""
    fitting = (rate for rate in codec.rates if rate >= sample_rate)
    rate = next(fitting, codec.rates[-1] if codec.rates else sample_rate)
    stored = _encoded(codec, converted(samples, sample_rate, rate, "soxr_vhq"), rate, level)
    return converted(_decoded(stored), rate, sample_rate, "soxr_vhq", frames=samples.shape[1])


def _encoded(codec: _Codec, samples: Floats, sample_rate: int, level: float) -> io.BytesIO:
    import soundfile

    if samples.shape[0] > 2:
        raise SignalError(
            f"{codec.name}: expected one or two channels, got {samples.shape[0]}", "code pairs of channels"
        )
    stored, layout = io.BytesIO(), (sample_rate, samples.shape[0], codec.subtype)
    try:
        file = soundfile.SoundFile(stored, "w", *layout, format=codec.container, compression_level=level)
    except TypeError as error:  # before 0.13 there was no level
        raise MissingExtraError(
            f"{codec.name}: needs soundfile 0.13 or newer", 'pip install "soundfile>=0.13"'
        ) from error
    with file:
        file.write(samples.T)
    return stored


def _decoded(stored: io.BytesIO) -> Floats:
    import soundfile

    stored.seek(0)
    decoded, _ = soundfile.read(stored, dtype="float64", always_2d=True)
    made: Floats = decoded.T
    return made


def _library() -> str:
    import soundfile

    return f"libsndfile {soundfile.__libsndfile_version__}"


def _library_and_resampler() -> str:
    return f"{_library()}, {made_by('soxr')()}"


MP3 = Transform(
    name="mp3",
    title="MP3",
    definition="MPEG layer III at a variable bit rate (LAME), decoded again (mpg123); length and alignment are kept. A rate that MP3 does not have goes "
    "through the next higher one, or 48 kHz.",
    reference="ISO/IEC 11172-3 and 13818-3; LAME and mpg123 in libsndfile.",
    parameters={"quality": Parameter("As LAME's -V: 0 is the best, 9 the smallest.", "", 0, 9, 5.0)},
    function=mp3,
    stage=_library_and_resampler,
)
VORBIS = Transform(
    name="vorbis",
    title="Ogg Vorbis",
    definition="Vorbis at a variable bit rate, decoded again; length and alignment are kept.",
    reference="Vorbis I specification, Xiph.Org, 2020; libvorbis in libsndfile.",
    parameters={"quality": Parameter("As oggenc's -q: 10 is the best, 0 the smallest.", "", 0, 10, 3.0)},
    function=vorbis,
    stage=_library,
)
OPUS = Transform(
    name="opus",
    title="Opus",
    definition="Opus at a variable bit rate around `bitrate_kbps` for each channel, decoded again; length and alignment are kept. A rate that Opus "
    "does not have goes through the next higher one, or 48 kHz.",
    reference="RFC 6716, Definition of the Opus audio codec, 2012; libopus in libsndfile.",
    parameters={"bitrate_kbps": Parameter("Bit rate of each channel.", "kbit/s", 6, 256, 24.0)},
    function=opus,
    stage=_library_and_resampler,
)
G711 = Transform(
    name="g711",
    title="G.711",
    definition="Rounded to 16 bits, coded as 8-bit µ-law or A-law and decoded, at the corpus's rate: put `resample` to 8 kHz before it for a telephone.",
    reference="ITU-T G.711, Pulse code modulation of voice frequencies, 1988; libsndfile.",
    parameters={"law": Parameter("The companding law.", default="mu", choices=("mu", "a"), kind="word")},
    function=g711,
    stage=_library,
    exact=True,
)
