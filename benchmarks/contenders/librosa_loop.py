"""The loop that most people write: `librosa.load` both recordings, scale the noise, write three files.

It does not look for clipping, hashes nothing, keeps no table, and leaves the rounding to the file library.
With ``excerpt`` it decodes and resamples the four seconds that it needs, not the whole recordings.
"""

import librosa
import numpy as np
import soundfile

RATE = 16000


def run(task, items, out):
    for kind in ("mixture", "speech", "noise"):
        (out / kind).mkdir(parents=True)
    for item in items:
        length = item["frames"]
        speech = load(task, "speech", item, item["speech_frames"])
        noise = load(task, "noise", item, length)
        speech = librosa.util.fix_length(speech, size=length)
        if len(noise) < length:
            noise = np.tile(noise, -(-length // len(noise)))[:length]
        noise = noise * np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-item["snr_db"] / 20)
        for path, signal in zip(outputs(out, item, task), (speech + noise, speech, noise), strict=True):
            soundfile.write(path, signal, RATE)


def load(task, kind, item, frames):
    path, start = f"{task['recordings']}/{kind}/{item[kind]}.{task['source']}", item[f"{kind}_start"]
    if task["excerpt"]:
        return librosa.load(path, sr=RATE, offset=start / RATE, duration=frames / RATE)[0][:frames]
    return librosa.load(path, sr=RATE)[0][start : start + frames]


def outputs(out, item, task):
    return [out / kind / f"{item['id']}.{task['container']}" for kind in ("mixture", "speech", "noise")]
