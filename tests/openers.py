"""Each export opened with the tool that it is for: the samples of every mixture and stem, as that tool gives them.

An opener takes the folder of an export, and gives float32 arrays of shape (channel, time) by mixture and stem.
"""

import gzip
import io
import json
import os
import tarfile
import warnings

import numpy as np
import soundfile

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is fetched
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


def samples_of(content):
    """Decode a file, or the bytes of one."""
    samples, _ = soundfile.read(
        io.BytesIO(content) if isinstance(content, bytes) else content, dtype="float32", always_2d=True
    )
    return samples.T


def huggingface(folder):
    return {
        (row["mixture_id"], name): samples_of(row[name]["bytes"])
        for dataset in hugging_face_dataset(folder).values()
        for row in dataset
        for name, feature in dataset.features.items()
        if type(feature).__name__ == "Audio" and row[name] is not None
    }


def hugging_face_dataset(folder):
    """Open the folder with `load_dataset`; audio stays coded, as decoding takes torchcodec and ffmpeg."""
    import datasets

    datasets.disable_progress_bars()
    found = datasets.load_dataset(str(folder), cache_dir=str(folder.parent / f"{folder.name}-cache"))
    audio = [name for name, one in found[next(iter(found))].features.items() if isinstance(one, datasets.Audio)]
    for name in audio:
        found = found.cast_column(name, datasets.Audio(decode=False))
    return found


def duckdb(folder):
    import duckdb

    with duckdb.connect(str(folder / "corpus.duckdb"), read_only=True) as database:
        rows = database.sql(
            "SELECT mixture_id, 'mixture', path FROM mixtures UNION ALL SELECT mixture_id, name, path FROM stems"
        ).fetchall()
    return {(mixture, name): samples_of(folder / path) for mixture, name, path in rows}


def lhotse(folder):
    from lhotse import CutSet

    found = {}
    for path in sorted(folder.glob("cuts_*.jsonl.gz")):
        for cut in CutSet.from_file(path):
            found[cut.id, "mixture"] = cut.load_audio()
            for key, one in cut.custom.items():
                if key.endswith("_recording"):
                    found[cut.id, one.id.removeprefix(f"{cut.id}.")] = getattr(cut, f"load_{key}")()
    return found


def kaldi(folder):
    found = {}
    for data in sorted((folder / "data").iterdir()):
        stems = json.loads((data / "stems.json").read_text())
        for table in data.glob("*.scp"):
            for line in table.read_text().splitlines():
                key, path = line.split(None, 1)
                name = "mixture" if table.stem == "wav" else os.path.splitext(os.path.basename(path))[0]
                assert table.stem == "wav" or name in stems[table.stem]
                found[key.split("-", 1)[1], name] = samples_of(path)
    return found


def webdataset(folder):
    import webdataset

    shards = json.loads((folder / "shards.json").read_text())
    found = {}
    for name, count in shards.items():
        samples = list(webdataset.WebDataset(str(folder / name), shardshuffle=False))
        assert len(samples) == count
        for sample in samples:
            row = json.loads(sample["json"])
            for stem in ("mixture", *(one["name"] for one in row["stems"])):
                (content,) = [content for key, content in sample.items() if key in (f"{stem}.flac", f"{stem}.wav")]
                found[row["mixture_id"], stem] = samples_of(content)
    return found


def croissant(folder):
    import mlcroissant

    found = {}
    for row in mlcroissant.Dataset(str(folder / "croissant.json")).records("mixtures"):
        for key, content in row.items():
            if isinstance(content, bytes) and content[:4] in (b"fLaC", b"RIFF"):
                found[row["mixtures/mixture_id"].decode(), key.removeprefix("mixtures/")] = samples_of(content)
    return found


def lines(path):
    """Read a compressed file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def members(path):
    with tarfile.open(path) as tar:
        return tar.getmembers()


def _patient(open_):
    """Let a tool warn of what it does itself."""

    def opened(folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return open_(folder)

    return opened


OPENERS = {one.__name__: _patient(one) for one in (croissant, duckdb, huggingface, kaldi, lhotse, webdataset)}


def assert_same_samples(found, corpus):
    """Compare what was opened with a corpus, to the last sample, and nothing more nor less."""
    expected = {}
    for example in corpus:
        expected[example.mixture_id, "mixture"] = example.mixture
        expected |= {(example.mixture_id, name): signal for name, signal in example.sources.items()}
    assert sorted(found) == sorted(expected)
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
