"""Print what the exact core computes, as hashes: one line for each quantity and one over all.

It runs wherever numpy and scipy do, and imports nothing else. Two environments that print the same last line make the
same corpora from the same recordings::

    python tests/everywhere/exact_core.py                                      # print
    python tests/everywhere/exact_core.py --compare tests/frozen/exact-core-v1.txt   # and say what differs

Lines that start with ``#`` say what ran, and are not compared.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import math
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sepbench import level
from sepbench.audio import FULL_SCALE_BITS, Ints, Pcm, pcm_sha256
from sepbench.draws import draws_for
from sepbench.level import Gain
from sepbench.mixdown import Prepared, mix_down
from sepbench.resample import coefficients, resample

RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
PAIRS = tuple(itertools.permutations(RATES, 2))
ALL = "all"


def noise(seed: int, channels: int, frames: int, bits: int = 24) -> Ints:
    """White noise over the whole range of `bits`: SplitMix64, so that no library's generator has a say."""
    with np.errstate(over="ignore"):
        state = np.arange(1, channels * frames + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words = (state ^ (state >> np.uint64(31))) >> np.uint64(64 - bits)
    return (words.astype(np.int64) - (1 << (bits - 1))).astype(np.int32).reshape(channels, frames)


def sha256(*parts: object) -> str:
    """Hash arrays as little-endian integers, and anything else by what it prints."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.astype("<i8").tobytes() if isinstance(part, np.ndarray) else f"{part!r}\n".encode())
    return digest.hexdigest()


def draws() -> str:
    found: list[object] = []
    for split, purpose, epoch in itertools.product(("train", "test"), ("snr", "ein Café", ""), (0, 3)):
        stream = draws_for("demo", 1, 7, split, f"{split}-000017", purpose, epoch)
        found += [stream.below(n) for n in (1, 2, 3, 10, 1 << 32, (1 << 63) + 1, 1 << 64)]
        found += [stream.between(-5000, 15000) for _ in range(20)]
        found += [stream.choice(["speech", "noise", "music"]), *stream.shuffled([f"Straße {k}" for k in range(50)])]
    return sha256(*found)


def filters() -> str:
    return sha256(*(coefficients(*_ratio(*pair)) for pair in PAIRS))


def resampled(from_rate: int) -> str:
    """Bring noise, steps at full scale and a single sample from one rate to all others."""
    steps = np.where(np.arange(1500) // 50 % 2, 1 << 23, -1 << 23).astype(np.int32)[None]
    signals = (noise(from_rate, 2, 3001), steps, np.full((1, 1), 5_000_001, np.int32))
    return sha256(*(resample(signal, *pair) for pair in PAIRS if pair[0] == from_rate for signal in signals))


def energies() -> str:
    loudest = np.full((1, 200_000), (1 << 25) - 1, np.int32)
    return sha256(*map(level.energy, (loudest, noise(1, 2, 30_001), noise(2, 1, 7, bits=16), loudest[:, :0])))


def gains() -> str:
    found: list[object] = []
    for target, other in ((12345678901234567890, 987654321098765), (1, 1), (3, 1 << 70), (10**18 + 9, 7)):
        for mdb in range(-60_000, 60_001, 1237):
            for_snr = Gain.of(level.gain_for_snr(target, other, mdb))
            for_level = Gain.of(level.gain_for_level(target, 64_000, mdb, FULL_SCALE_BITS))
            found += [for_snr, for_level, for_snr * for_level, float(for_snr).hex(), level.amplitude(mdb)]
    found += [level.gain_for_peak(limit, peak) for limit in (32766, 8388605) for peak in (1.5, 40000.25, 12345678.75)]
    return sha256(*found)


def ratios() -> str:
    """Ratios of energies, which say how near a mixture is to its wanted SNR."""
    return sha256(*(level.ratio_mdb(*pair) for pair in itertools.product((1, 3, 10**18 + 9, 1 << 80), repeat=2)))


def mixes(bits: int) -> str:
    """Mix three sources, two of them under one name: ratios of the sum and of sources, levels, gains against clipping."""
    found: list[object] = []
    loud = [Prepared(noise(3, 2, 4000, bits=16).astype(np.int16), 16), Prepared(noise(4, 2, 4000, bits=10), 16)]
    loud.append(Prepared(noise(5, 2, 4000, bits=22), 24))
    for level_mdbfs, snr_mdb in itertools.product((None, -30_000, -6_000), range(-21_000, 21_001, 3_499)):
        for of_the_sum, sources in itertools.product((True, False), (loud, loud[::-1])):
            found += mixed(row_of(bits, level_mdbfs, snr_mdb, of_the_sum), sources)
    # small samples and gains of nearly 1: rounding moves the ratio, which is then touched up
    quiet = [Prepared(noise(seed, 2, 4000, bits=6), bits) for seed in (6, 7, 8)]
    for snr_mdb in range(-3_040, -2_979, 5):
        found += mixed(row_of(bits, None, snr_mdb, of_the_sum=True), quiet)
    return sha256(*found)


def mixed(row: dict[str, Any], sources: list[Prepared]) -> list[object]:
    """Mix a row, once with the gains that it wants and once with those that were found."""
    made = mix_down(row, sources)
    again = mix_down(row, sources, frozen=(made.gains, made.common))
    signals = (*made.stems.values(), made.mixture, again.mixture)
    hashes = [pcm_sha256(signal, 16000, row["bits"]) for signal in signals]
    return [made.gains, made.common, made.energies, made.rest_energy, made.peaks, *hashes]


def row_of(bits: int, level_mdbfs: int | None, snr_mdb: int, of_the_sum: bool) -> dict[str, Any]:
    """Make what the arithmetic reads of a manifest's row."""
    speech = {"name": "speech", "role": "target", "level_mdbfs": level_mdbfs, "snr_mdb": None}
    noises = [
        {"name": "noise", "role": "noise", "level_mdbfs": None, "snr_mdb": None if of_the_sum else snr_mdb + place}
        for place in (0, 1001)
    ]
    wanted = snr_mdb if of_the_sum else None
    return {"sources": [speech, *noises], "bits": bits, "snr_mdb": wanted, "clipping": "scale", "peak_mdbfs": -100}


def recordings() -> str:
    """The hashes under which recordings are named."""
    sixteen, full = Pcm(noise(6, 1, 999, bits=16), 16000, 16), Pcm(noise(7, 2, 999), 44100, 24)
    return sha256(sixteen.sha256(), full.sha256(), sixteen.at_24_bits(), full.at_24_bits())


QUANTITIES: dict[str, Callable[[], str]] = {
    "draws": draws,
    "filters": filters,
    **{f"resampled from {rate} Hz": lambda rate=rate: resampled(rate) for rate in RATES},
    "energies": energies,
    "gains": gains,
    "ratios": ratios,
    "mixes at 16 bits": lambda: mixes(16),
    "mixes at 24 bits": lambda: mixes(24),
    "recordings": recordings,
}


def digests() -> dict[str, str]:
    """Give the hash of each quantity, and one over all of them."""
    found = {name: compute() for name, compute in QUANTITIES.items()}
    return found | {ALL: sha256(*found.items())}


def environment() -> Iterator[str]:
    """Say what runs: versions, processor, and the switches that libraries say are in effect."""
    yield f"python {platform.python_version()}, numpy {np.__version__}, scipy {version('scipy')}"
    yield f"machine {platform.machine()}, libc {' '.join(platform.libc_ver())}"
    yield f"numpy uses {' '.join(features_in_use()) or 'its baseline'}"
    yield f"numpy's BLAS uses {blas_core() or 'an unknown core'}"
    yield f"libm gives {sha256(*(math.sin(0.7310585 * k).hex() for k in range(20_000)))[:12]}"


def features_in_use() -> list[str]:
    """The processor features that numpy dispatches to, by the names that NPY_DISABLE_CPU_FEATURES takes."""
    umath = _umath()
    return [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name)]


def _umath() -> object:
    try:
        from numpy._core import _multiarray_umath  # numpy 2
    except ImportError:
        from numpy.core import _multiarray_umath
    return _multiarray_umath


def blas_core() -> str:
    """The kernels that OpenBLAS has chosen, where numpy brings its own OpenBLAS."""
    libraries = Path(np.__file__).parent.parent / "numpy.libs"
    for path in sorted(libraries.glob("*openblas*")):
        library = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename"):
            if hasattr(library, name):
                getattr(library, name).restype = ctypes.c_char_p
                return str(getattr(library, name)().decode())
    return ""


def _ratio(from_rate: int, to_rate: int) -> tuple[int, int]:
    common = int(np.gcd(from_rate, to_rate))
    return to_rate // common, from_rate // common


def main(arguments: list[str]) -> int:
    for line in environment():
        sys.stdout.write(f"# {line}\n")
    found = digests()
    sys.stdout.write("".join(f"{digest}  {name}\n" for name, digest in found.items()))
    if arguments[:1] != ["--compare"]:
        return 0
    lines = Path(arguments[1]).read_text(encoding="utf-8").splitlines()
    wanted = {name: digest for digest, name in (line.split("  ", 1) for line in lines if not line.startswith("#"))}
    different = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    sys.stdout.write(f"# {'differs: ' + ', '.join(different) if different else 'all as frozen'}\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
