"""`sepbench.mix`, from reading the catalogs to writing the manifest.

Besides what others do it hashes every source, stem and mixture, measures SNR, active SNR, loudness and peak of what came
out, resamples and scales exactly, and writes each file under a temporary name first.
"""

import inspect
from pathlib import Path

import pyarrow.compute as pc

import sepbench


def run(task, items, out):
    split = items[0]["id"].split("-")[0]
    folder = Path(task["inputs"])
    manifest = sepbench.mix(
        folder / "recipe.toml",
        out,
        catalogs={f"folder-{kind}": folder / f"{task['source']}-{kind}.parquet" for kind in ("speech", "noise")},
        mixtures={split: len(items)},
        container=task["container"],
        workers=task["workers"],
        **pack_options(task, split),
    )
    statuses = set(pc.struct_field(manifest.table["proof"], "status").to_pylist())
    assert len(manifest) == len(items)
    assert statuses == {"ok"}


def pack_options(task, split):
    """Say where the pack is, if this sepbench knows packs; a cold one is cold for the job that counts."""
    if "pack" not in inspect.signature(sepbench.mix).parameters:
        return {}
    if task["pack"] == "streamed":
        return {"pack": "never"}
    return {"pack": "always", "cache": Path(task[f"{task['pack']}_cache"] if split == "train" else task["warm_cache"])}


def outputs(out, item, task):
    folder = out / "audio" / item["id"].split("-")[0] / item["id"]
    return [folder / f"{name}.{task['container']}" for name in ("mixture", "speech", "noise")]
