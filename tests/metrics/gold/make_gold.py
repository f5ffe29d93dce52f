"""Make the gold values: `python tests/metrics/gold/make_gold.py` writes gold.json beside itself.

The signals are integers, made of integers (splitmix64, shifts, sums), so they are the same everywhere. SNR, SD-SDR and
SI-SDR come from rational arithmetic. For BSS Eval the correlations are exact integers, the systems are solved by Cholesky
in extended precision (80 bits), and the energies of the remainders are differences of numbers with 19 digits.
"""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

LENGTH, TAPS = 48000, 512
HERE = Path(__file__).parent


def splitmix64(seed, count):
    """Give integers of 64 bits (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def noise(seed, bits):
    """Give white noise of so many bits."""
    return (splitmix64(seed, LENGTH) >> np.uint64(64 - bits)).astype(np.int64) - (1 << (bits - 1))


def smooth(signal, *taps):
    """Filter by integers, and give the scale back by a shift."""
    total = sum(
        tap * np.concatenate([np.zeros(delay, np.int64), signal[: LENGTH - delay]]) for delay, tap in enumerate(taps)
    )
    return total >> 3


def syllables(signal, period, pause):
    """Let a signal come and go in triangles, with pauses."""
    place = np.arange(LENGTH) % period
    envelope = np.minimum(place, period - place) * 256 // period
    return (signal * envelope * (np.arange(LENGTH) % (4 * period) >= pause)) >> 7


def signals():
    """Give two sources, and the estimates of the first one by name."""
    speech = syllables(smooth(noise(1, 14), 8, 11, 7, 2, -3, -4), 4800, 3000)
    other = smooth(noise(2, 13), 5, 9, 5, 1)
    late = np.concatenate([np.zeros(37, np.int64), speech[:-37]])
    return speech, other, {
        "noisy": speech + other + noise(3, 9),
        "leaky": (3 * speech + other) // 4 + noise(4, 8),
        "echoing": (speech + (late >> 1) + (other >> 5)) + noise(5, 5),
        "clipped": np.clip(speech, -2500, 2500) + (other >> 3),
        "clean": speech + (other >> 8) + noise(6, 2),
        "rounded mixture": (speech >> 1) + (other >> 1),  # nothing but rounding is an artefact
    }  # fmt: skip


def exact_ratios(s, e):
    """Give SNR, SD-SDR and SI-SDR as ratios of energies."""
    energy, product = int(s @ s), int(s @ e)
    error, total = int((e - s) @ (e - s)), int(e @ e)
    projected = Fraction(product * product, energy)
    return {"snr": Fraction(energy, error), "sd_sdr": projected / error, "si_sdr": projected / (total - projected)}


def decibels(ratio):
    return float(10 * (np.log10(np.longdouble(ratio.numerator)) - np.log10(np.longdouble(ratio.denominator))))


def lagged(a, b):
    """Correlate exactly, ``sum_t a[t] b[t + lag]``."""
    return np.array([int(a[: LENGTH - lag] @ b[lag:]) for lag in range(TAPS)])


def gram(sources):
    """Write out the matrix of all inner products of delayed sources."""
    rows = []
    for one in sources:
        row = []
        for two in sources:
            ahead, behind = lagged(one, two), lagged(two, one)
            both = np.concatenate([behind[:0:-1], ahead])  # lags from 1 - TAPS on
            row.append(both[np.arange(TAPS)[:, None] - np.arange(TAPS) + TAPS - 1])
        rows.append(np.hstack(row))
    return np.vstack(rows).astype(np.longdouble)


def cholesky(matrix):
    lower = matrix.copy()
    for k in range(len(lower)):
        lower[k:, k] /= np.sqrt(lower[k, k])
        lower[k + 1 :, k + 1 :] -= np.outer(lower[k + 1 :, k], lower[k + 1 :, k])
    return np.tril(lower)


def projected_energy(lower, right):
    """Give ``right' matrix^-1 right``: the squares of what forward substitution gives."""
    rest, total = right.astype(np.longdouble), np.longdouble(0)
    for k in range(len(rest)):
        value = rest[k] / lower[k, k]
        rest[k + 1 :] -= value * lower[k + 1 :, k]
        total += value * value
    return total


def bss_eval(speech, other, estimates):
    """Give SDR, SIR and SAR of every estimate."""
    alone, together = cholesky(gram([speech])), cholesky(gram([speech, other]))
    found = {}
    for name, estimate in estimates.items():
        own = lagged(speech, estimate)
        target, every = (
            projected_energy(alone, own),
            projected_energy(together, np.concatenate([own, lagged(other, estimate)])),
        )
        total = np.longdouble(int(estimate @ estimate))
        pairs = {"sdr": (target, total - target), "sir": (target, every - target), "sar": (every, total - every)}
        found[name] = {key: float(10 * np.log10(a / b)) for key, (a, b) in pairs.items()}
    return found


def main():
    speech, other, estimates = signals()
    values = bss_eval(speech, other, estimates)
    for name, estimate in estimates.items():
        values[name] |= {key: decibels(ratio) for key, ratio in exact_ratios(speech, estimate).items()}
    (HERE / "gold.json").write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
