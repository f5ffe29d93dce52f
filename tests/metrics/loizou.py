"""The measures of Loizou's book written again, frame by frame and band by band, as slowly as the book has them."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import solve_toeplitz, toeplitz

CENTRES = [50, 120, 190, 260, 330, 400, 470, 540, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30, 1288.72, 1442.54,
           1610.70, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63]  # fmt: skip
WIDTHS = [70, 70, 70, 70, 70, 70, 70, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423, 153.823, 168.154,
          183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136]  # fmt: skip


def frames(signal, rate):
    length = round(0.03 * rate)
    hop = length // 4
    window = np.array([0.5 * (1 - math.cos(2 * math.pi * n / (length + 1))) for n in range(1, length + 1)])
    count = int(len(signal) / hop - length / hop)
    return [signal[k * hop : k * hop + length] * window for k in range(count)]


def both(reference, estimate, rate):
    return zip(frames(reference, rate), frames(estimate, rate), strict=True)


def trimmed(values):
    values = sorted(values)
    return float(np.mean(values[: math.floor(0.95 * len(values) + 0.5)]))


def segmental(reference, estimate, rate):
    values = [10 * math.log10((s @ s) / ((s - s_hat) @ (s - s_hat))) for s, s_hat in both(reference, estimate, rate)]
    return float(np.mean([min(max(value, -10), 35) for value in values]))


def predictor(frame, order):
    lags = np.correlate(frame, frame, "full")[len(frame) - 1 : len(frame) + order]
    return np.concatenate([[1], solve_toeplitz(lags[:-1], -lags[1:])]), toeplitz(lags)


def llr(reference, estimate, rate, order=16):
    values = []
    for s, s_hat in both(reference, estimate, rate):
        (a, matrix), (a_hat, _) = predictor(s, order), predictor(s_hat, order)
        values.append(math.log((a_hat @ matrix @ a_hat) / (a @ matrix @ a)))
    return trimmed(values)


def filters(rate):
    points = 2 ** math.ceil(math.log2(2 * round(0.03 * rate)))
    bins = points // 2
    rows = []
    for centre, width in zip(CENTRES, WIDTHS, strict=True):
        f0, bw = math.floor(centre / (rate / 2) * bins), width / (rate / 2) * bins
        row = [math.exp(-11 * ((j - f0) / bw) ** 2 + math.log(WIDTHS[0]) - math.log(width)) for j in range(bins)]
        rows.append([value if value > math.exp(-30 / (2 * 2.303)) else 0 for value in row])
    return np.array(rows), points


def peak(slopes, levels, band):
    n = band
    if slopes[n] > 0:
        while n < len(slopes) and slopes[n] > 0:
            n += 1
        return levels[n - 1]
    while n >= 0 and slopes[n] <= 0:
        n -= 1
    return levels[n + 1]


def weights(levels):
    slopes = np.diff(levels)
    return np.array(
        [20 / (20 + max(levels) - levels[k]) * 1 / (1 + peak(slopes, levels, k) - levels[k]) for k in range(24)]
    )


def wss(reference, estimate, rate):
    bands, points = filters(rate)
    values = []
    for pair in both(reference, estimate, rate):
        levels = [10 * np.log10(bands @ np.abs(np.fft.fft(frame, points)[: points // 2]) ** 2) for frame in pair]
        weight = (weights(levels[0]) + weights(levels[1])) / 2
        values.append(weight @ (np.diff(levels[0]) - np.diff(levels[1])) ** 2 / weight.sum())
    return trimmed(values)


def weighted_segmental(reference, estimate, rate):
    bands, points = filters(rate)
    values = []
    for pair in both(reference, estimate, rate):
        spectra = [np.abs(np.fft.fft(frame, points)[: points // 2]) for frame in pair]
        x, y = (bands @ (spectrum / spectrum.sum()) for spectrum in spectra)
        weight = x**0.2
        values.append(float(weight @ (10 * np.log10(x**2 / (x - y) ** 2)) / weight.sum()))
    return float(np.mean(np.clip(values, -10, 35)))
