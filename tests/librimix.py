"""LibriMix in small, and its script once more: an oracle that shares nothing with `sepbench.renderings`.

The oracle follows ``create_librimix_from_metadata.py`` of github.com/JorisCos/LibriMix step by step, through soundfile and scipy.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import soundfile
import trees
from scipy.signal import resample_poly

from sepbench import catalog, recipe

SETS = ("librispeech", "wham-noise")
SPEECH_S = (1.3, 2.1004, 1.75, 1.0, 2.5, 1.1, 1.9001, 1.6)
NOISES = [f"tt/n{n}_0.5_x_-0.5.wav" for n in range(4)]
NOISE_S = (3.0, 1.2001, 1.0001, 1.05)  # the second to the fourth have to be repeated, once or more often


def make(root: Path) -> dict[str, Path]:
    """Write talkers, noises and lists below a folder; give the place of each set, and of the lists as `librimix`."""
    speech, noise = root / "LibriSpeech", root / "wham_noise"
    utterances = [f"test-clean/{n}/7/{n}-7-0000.flac" for n in range(10, 18)]
    for name, seconds in zip(utterances, SPEECH_S, strict=True):
        trees.audio(speech, name, seconds=seconds)
    for name, seconds in zip(NOISES, NOISE_S, strict=True):
        trees.audio(noise, name, seconds=seconds, channels=2)
    return _listed(root, utterances)


def make_of(root: Path, utterances: list[Path], long_noise: Path) -> dict[str, Path]:
    """Do the same with recordings that are there: eight of LibriSpeech, and a long noise at 16 kHz."""
    names = ["/".join(path.parts[-4:]) for path in utterances]
    for name, path in zip(names, utterances, strict=True):
        (root / "LibriSpeech" / name).parent.mkdir(parents=True)
        shutil.copy(path, root / "LibriSpeech" / name)
    samples, rate = soundfile.read(long_noise, dtype="int16")
    (root / "wham_noise" / "tt").mkdir(parents=True)
    for at, (name, seconds) in enumerate(zip(NOISES, (12, 5.3, 4.0001, 2.5), strict=True)):
        cut = samples[at * rate : at * rate + round(seconds * rate)]
        soundfile.write(root / "wham_noise" / name, np.stack([cut, cut[::-1]], axis=1), rate)
    return _listed(root, names)


def _listed(root: Path, utterances: list[str]) -> dict[str, Path]:
    speech, noise, noises = root / "LibriSpeech", root / "wham_noise", NOISES
    trees.text(
        noise, "metadata/noise_meta_tt.csv",
        "utterance_id,Noise Band,File ID,L to R Width (cm),Reverberation Level,Location ID,Location Day ID",
        *(f"{name[3:]},1,f{n},16,low,1,1" for n, name in enumerate(noises)),
    )  # fmt: skip
    draws = np.random.default_rng(5)
    for talkers in (2, 3):
        rows = []
        for n in range(4):
            heard = [utterances[(2 * n + k) % 8] for k in range(talkers)]
            gains = [repr(float(gain)) for gain in draws.uniform(0.2, 0.45, talkers + 1)]
            paths = [*heard, noises[n]]
            name = "_".join(Path(path).stem for path in heard)
            rows.append([name, *(word for pair in zip(paths, gains, strict=True) for word in pair)])
        write_list(root, talkers, rows)
    return {"librispeech": speech, "wham-noise": noise, "librimix": root / "lists"}


def list_path(root: Path, talkers: int) -> Path:
    return root / "lists" / f"metadata/Libri{talkers}Mix/libri{talkers}mix_test-clean.csv"


def write_list(root: Path, talkers: int, rows: list[list[str]], header: list[str] | None = None) -> Path:
    path = list_path(root, talkers)
    path.parent.mkdir(parents=True, exist_ok=True)
    who = [f"source_{n}" for n in range(1, talkers + 1)] + ["noise"]
    columns = header or ["mixture_ID", *(f"{one}_{what}" for one in who for what in ("path", "gain"))]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def index(root: Path, places: dict[str, Path]) -> dict[str, Path]:
    catalogs = {name: root / f"{name}.parquet" for name in SETS}
    for name, path in catalogs.items():
        catalog.index(name, places[name], path, workers=0)
    return catalogs


def small(name: str, mixtures: int = 4) -> recipe.Recipe:
    """Give a recipe of the shelf for the small lists: their test split alone, whatever the lists hash to."""
    content = recipe.load(name).model_dump(exclude_defaults=True)
    content["splits"] = {"test": mixtures}
    del content["listed"]["sha256"]
    return recipe.parse(content)


def by_script(
    places: dict[str, Path], talkers: int, rate: int, mode: str, out: Path
) -> dict[str, dict[str, np.ndarray]]:
    """Give what the script writes, as int16: for each mixture its s1 …, noise, mix_clean, mix_both and mix_single."""
    written = {}
    with list_path(places["librimix"].parent, talkers).open() as file:
        for row in csv.DictReader(file):
            speech = [
                soundfile.read(places["librispeech"] / row[f"source_{n}_path"], dtype="float32")[0]
                for n in range(1, talkers + 1)
            ]
            longest = max(map(len, speech))
            noise = soundfile.read(places["wham-noise"] / row["noise_path"], dtype="float32", stop=longest)[0][:, 0]
            sources = [*speech, extend(noise, longest)]
            gains = [float(row[f"source_{n}_gain"]) for n in range(1, talkers + 1)] + [float(row["noise_gain"])]
            sources = [resample_poly(one * gain, rate, 16000) for one, gain in zip(sources, gains, strict=True)]
            lengths = [len(one) for one in sources]
            if mode == "min":
                sources = [one[: min(lengths)] for one in sources]
            else:
                sources = [np.pad(one, (0, max(lengths) - len(one))) for one in sources]
            mixes = {"mix_clean": sources[:-1], "mix_both": sources, "mix_single": [sources[0], sources[-1]]}
            files = {f"s{n}": one for n, one in enumerate(sources[:-1], 1)} | {"noise": sources[-1]}
            for name, parts in mixes.items():
                files[name] = np.zeros_like(parts[0])
                for part in parts:
                    files[name] += part
            written[row["mixture_ID"]] = {name: through_file(one, rate, out) for name, one in files.items()}
    return written


def extend(noise: np.ndarray, longest: int) -> np.ndarray:
    window = np.hanning(16001)
    rising, falling = window[:8001], window[8000::-1]
    extended = noise
    while len(extended) < longest:
        crossed = extended[-8001:] * falling + noise[:8001] * rising
        extended = np.concatenate((extended[:-8001], crossed, noise[8001:]))
    return extended[:longest]


def through_file(samples: np.ndarray, rate: int, out: Path) -> np.ndarray:
    path = out / "one.wav"
    soundfile.write(path, samples, rate)
    return soundfile.read(path, dtype="int16")[0]
