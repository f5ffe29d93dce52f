"""Training batches from `sepbench.Corpus`: whole batches where it makes them, else one example after the other."""

import inspect
from pathlib import Path

import numpy as np
import torch

import sepbench


def run(task, items, out):
    torch.set_num_threads(1)
    split = items[0]["id"].split("-")[0]
    options = {"on_the_fly": task["examples"] != "rendered"}
    if "cache" in inspect.signature(sepbench.Corpus).parameters:
        options["cache"] = Path(task["warm_cache"])
    corpus = sepbench.Corpus(Path(task["corpus"]), split=split, **options)
    order = np.random.default_rng(0).permutation(len(items)) % len(corpus)
    for start in range(0, len(order), task["batch"]):
        indices = order[start : start + task["batch"]].tolist()
        if task["examples"] == "batches":
            corpus.batch(indices)
        else:
            collated([corpus[index] for index in indices])


def collated(examples):
    """Do what a DataLoader's default does."""
    mixtures = torch.from_numpy(np.stack([example.mixture for example in examples]))
    names = examples[0].sources
    return mixtures, {name: torch.from_numpy(np.stack([e.sources[name] for e in examples])) for name in names}
