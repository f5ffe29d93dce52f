"""Recordings as they turn up: cut, damaged, mislabelled, hostile, or merely odd. Each is made here, from nothing.

`AUDIO` is the table: the file's name, how it is made, the status that its row in a catalog gets, and what the reason
says. `python tests/bad_audio.py FOLDER` makes them all.
"""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

RATE = 16000


class Input(NamedTuple):
    """One file: `make` is called with its path; `words` is a regular expression for the reason."""

    name: str
    make: Callable[[Path], object]
    status: str
    words: str = ""


def tone(frames: int = 4000, channels: int = 1, level: float = 0.5) -> np.ndarray:
    """Give a tone with a little noise, so that no codec finds it trivial; shape (time, channel)."""
    noise = np.random.default_rng(7).standard_normal((frames, channels))
    return level * np.sin(np.arange(frames) * 0.05)[:, None] + 0.02 * noise


def encoded(kind: str, subtype: str, *, signal: np.ndarray | None = None, rate: int = RATE, **options: object) -> bytes:
    """Encode a tone."""
    buffer = io.BytesIO()
    samples = tone() if signal is None else signal
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype, **options)
    return buffer.getvalue()


def file(kind: str, subtype: str, **options: object) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(encoded(kind, subtype, **options))


def content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


# --- WAV, byte by byte -----------------------------------------------------------------------------------------------

SAMPLES = (tone() * 32767).astype("<i2").tobytes()


def chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if length is None else length) + data


def fmt(tag: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, block: int | None = None, more: bytes = b"") -> bytes:  # fmt: skip
    block = channels * bits // 8 if block is None else block
    words = struct.pack("<HHIIHH", tag, channels & 0xFFFF, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    return chunk(b"fmt ", words + more)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def wav(
    *, data: bytes = SAMPLES, length: int | None = None, size: int | None = None, tail: bytes = b"", **header: int | bytes
) -> Callable[[Path], object]:  # fmt: skip
    """Give a maker of a WAV; `length` and `size` are what its header claims."""
    return content(riff(fmt(**header), chunk(b"data", data, length), tail, size=size))


def adpcm(tag: int, block: int, per_block: int) -> Callable[[Path], object]:
    """Give a maker of an ADPCM file whose block and samples per block are free."""
    more = struct.pack("<HH", 2, per_block)
    if tag == 2:
        more = struct.pack("<HHH", 32, per_block, 7) + struct.pack(
            "<14h", 256, 0, 512, -256, 0, 0, 192, 64, 240, 0, 460, -208, 392, -232
        )
    return wav(tag=tag, bits=4, block=block, more=more, data=bytes(4096))


def floats(*values: float) -> Callable[[Path], object]:
    signal = np.concatenate([tone()[:, 0], values])
    return file("WAV", "FLOAT", signal=signal)


def rf64(claimed: int | None = None) -> bytes:
    """Write an RF64: the length of its samples stands in `ds64`."""
    data = len(SAMPLES) if claimed is None else claimed
    sizes = chunk(b"ds64", struct.pack("<QQQI", 4 + 36 + 24 + 8 + len(SAMPLES), data, data // 2, 0))
    return b"RF64\xff\xff\xff\xffWAVE" + sizes + fmt() + chunk(b"data", SAMPLES, 0xFFFFFFFF)


def sparse(path: Path) -> None:
    """Write 3 GiB of silence that take no room."""
    head = riff(fmt(), chunk(b"data", b"", 3 << 30), size=(3 << 30) + 36)
    with path.open("wb") as out:
        out.write(head)
        out.truncate(len(head) + (3 << 30))


# --- FLAC ------------------------------------------------------------------------------------------------------------


def flac(subtype: str = "PCM_16") -> bytes:
    return encoded("FLAC", subtype)


def with_total(frames: int) -> bytes:
    """Change how many frames a FLAC claims."""
    data = bytearray(flac())
    word = int.from_bytes(data[18:26], "big") >> 36 << 36 | frames
    data[18:26] = word.to_bytes(8, "big")
    return bytes(data)


def with_rate(rate: int) -> bytes:
    data = bytearray(flac())
    word = int.from_bytes(data[18:26], "big") & (1 << 44) - 1 | rate << 44
    data[18:26] = word.to_bytes(8, "big")
    return bytes(data)


def flipped(data: bytes, at: int) -> bytes:
    """Turn one bit; a negative place counts from the end."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def without_md5(data: bytes) -> bytes:
    return data[:26] + bytes(16) + data[42:]


def crc(data: bytes, bits: int, polynomial: int) -> int:
    """Compute the check of a FLAC header (8 bits) or frame (16 bits)."""
    value, top = 0, 1 << bits
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value << 1 & top else 0)
            value &= top - 1
    return value


def bomb(seconds: int) -> bytes:
    """Write hours of silence as FLAC: some 14 bytes for each 4 seconds."""
    size = 65535
    count = seconds * RATE // size
    stream = bytearray(flac()[:42])
    stream[4] |= 0x80  # the last block of metadata
    stream[8:12] = struct.pack(">HH", size, size)
    word = int.from_bytes(stream[18:26], "big") >> 36 << 36 | count * size
    stream[18:26] = word.to_bytes(8, "big")
    stream[26:42] = bytes(16)
    for number in range(count):
        head = b"\xff\xf8\x70\x00" + chr(number).encode("utf-8", "surrogatepass") + struct.pack(">H", size - 1)
        frame = head + bytes([crc(head, 8, 0x07)]) + b"\x00\x00\x00"
        stream += frame + struct.pack(">H", crc(frame, 16, 0x8005))
    return bytes(stream)


ID3 = b"ID3\x03\0\0\0\0\x01\x00" + bytes(128)


# --- Ogg and MP3 -----------------------------------------------------------------------------------------------------


def ogg(subtype: str = "VORBIS") -> bytes:
    return encoded("OGG", subtype, signal=tone(20000))


def until_last_page(data: bytes) -> bytes:
    return data[: data.rfind(b"OggS")]


def mp3(mode: str = "CONSTANT") -> bytes:
    # a loud and a quiet half, so that a variable bit rate varies
    signal = np.concatenate([tone(20000), np.zeros((20000, 1))])
    return encoded("MP3", "MPEG_LAYER_III", signal=signal, bitrate_mode=mode, compression_level=0.5)


def without_xing(data: bytes) -> bytes:
    """Drop the first frame, which only counts the others."""
    return data[data.find(data[:2], 4) :]


# --- what is no regular file -----------------------------------------------------------------------------------------


def unreadable(path: Path) -> None:
    path.write_bytes(riff(fmt(), chunk(b"data", SAMPLES)))
    path.chmod(0)


def stereo(left: float, right: float) -> np.ndarray:
    return tone() * np.array([[left, right]])


def au(cut: int = 0) -> bytes:
    data = encoded("AU", "PCM_16")
    return data[: len(data) - cut]


def sphere(cut: int = 0) -> bytes:
    data = encoded("NIST", "PCM_16")
    return data[: len(data) - cut]


def aiff(cut: int = 0, subtype: str = "PCM_16") -> bytes:
    data = encoded("AIFF", subtype)
    return data[: len(data) - cut]


EXTENSIBLE = struct.pack("<HHIH", 22, 16, 0, 1) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
BAD_PEAK = chunk(b"PEAK", b"\xff" * 20)
A_LIST = chunk(b"LIST", b"INFOISFT\x04\0\0\0none")

AUDIO = [
    # what is no recording at all
    Input("empty.wav", content(b""), "unreadable", "is empty"),
    Input("one-byte.wav", content(b"R"), "unreadable", "ends within its header"),
    Input("riff-only.wav", content(b"RIFF"), "unreadable", "ends within its header"),
    Input("twelve-bytes.wav", content(b"RIFF\x04\0\0\0WAVE"), "unreadable", "has no `data` chunk"),
    Input("text.wav", content(b"once upon a time, there was a file"), "unreadable", "is no recording that is read"),
    Input("page.wav", content(b"\n<!DOCTYPE html><html>404"), "unreadable", "is a web page"),
    Input("zip.wav", content(b"PK\x03\x04" + bytes(99)), "unreadable", "is an archive"),
    Input("flac-gzip.flac", content(b"\x1f\x8b\x08" + bytes(99)), "unreadable", "is an archive"),
    Input("lfs.wav", content(b"version https://git-lfs.github.com/spec/v1\noid"), "unreadable", "Git LFS pointer"),
    Input("zeros.wav", content(bytes(4096)), "unreadable", "begins with zeros"),
    Input("random.wav", content(np.random.default_rng(3).bytes(4096)), "unreadable", "is no recording that is read"),
    Input("matlab.wav", file("MAT5", "PCM_16"), "unreadable", "is no recording that is read"),
    Input("caf.wav", file("CAF", "PCM_16"), "unreadable", "is no recording that is read"),
    Input("avi.wav", content(b"RIFF\x10\0\0\0AVI LIST" + bytes(40)), "unreadable", "not WAVE"),
    Input("iff.aiff", content(b"FORM\0\0\0\x108SVXVHDR" + bytes(40)), "unreadable", "another kind than AIFF"),
    # WAV: lengths
    Input("no-data.wav", content(riff(fmt())), "unreadable", "has no `data` chunk"),
    Input("header-only.wav", wav(data=b""), "unreadable", "holds no samples"),
    Input("half.wav", wav(data=SAMPLES[:4000], length=8000), "unreadable", "promises 8000 bytes .* 4000 are there"),
    Input("cut-by-one.wav", wav(data=SAMPLES[:-1], length=8000), "unreadable", "promises 8000 bytes .* 7999"),
    Input("killed-writer.wav", wav(length=0, size=36), "unreadable", "promises no samples, but 8000 bytes follow"),
    Input("never-closed.wav", wav(length=0, size=8), "unreadable", "promises no samples, but 8000 bytes follow"),
    Input("streamed.wav", wav(length=0xFFFFFFFF, size=0xFFFFFFFF), "ok"),
    Input("streamed-by-sox.wav", wav(length=0x7FFFF000, size=0x7FFFF024), "ok"),
    Input("streamed-signed.wav", wav(length=0x7FFFFFFF, size=0x7FFFFFFF), "ok"),
    Input("streamed-cut.wav", wav(data=SAMPLES[:-1], length=0xFFFFFFFF), "unreadable", "ends within a block of 2"),
    Input("data-too-short.wav", wav(length=1000), "unreadable", "behind its samples that belong to no chunk"),
    Input("all-too-short.wav", wav(length=1000, size=1036), "unreadable", "behind its samples that belong to no chunk"),
    Input("data-too-long.wav", wav(length=9000), "unreadable", "promises 9000 bytes"),
    Input("riff-size-0.wav", wav(size=0), "ok"),
    Input("riff-size-small.wav", wav(size=100), "ok"),
    Input("riff-size-huge.wav", wav(size=0x7FFFFFFF), "ok"),
    Input("odd-unpadded.wav", wav(data=SAMPLES[:4001], bits=8, tail=A_LIST), "ok"),
    Input("tag-behind.wav", content(riff(fmt(), chunk(b"data", SAMPLES)) + b"TAG" + bytes(125)), "ok"),
    Input("list-behind.wav", wav(tail=A_LIST), "ok"),
    Input("list-behind-cut.wav", wav(tail=A_LIST[:-3]), "unreadable", "ends within its chunk b'LIST'"),
    # WAV: what the header says
    Input("channels-0.wav", wav(channels=0, block=0), "unreadable", "contradicts itself"),
    Input("channels-1024.wav", wav(channels=1024), "unreadable", "1024 channels"),
    Input("channels-65535.wav", wav(channels=65535), "unreadable", "65535 channels"),
    Input("rate-0.wav", wav(rate=0), "unreadable", "rate of 0 Hz|can't be decoded"),
    Input("rate-1.wav", wav(rate=1), "unreadable", "rate of 1 Hz"),
    Input("rate-1e9.wav", wav(rate=10**9), "unreadable", "rate of 1000000000 Hz"),
    Input("rate-max.wav", wav(rate=0xFFFFFFFF), "unreadable", "a rate of -?|can't be decoded"),
    Input("bits-0.wav", wav(bits=0, block=2), "unreadable", "has 0 bits"),
    Input("bits-7.wav", wav(bits=7, block=1), "unreadable", "has 7 bits"),
    Input("bits-12.wav", wav(bits=12, block=2), "unreadable", "has 12 bits"),
    Input("bits-64.wav", wav(bits=64), "unreadable", "has 64 bits"),
    Input("tag-0.wav", wav(tag=0), "unreadable", "an unknown format .tag 0x0000"),
    Input("mp3-within.wav", wav(tag=0x55, bits=0, block=1, data=mp3()), "unreadable", "coded as MP3"),
    Input("ac3-within.wav", wav(tag=0x2000, bits=0, block=1), "unreadable", "coded as AC-3"),
    Input("ms-adpcm-block.wav", adpcm(2, 8, 60000), "unreadable", "60000 ADPCM samples in blocks of 8"),
    Input("ima-block.wav", adpcm(0x11, 4, 505), "unreadable", "505 ADPCM samples in blocks of 4"),
    Input("ima-samples.wav", adpcm(0x11, 256, 65535), "unreadable", "65535 ADPCM samples in blocks of 256"),
    Input("block-0.wav", wav(block=0), "unreadable", "contradicts itself"),
    Input("block-3.wav", wav(block=3), "unreadable", "contradicts itself"),
    Input("no-fmt.wav", content(riff(chunk(b"data", SAMPLES))), "unreadable", "no `fmt ` chunk before"),
    Input("short-fmt.wav", content(riff(chunk(b"fmt ", bytes(8)), chunk(b"data", SAMPLES))), "unreadable", "too short"),
    Input("two-data.wav", wav(tail=chunk(b"data", SAMPLES)), "unreadable", "two `data` chunks"),
    Input("list-1gb.wav", content(riff(fmt(), chunk(b"LIST", b"", 1 << 30), chunk(b"data", SAMPLES))), "unreadable", "b'LIST' claims 1073741824 bytes"),
    Input("bad-peak.wav", content(riff(fmt(), BAD_PEAK, chunk(b"data", SAMPLES))), "unreadable", "Bad 'PEAK' chunk"),
    Input("many-chunks.wav", content(riff(fmt(), chunk(b"junk", b"") * 10000, chunk(b"data", SAMPLES))), "unreadable", "more than 4096 chunks"),
    Input("sparse.wav", sparse, "unreadable", "6.0 GiB decoded, more than the limit of 2 GiB"),
    # WAV: samples
    Input("nan.wav", floats(np.nan), "unreadable", "not finite"),
    Input("inf.wav", floats(-np.inf), "unreadable", "not finite"),
    Input("huge.wav", floats(1e30), "unreadable", r"reach 1e\+30, more than 12 dB"),
    Input("over.wav", floats(15.6, -15.6), "unreadable", "reach 15.6, more than 12 dB"),
    Input("denormal.wav", file("WAV", "FLOAT", signal=np.full(4000, 1e-42)), "silent", "all samples are zero"),
    Input("silent.wav", file("WAV", "PCM_16", signal=np.zeros(4000)), "silent", "all samples are zero"),
    Input("dc.wav", file("WAV", "PCM_16", signal=np.full(4000, 0.5)), "ok"),
    Input("one-sample.wav", file("WAV", "PCM_16", signal=np.array([0.5])), "ok"),
    Input("clipped.wav", file("WAV", "PCM_16", signal=np.sign(tone())), "ok"),
    Input("one-silent-channel.wav", file("WAV", "PCM_16", signal=stereo(1, 0)), "ok"),
    Input("anti-phase.wav", file("WAV", "PCM_16", signal=stereo(1, -1)), "ok"),
    # odd, and good
    Input("six-channels.wav", file("WAV", "PCM_16", signal=tone(channels=6)), "ok"),
    Input("24-bit-96k.wav", file("WAV", "PCM_24", rate=96000), "ok"),
    Input("8-bit-11k.wav", file("WAV", "PCM_U8", rate=11025), "ok"),
    Input("ms-adpcm.wav", file("WAV", "MS_ADPCM"), "ok"),
    Input("ima-adpcm.wav", file("WAV", "IMA_ADPCM"), "ok"),
    Input("mu-law.wav", file("WAV", "ULAW"), "ok"),
    Input("a-law.wav", file("WAV", "ALAW"), "ok"),
    Input("float64-192k.wav", file("WAV", "DOUBLE", rate=192000), "ok"),
    Input("extensible.wav", wav(tag=0xFFFE, more=EXTENSIBLE), "ok"),
    Input("big-endian.wav", file("WAV", "PCM_24", endian="BIG"), "ok"),
    Input("rf64.wav", content(rf64()), "ok"),
    Input("rf64-cut.wav", content(rf64(1 << 33)), "unreadable", "promises 8589934592 bytes"),
    Input("aiff-within.wav", content(aiff()), "ok"),
    Input("aiff-float.aiff", content(aiff(subtype="FLOAT")), "ok"),
    Input("aiff-cut.aiff", content(aiff(cut=1001)), "unreadable", "promises 8000 bytes"),
    Input("au.wav", content(au()), "ok"),
    Input("au-cut.wav", content(au(cut=100)), "unreadable", "promises 8000 bytes"),
    Input("sphere.wav", content(sphere()), "ok"),
    Input("sphere-cut.wav", content(sphere(cut=100)), "unreadable", "promises 8000 bytes"),
    # FLAC
    Input("flac-in-wav.wav", content(flac()), "ok"),
    Input("flac-s24.flac", content(flac("PCM_24")), "ok"),
    Input("flac-s8.flac", content(flac("PCM_S8")), "ok"),
    Input("flac-cut.flac", content(flac()[:3000]), "unreadable", "can't be decoded|could be decoded"),
    Input("flac-header-only.flac", content(flac()[:42]), "unreadable", "can't be decoded|could be decoded"),
    Input("flac-magic-only.flac", content(b"fLaC"), "unreadable", "ends within its header"),
    Input("flac-flipped.flac", content(flipped(flac(), 3000)), "unreadable", "can't be decoded|MD5"),
    Input("flac-total-0.flac", content(with_total(0)), "unreadable", "does not say how long it is"),
    Input("flac-total-max.flac", content(with_total((1 << 36) - 1)), "unreadable", "more than the limit of 2 GiB"),
    Input("flac-total-too-long.flac", content(with_total(10**6)), "unreadable", "can't be decoded|could be decoded"),
    Input("flac-total-too-short.flac", content(with_total(100)), "unreadable", "do not fit the MD5"),
    Input("flac-rate-0.flac", content(with_rate(0)), "unreadable", "can't be decoded|rate of 0"),
    Input("flac-rate-max.flac", content(with_rate((1 << 20) - 1)), "unreadable", "rate of 1048575"),
    Input("flac-md5-wrong.flac", content(flipped(flac(), 30)), "unreadable", "do not fit the MD5"),
    Input("flac-md5-wrong-24.flac", content(flipped(flac("PCM_24"), 30)), "unreadable", "do not fit the MD5"),
    Input("flac-md5-wrong-8.flac", content(flipped(flac("PCM_S8"), 30)), "unreadable", "do not fit the MD5"),
    Input("flac-md5-unset.flac", content(without_md5(flac())), "ok"),
    Input("flac-garbage-behind.flac", content(flac() + b"garbage!" * 50), "ok"),
    Input("flac-id3-in-front.flac", content(ID3 + flac()), "ok"),
    Input("flac-ten-hours.flac", lambda path: path.write_bytes(bomb(36000)), "unreadable", "2.1 GiB decoded, more than"),
    # Ogg and MP3
    Input("ogg-vorbis.ogg", content(ogg()), "ok"),
    Input("ogg-opus.ogg", content(ogg("OPUS")), "ok"),
    Input("ogg-cut.ogg", content(ogg()[:-100]), "unreadable", "ends within a page"),
    Input("ogg-last-page-gone.ogg", content(until_last_page(ogg())), "unreadable", "has no last page"),
    Input("ogg-flipped.ogg", content(flipped(ogg(), -100)), "unreadable", "does not fit its checksum"),
    Input("ogg-garbage-behind.ogg", content(ogg() + b"garbage!"), "unreadable", "belong to no page"),
    Input("mp3-mpeg.mp3", content(mp3()), "ok"),
    Input("mp3-id3-in-front.mp3", content(ID3 + mp3()), "ok"),
    Input("mp3-no-xing.mp3", content(without_xing(mp3())), "ok"),
    Input("mp3-no-xing-variable.mp3", content(without_xing(mp3("VARIABLE"))), "unreadable", "holds about 41472 frames, of which 12096"),
    Input("mp3-cut.mp3", content(mp3()[:-1000]), "unreadable", "ends within a frame"),
    Input("mp3-frames-gone.mp3", content(mp3()[:3600]), "unreadable", "promises 72 MPEG frames, but 9"),
    Input("mp3-two-in-one.mp3", content(mp3() * 2), "unreadable", "promises .* MPEG frames"),
    Input("mp3-noise.mp3", content(b"\xff\xfb\x90\x00" + np.random.default_rng(5).bytes(5000)), "unreadable", "belong to no MPEG frame"),
    Input("mp3-id3-only.mp3", content(ID3), "unreadable", "holds a tag and nothing after it"),
    Input("mp3-id3-huge.mp3", content(b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + mp3()), "unreadable", "a tag and nothing after it"),
    # what is no regular file, and names
    Input("folder.wav", lambda path: path.mkdir(), "absent"),
    Input("loop.wav", lambda path: path.symlink_to(path.name), "unreadable", "levels of symbolic links"),
    Input("dangling.wav", lambda path: path.symlink_to("nowhere"), "unreadable", "No such file"),
    Input("link.wav", lambda path: path.symlink_to("good-1.wav"), "ok"),
    Input("pipe.wav", os.mkfifo, "unreadable", "not a regular file"),
    Input("mode-000.wav", unreadable, "unreadable", "Permission denied"),
    Input("new\nline.wav", file("WAV", "PCM_16"), "unreadable", "control character"),
    Input("\x1b[31mred.wav", file("WAV", "PCM_16"), "unreadable", "control character"),
    Input("-rf.wav", file("WAV", "PCM_16"), "ok"),
    Input("ünïcödé 🎻.wav", file("WAV", "PCM_16"), "ok"),
    Input("  .wav", file("WAV", "PCM_16"), "ok"),
    Input("long-name-" + 240 * "x" + ".wav", file("WAV", "PCM_16"), "ok"),
]  # fmt: skip

GOOD = ("good-1.wav", "good-2.wav")


def make(folder: Path) -> Path:
    """Make them all, and two good ones, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(GOOD):
        soundfile.write(folder / name, tone(8000, level=0.2 + 0.2 * number), RATE)
    for one in AUDIO:
        one.make(folder / one.name)
    return folder


if __name__ == "__main__":
    make(Path(sys.argv[1]))
