"""A chain in the style of the DNS Challenge's synthesizer: segmental levels, a random level of the mixture, clip checks.

As there, recordings are decoded and resampled whole, arrays grow by `np.append`, and Python's own `any` and `max` go
over samples: this is what users of those scripts run. Left out, in its favour: reverberation, the activity detector,
and another try when a clip check fails. It hashes nothing, and its SNR is that of the segments it calls active, before
the noise is normalised.
"""

import librosa
import numpy as np
import soundfile as sf

RATE, LEVEL, CLIPPING = 16000, -25, 0.99
EPS = np.finfo(float).eps


def run(task, items, out):
    for kind in ("noisy", "clean", "noise"):
        (out / kind).mkdir(parents=True)
    draws = np.random.RandomState(0)
    for item in items:
        clean, noise = (build(task, kind, item) for kind in ("speech", "noise"))
        signals = mixed(clean, noise, item["snr_db"], draws.randint(-35, -15))
        for signal in signals:
            is_clipped(signal)
        for path, signal in zip(outputs(out, item, task), signals, strict=True):
            sf.write(path, signal, RATE)


def build(task, kind, item):
    audio, rate = sf.read(f"{task['recordings']}/{kind}/{item[kind]}.{task['source']}")
    if rate != RATE:
        audio = librosa.resample(audio, orig_sr=rate, target_sr=RATE)
    start = item[f"{kind}_start"]
    audio = audio[start : start + item["frames"]]
    is_clipped(audio)
    built = np.append(np.zeros(0), audio)
    return np.append(built, np.zeros(item["frames"] - len(built)))


def is_clipped(audio):
    return any(abs(audio) > CLIPPING)


def mixed(clean, noise, snr_db, level_db):
    clean, noise = clean / (max(abs(clean)) + EPS), noise / (max(abs(noise)) + EPS)
    clean_rms, noise_rms = active_rms(clean, noise)
    clean = clean * 10 ** (LEVEL / 20) / (clean_rms + EPS)
    noise = noise * 10 ** (LEVEL / 20) / (noise_rms + EPS)
    noise = noise * clean_rms / 10 ** (snr_db / 20) / (noise_rms + EPS)
    noisy = clean + noise
    scale = 10 ** (level_db / 20) / ((noisy**2).mean() ** 0.5 + EPS)
    signals = [signal * scale for signal in (noisy, clean, noise)]
    if is_clipped(signals[0]):
        peak = max(abs(signals[0])) / (CLIPPING - EPS)
        signals = [signal / peak for signal in signals]
    return signals


def active_rms(clean, noise):
    window, clean_active, noise_active = RATE // 10, [], []
    for start in range(0, len(noise), window):
        part = noise[start : start + window]
        if (part**2).mean() ** 0.5 > -50:  # an RMS against decibels, as published: every window is active
            noise_active = np.append(noise_active, part)
            clean_active = np.append(clean_active, clean[start : start + window])
    return [(active**2).mean() ** 0.5 for active in (clean_active, noise_active)]


def outputs(out, item, task):
    return [out / kind / f"{item['id']}.wav" for kind in ("noisy", "clean", "noise")]
