"""What metrics cost on tensors, on the processor and on a GPU, and how far their values are from those of arrays.

    python benchmarks/tensors.py

Items are 4 s at 16 kHz, of two sources, that lie where they are scored; the song is stereo at 44.1 kHz, of four sources.
Each figure is the median of wall times, the device waited for. It needs numpy, scipy, torch and sepbench alone.
"""

import argparse
import statistics
import time
from functools import partial

import numpy as np
import torch

from sepbench import metrics


def items(count):
    """Make noise in syllables, steady noise, and estimates with leakage and artefacts, shape (item, source, time)."""
    draws, seconds = np.random.default_rng(0), np.arange(64000) / 16000
    syllables = np.clip(np.sin(2 * np.pi * 3 * seconds), 0, None) * (seconds % 1.7 < 1.4)
    references = 0.05 * draws.standard_normal((count, 2, 64000)) * np.stack([syllables, 0.3 + 0 * seconds])
    return references, references + 0.2 * references[:, ::-1] + 0.004 * draws.standard_normal(references.shape)


def song(length_s):
    draws = np.random.default_rng(1)
    references = 0.05 * draws.standard_normal((4, 2, length_s * 44100))
    return references, references + 0.2 * np.roll(references, 1, axis=0) + 0.01 * draws.standard_normal(
        references.shape
    )


def each(metric, references, estimates):
    return [metric(*pair)[:3] for pair in zip(references, estimates, strict=True)]


def timed(metric, signals, repeat, synchronize):
    """Give the values as an array, and the median time in seconds."""
    times = []
    for _ in range(repeat + 1):
        synchronize()
        start = time.perf_counter()
        found = metric(*signals)
        synchronize()
        times.append(time.perf_counter() - start)
    return flat(found), statistics.median(times[1:])


def flat(values):
    if isinstance(values, (list, tuple)):
        return np.concatenate([flat(value) for value in values])
    return np.asarray(values.cpu() if isinstance(values, torch.Tensor) else values, dtype=float).ravel()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=32, help="items (32)")
    parser.add_argument("--seconds", type=int, default=30, help="length of the song (30)")
    parser.add_argument("--repeat", type=int, default=5, help="repetitions (5)")
    options = parser.parse_args(arguments)
    some, long = items(options.items), song(options.seconds)
    jobs = {
        "SNR": (metrics.snr, some, options.items),
        "SI-SDR": (metrics.si_sdr, some, options.items),
        "STOI": (partial(metrics.stoi, sample_rate=16000), some, options.items),
        "ESTOI": (partial(metrics.estoi, sample_rate=16000), some, options.items),
        "SDR, SIR, SAR": (partial(each, metrics.bss_eval_sources), some, options.items),
        "BSS Eval v4, SDR alone": (partial(metrics.framewise_sdr, window=44100, hop=44100), long, 1),
        "BSS Eval v4": (partial(metrics.bss_eval_images, window=44100, hop=44100), long, 1),
    }
    device = "cuda" if torch.cuda.is_available() else "cpu"
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    where = torch.cuda.get_device_name() if device == "cuda" else "processor"
    print(
        f"| metric | arrays, ms each | float64 tensors, {where}, ms each | times | largest difference | with float32 tensors |"
    )
    print("|---" * 6 + "|")
    for name, (metric, signals, count) in jobs.items():
        expected, on_arrays = timed(metric, signals, options.repeat, lambda: None)
        differences = []
        for dtype in (torch.float64, torch.float32):
            tensors = [torch.as_tensor(signal, dtype=dtype, device=device) for signal in signals]
            found, taken = timed(metric, tensors, options.repeat, synchronize)
            both = np.isfinite(expected) & np.isfinite(found)
            differences.append(np.abs(found - expected)[both].max())
            if dtype == torch.float64:
                on_tensors = taken
        figures = (f"{1000 * seconds / count:.3g}" for seconds in (on_arrays, on_tensors))
        print(
            f"| {name} | {' | '.join(figures)} | {on_arrays / on_tensors:.1f} | {differences[0]:.1g} | {differences[1]:.1g} |"
        )


if __name__ == "__main__":
    main()
