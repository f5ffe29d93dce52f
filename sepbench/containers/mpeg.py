"""MPEG audio, MP3 above all: frames, and perhaps a count of them."""

from __future__ import annotations

from sepbench.containers.source import CUT, Promise, Source

__all__ = ["frame_at", "mpeg"]

# in kbit/s, by (MPEG version: 1, or 2 and 2.5; layer), from index 1 on
_BIT_RATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
# in Hz, by the two bits of the version
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_VERSION_1 = 3


def frame_at(head: bytes) -> tuple[int, int] | None:
    """Give the bytes and the samples of the frame with this header (ISO 11172-3, 2.4.1.3); nothing if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bit_rate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version not in _SAMPLE_RATES or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    bits_per_second = 1000 * _BIT_RATES[1 if version == _VERSION_1 else 2, layer][bit_rate - 1]
    sample_rate = _SAMPLE_RATES[version][rate]
    if layer == 1:
        return 4 * (12 * bits_per_second // sample_rate + padding), 384
    samples = 1152 if layer == 2 or version == _VERSION_1 else 576
    return samples // 8 * bits_per_second // sample_rate + padding, samples


def mpeg(source: Source, start: int) -> Promise:
    """Count the frames: libsndfile guesses the length of a variable bit rate without a Xing header, and cuts there."""
    data = source.whole()
    at, count, samples = start, 0, 0
    while frame := frame_at(data[at : at + 4]):
        length, samples = frame
        if at + length > len(data):
            source.refuse("ends within a frame", CUT)
        at, count = at + length, count + 1
    rest = data[at:]
    if rest.strip(b"\0") and rest[:3] not in (b"TAG", b"ID3") and rest[:8] not in (b"APETAGEX", b"LYRICSBE"):
        source.refuse(f"has {len(rest)} bytes from byte {at} on that belong to no MPEG frame")
    claimed = _xing_frames(data[start : start + 192])
    if claimed is not None:
        count -= 1  # the frame of the header itself is silent, and left out
        if count not in (claimed, claimed - 1):  # some encoders count it
            source.refuse(f"its header promises {claimed} MPEG frames, but {count} are there", CUT)
    # a Xing header may say how many samples at both ends are the encoder's own: up to 4095 at each
    return Promise(least=count * samples - (2 * 4096 if claimed is not None else samples), most=count * samples)


def _xing_frames(frame: bytes) -> int | None:
    """Read how many frames a Xing, Info or VBRI header counts."""
    for word, flags, place in ((b"Xing", 4, 8), (b"Info", 4, 8), (b"VBRI", 0, 14)):
        at = frame.find(word, 4)
        if at >= 0 and (not flags or frame[at + flags + 3] & 1):
            return int.from_bytes(frame[at + place : at + place + 4], "big")
    return None
