"""A script in the style of LibriMix: metadata from CSV, a loop over pandas rows, three writes, tables of SNRs.

As there, gains were computed when the metadata was made (from loudness, with pyloudnorm) and are only applied here;
sources are resampled with `scipy.signal.resample_poly`, in float32, and tables grow row by row. Unlike there, it reads
the excerpt and not the whole utterance, since this job is about excerpts. It does not look for clipping and hashes
nothing.
"""

import numpy as np
import pandas as pd
import soundfile as sf
from scipy.signal import resample_poly

RATE, EPS = 16000, 1e-10


def run(task, items, out):
    folders = {name: out / name for name in ("mix_single", "s1", "noise", "metadata")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    split = items[0]["id"].split("-")[0]
    metadata = pd.read_csv(f"{task['inputs']}/{split}.csv", engine="python", nrows=len(items))
    metrics = pd.DataFrame({"mixture_ID": [], "source_1_SNR": [], "noise_SNR": []})
    mixtures = pd.DataFrame({"mixture_ID": [], "mixture_path": [], "source_1_path": [], "noise_path": [], "length": []})
    for _, row in metadata.iterrows():
        signals = transformed(row, read(task, row))
        mixture = np.zeros_like(signals[0])
        for signal in signals:
            mixture += signal
        paths = [str(folders[name] / f"{row['mixture_ID']}.wav") for name in ("mix_single", "s1", "noise")]
        for path, signal in zip(paths, (mixture, *signals), strict=True):
            sf.write(path, signal, RATE)
        metrics.loc[len(metrics)] = [row["mixture_ID"], *(snr_db(signal, mixture - signal) for signal in signals)]
        mixtures.loc[len(mixtures)] = [row["mixture_ID"], *paths, len(mixture)]
    metrics.to_csv(folders["metadata"] / "metrics.csv", index=False)
    mixtures.to_csv(folders["metadata"] / "mixtures.csv", index=False)


def read(task, row):
    return {
        name: sf.read(
            f"{task['recordings']}/{row[f'{name}_path']}.{task['source']}", dtype="float32",
            start=int(row[f"{name}_start"]), stop=int(row[f"{name}_stop"]),
        )
        for name in ("source_1", "noise")
    }  # fmt: skip


def transformed(row, signals):
    gained = [(signal * row[f"{name}_gain"], rate) for name, (signal, rate) in signals.items()]
    resampled = [resample_poly(signal, RATE, rate) for signal, rate in gained]
    length = max(len(signal) for signal in resampled)
    return [np.pad(signal, (0, length - len(signal)), mode="constant") for signal in resampled]


def snr_db(x, y):
    return 10 * np.log10(np.mean(x**2) / (np.mean(y**2) + EPS) + EPS)


def outputs(out, item, task):
    return [out / name / f"{item['id']}.wav" for name in ("mix_single", "s1", "noise")]
