"""Make what the transforms gave on their first day, `transforms-v1.json`, anew: only for a transform that is new.

Run as ``PYTHONPATH=tests python tests/frozen/make_transforms.py``. What is there stays: a transform that gives other samples gets
another name. Of exact transforms the hash of all samples is kept; of the others a stretch of samples, and what made them.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from sepbench import shelf, transforms
from sepbench.transforms.keyed import words

HERE = Path(__file__).parent
FROZEN = HERE / "transforms-v1.json"
RATE, FRAMES, SEED = 16000, 8000, 20240501
SHOWN = slice(5000, 5048)
MORE = {
    "clip": [{"level_dbfs": -6.5}],
    "compress_dynamics": [{"threshold_dbfs": -30.0, "ratio": 2.5}],
    "pitch_shift": [{"semitones": -3.0}, {"semitones": 4.0}],
    "normalise": [{"peak_dbfs": -3.2}],
    "packet_loss": [{"rate": 0.45, "longest_burst": 1}],
    "time_stretch": [{"rate": 0.8}, {"rate": 1.25}],
}


def stimulus():
    """Give two channels of integers over 2^23, of uneven level, the same on every machine."""
    steps = (words(SEED, 2 * FRAMES) >> np.uint64(42)).astype(np.int64) - (1 << 21)  # 22 bits
    swell = np.abs(np.arange(FRAMES) % 4000 - 2000) + 50
    return steps.reshape(2, FRAMES) * swell // 2050 / 2**23


def response():
    """Give an impulse response with its direct sound at 37."""
    steps = (words(SEED, 1600, stream=1) >> np.uint64(42)).astype(np.int64) - (1 << 21)
    tail = steps * np.arange(1600, 0, -1) // 6400 / 2**23
    tail[:37] /= 16
    tail[37] = 0.75
    return tail[None]


def cases():
    """Give (transform, settings) of all that is frozen: the defaults, each word, and some numbers."""
    for name in shelf.names("transforms"):
        transform = transforms.load(name)
        choices = [
            {key: word} for key, one in transform.parameters.items() for word in one.choices if word != one.default
        ]
        for settings in ({}, *choices, *MORE.get(name, ())):
            yield transform, settings


def made(transform, settings):
    """Apply a transform to the stimulus."""
    kinds = {key: one.kind for key, one in transform.parameters.items()}
    seeds = {key: SEED for key, kind in kinds.items() if kind == "seed"}
    recordings = {key: response() for key, kind in kinds.items() if kind == "recording"}
    return transform.apply(stimulus(), RATE, transform.planned(**seeds, **settings), recordings)


def digest(samples):
    """Hash samples."""
    return hashlib.sha256(samples.astype("<f8").tobytes()).hexdigest()


def title(transform, settings):
    """Name a case."""
    return " ".join([transform.name, *(f"{key}={value}" for key, value in settings.items())])


def frozen():
    """Give what is frozen, by the names of the cases."""
    return json.loads(FROZEN.read_text(encoding="utf-8")) if FROZEN.exists() else {}


def main() -> None:
    kept = frozen()
    for transform, settings in cases():
        samples = made(transform, settings)
        if transform.exact:
            entry = {"sha256": digest(samples)}
        else:
            entry = {"stage": transform.stage(), "samples": [round(value, 9) for value in samples[0, SHOWN].tolist()]}
        kept.setdefault(title(transform, settings), entry)
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(kept.items())]
    FROZEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
