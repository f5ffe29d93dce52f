"""Training a baseline: from its description and a corpus to a folder with weights, log and card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import sepbench
from sepbench import storage
from sepbench.corpus import Corpus
from sepbench.errors import UsageError
from sepbench.models.baseline import TRAINING, WEIGHTS
from sepbench.models.config import CONFIG, BaselineConfig, read_config
from sepbench.models.device import usable_device
from sepbench.shelf import find
from sepbench.training import checkpoint
from sepbench.training.card import CARD, card
from sepbench.training.session import Session

__all__ = ["train"]


def train(
    baseline: Path | str,
    corpus: Path | str,
    out: Path | str,
    *,
    steps: int | None = None,
    seed: int = 0,
    device: str | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Train a baseline on a corpus.

    The state is written at every validation; the same call goes on from there, and ends with the same weights as a
    training that was not interrupted. A training that is done is not done again.

    Parameters
    ----------
    baseline : path or str
        Name of a baseline on the shelf, or a folder with a ``config.toml``.
    corpus : path
        Folder of a corpus with the split `train`, and best also `valid`.
    out : path
        The folder that becomes a baseline: description, weights, ``training.json``, log, and the skeleton of a card.
    steps : int, optional
        Instead of those of the description.
    seed : int
        Of the first weights and the batches.
    device : str, optional
        As PyTorch names it; the first GPU if there is one, else the processor.
    workers : int
        Threads that mix batches ahead.
    progress : callable, optional
        Called as ``progress(done, total)`` with steps.

    Returns
    -------
    dict
        What ``training.json`` holds.

    Raises
    ------
    UsageError
        If the corpus has no rows to train on, or another sample rate than the baseline.
    PlaceError
        If `out` holds another training.
    """
    folder, out = find("baselines", str(baseline)), Path(out)
    config = read_config(folder)
    if steps is not None:
        config = config.model_copy(update={"training": config.training.model_copy(update={"steps": steps})})
    corpora = {split: _open(corpus, split, config) for split in ("train", "valid")}
    identity = {
        "corpus_hash": corpora["train"].corpus_hash,
        "seed": seed,
        "steps": config.training.steps,
        "config": config.model_dump(mode="json"),
    }
    with storage.locked(out):
        checkpoint.refuse_another(out, folder, identity)
        if (out / TRAINING).is_file() and (out / WEIGHTS).is_file():
            found: dict[str, Any] = json.loads((out / TRAINING).read_text(encoding="utf-8"))
            return found
        if folder.resolve() != out.resolve():
            shutil.copyfile(folder / CONFIG, out / CONFIG)
        session = Session(config, seed, usable_device(device), identity)
        session.resume(out)
        session.run(corpora, out, workers, progress)
        report = _report(config, corpora, session)
        session.save_weights(out / WEIGHTS, report)
        storage.write_text(out / TRAINING, json.dumps(report, indent=1, sort_keys=True) + "\n")
        if not (out / CARD).exists():
            storage.write_text(out / CARD, card(config, report))
        (out / checkpoint.STATE).unlink(missing_ok=True)
    return report


def _open(path: Path | str, split: str, config: BaselineConfig) -> Any:
    corpus = Corpus(path, split=split)
    if split == "train" and not len(corpus):
        raise UsageError(
            f"{corpus.name}: has no rows of the split `train` to train `{config.name}` on", "mix one that has it"
        )
    rates = {row["sample_rate"] for row in corpus.manifest}
    if rates - {config.sample_rate}:
        raise UsageError(
            f"{corpus.name}: its sample rate is {rates.pop()} Hz, but `{config.name}` works at {config.sample_rate} Hz",
            "mix the corpus at the baseline's rate",
        )
    return corpus


def _report(config: BaselineConfig, corpora: dict[str, Any], session: Session) -> dict[str, Any]:
    name = corpora["train"].name
    rows = [row for corpus in corpora.values() for row in corpus.manifest]
    return {
        "baseline": config.name,
        "command": f"sepbench train {config.name} --corpus {name} --out {config.name} --seed {session.seed}",
        "corpus": name,
        "corpus_hash": corpora["train"].corpus_hash,
        "device": _device_name(session.device),
        "groups": sorted({f"{source['set']}:{source['group']}" for row in rows for source in row["sources"]}),
        "parameters": sum(parameter.numel() for parameter in session.network.parameters()),
        "seed": session.seed,
        "sepbench": sepbench.__version__,
        "steps": config.training.steps,
        "torch": torch.__version__,
        "valid_si_sdr_i": session.improvement,
        "wall_s": round(session.seconds, 1),
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
