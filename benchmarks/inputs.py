"""What the contenders of `mixing.py` read: recordings, the list of mixtures, catalogs and metadata tables.

The recordings are cut from the speech and the noises that come with sepbench, at random but always the same, and
brought to the rates of the public sets: 24 kHz for speech (3 to 15 s), 44.1 or 48 kHz for noises (5 to 10 s), all mono
and 16 bits. The mixtures are those that sepbench plans, so every contender mixes the same excerpts.

Run by `mixing.py` in a process of its own: ``python inputs.py FOLDER SETTINGS``, settings as JSON.
"""

import inspect
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pyloudnorm
import soundfile
import soxr

import sepbench
from sepbench import catalog, parquet
from sepbench.tour import RECORDINGS

RATE, SECONDS = 16000, 4
SPEECH_RATE, NOISE_RATES = 24000, (44100, 48000)
WARM = 8  # recordings of each kind that only warm-up runs touch
FORMATS = ("wav", "flac")
RECIPE = """\
name = "benchmark"
version = 1
sample_rate = 16000
length = 4.0

[splits]
train = 1
valid = 1

[[sources]]
name = "speech"
role = "target"
set = "folder-speech"
splits = { train = ["main"], valid = ["warm"] }
when_short = "pad"
min_level_dbfs = -50

[[sources]]
name = "noise"
role = "noise"
set = "folder-noise"
splits = { train = ["main"], valid = ["warm"] }
when_short = "loop"

[levels]
snr_db = { uniform = [-5.0, 15.0] }
"""


def make(folder, settings):
    """Make everything, unless it is there already; a folder is good for the settings that it was made with."""
    done = folder / "inputs.json"
    if not (done.exists() and json.loads(done.read_text())["settings"] == settings):
        shutil.rmtree(folder)
        folder.mkdir()
        make_recordings(folder, settings)
        (folder / "recipe.toml").write_text(RECIPE)
        make_catalogs(folder, workers=2 if settings["speech"] > 64 else 0)
        plan_items(folder, settings)
        make_metadata(folder, settings["metadata"])
        make_wide_catalogs(folder, settings["wide"])
        make_corpus(folder, settings["corpus"])
    done.write_text(json.dumps({"settings": settings, "features": features()}))


def features():
    """Say what this sepbench can do, so that the script runs what exists."""
    return {
        "pack": "pack" in inspect.signature(sepbench.mix).parameters,
        "batch": hasattr(sepbench.Corpus, "batch"),
    }


def make_recordings(folder, settings):
    talk, street = pool("speech", "*.flac"), pool("noise", "*.wav")
    for split, speeches, noises in (
        ("main", settings["speech"], settings["noise"]),
        ("warm", WARM, WARM),
    ):
        for number in range(speeches):
            draws = np.random.default_rng([0, number, split == "warm"])
            cut = excerpt(talk, draws.uniform(3, 15), draws)
            write_all(folder, f"speech/{split}/{number:05d}", cut, SPEECH_RATE, draws)
        for number in range(noises):
            draws = np.random.default_rng([1, number, split == "warm"])
            cut = excerpt(street, draws.uniform(5, 10), draws)
            write_all(folder, f"noise/{split}/{number:05d}", cut, NOISE_RATES[number % 2], draws)
    for number in range(settings["index_files"]):
        draws = np.random.default_rng([2, number])
        write(folder / f"ten/{number:05d}.flac", excerpt(talk, 10, draws), RATE, draws)


def pool(kind, pattern):
    """Join the bundled recordings of a kind, all at 16 kHz."""
    return np.concatenate([soundfile.read(path)[0] for path in sorted((RECORDINGS / kind).rglob(pattern))])


def excerpt(signal, seconds, draws):
    start = draws.integers(len(signal))
    cut = np.take(signal, range(start, start + round(seconds * RATE)), mode="wrap")
    return cut * draws.uniform(0.3, 0.9) / np.abs(cut).max()


def write_all(folder, name, signal, sample_rate, draws):
    resampled = soxr.resample(signal, RATE, sample_rate)
    state = draws.bit_generator.state
    for container in FORMATS:
        draws.bit_generator.state = state  # the same samples in both containers
        write(folder / container / f"{name}.{container}", resampled, sample_rate, draws)
    write(folder / "at16k" / f"{name}.wav", signal, RATE, draws)


def write(path, signal, sample_rate, draws):
    """Write 16 bits over a noise floor at -76 dBFS: upsampled audio would be empty, and cheap to encode, at the top."""
    path.parent.mkdir(parents=True, exist_ok=True)
    floored = np.clip(signal + draws.normal(0, 10 ** (-76 / 20), len(signal)), -0.99, 0.99)
    soundfile.write(path, np.rint(floored * 32768).astype(np.int16), sample_rate)


def make_catalogs(folder, workers):
    for container in FORMATS:
        for kind in ("speech", "noise"):
            sepbench.index(
                "folder", folder / container / kind, folder / f"{container}-{kind}.parquet",
                options={"pattern": "(?P<split>main|warm)/.*"}, workers=workers,
            )  # fmt: skip


def plan_items(folder, settings):
    """Let sepbench plan, and write the mixtures down for everybody."""
    planned = sepbench.mix(
        folder / "recipe.toml", folder / "plan", plan_only=True,
        catalogs={f"folder-{kind}": folder / f"wav-{kind}.parquet" for kind in ("speech", "noise")},
        mixtures={"train": settings["items"], "valid": settings["warm_items"]},
    )  # fmt: skip
    items = {"train": [], "valid": []}
    for row in planned:
        speech, noise = row["sources"]
        items[row["split"]].append(
            {
                "id": row["mixture_id"], "frames": row["frames"], "snr_db": row["snr_mdb"] / 1000,
                "speech": speech["item"], "speech_start": speech["start"], "speech_frames": speech["frames"],
                "noise": noise["item"], "noise_start": noise["start"],
            }
        )  # fmt: skip
    (folder / "items.json").write_text(json.dumps(items))


def make_metadata(folder, count):
    """Write what a LibriMix-style script is given: excerpts and gains, one CSV file per split."""
    import pandas

    for split, items in json.loads((folder / "items.json").read_text()).items():
        pandas.DataFrame([gains(folder, item) for item in items[:count]]).to_csv(folder / f"{split}.csv", index=False)


def gains(folder, item):
    """Bring speech to -30 LUFS, and the noise below it by the SNR."""
    row = {"mixture_ID": item["id"]}
    for column, kind, frames, wanted in (
        ("source_1", "speech", item["speech_frames"], -30.0),
        ("noise", "noise", item["frames"], -30.0 - item["snr_db"]),
    ):
        path = folder / "wav" / kind / f"{item[kind]}.wav"
        rate = soundfile.info(path).samplerate
        start, stop = (frame * rate // RATE for frame in (item[f"{kind}_start"], item[f"{kind}_start"] + frames))
        loudness = pyloudnorm.Meter(rate).integrated_loudness(soundfile.read(path, start=start, stop=stop)[0])
        row |= {
            f"{column}_path": f"{kind}/{item[kind]}", f"{column}_start": start, f"{column}_stop": stop,
            f"{column}_gain": 10 ** ((wanted - loudness) / 20),
        }  # fmt: skip
    return row


def make_corpus(folder, count):
    """Render the corpus that training batches are read from."""
    sepbench.mix(
        folder / "recipe.toml", folder / "corpus", container="wav", mixtures={"train": count, "valid": WARM}, workers=0,
        catalogs={f"folder-{kind}": folder / f"wav-{kind}.parquet" for kind in ("speech", "noise")},
    )  # fmt: skip


def make_wide_catalogs(folder, recordings):
    """Multiply the catalogs, so that a plan of a million rows deals from sets as large as the public ones."""
    for kind, share in (("speech", 0.8), ("noise", 0.2)):
        rows = [row for row in catalog.read(folder / f"wav-{kind}.parquet").to_pylist() if row["split"] == "main"]
        many = [rows[number % len(rows)] | renamed(number) for number in range(round(recordings * share))]
        table = catalog.pa.Table.from_pylist(many, schema=catalog.SCHEMA)
        parquet.write_parquet(
            table, folder / f"wide-{kind}.parquet", kind="catalog", version=catalog.VERSION,
            metadata={"root_hint": str(folder)},
        )  # fmt: skip


def renamed(number):
    name = f"main/{number:06d}"
    return {"item": name, "path": f"{name}.wav", "group": name}


if __name__ == "__main__":
    make(Path(sys.argv[1]), json.loads(sys.argv[2]))
