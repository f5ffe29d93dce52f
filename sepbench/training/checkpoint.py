"""The state of a training, and the folder that it lies in."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch

from sepbench import storage
from sepbench.errors import PlaceError
from sepbench.models.baseline import TRAINING
from sepbench.models.config import CONFIG, read_config

__all__ = ["LOG", "STATE", "append_log", "cut_log", "read_state", "refuse_another", "write_state"]

STATE = "state.pt"
LOG = "log.jsonl"
_REMEDY = "choose another folder with --out, or empty this one"


def write_state(out: Path, state: dict[str, Any]) -> None:
    """Write the state, all or nothing."""
    with storage.atomic(out / STATE) as temporary:
        torch.save(state, temporary)


def read_state(out: Path, identity: dict[str, Any], device: torch.device) -> dict[str, Any] | None:
    """Read the state of this training, if it was begun.

    Raises
    ------
    PlaceError
        If it is the state of another training, or damaged.
    """
    path = out / STATE
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise PlaceError(f"{path}: can't be read ({type(error).__name__})", _REMEDY) from error
    _refuse_difference(path, json.loads(state["identity"]), identity)
    return state


def refuse_another(out: Path, baseline: Path, identity: dict[str, Any]) -> None:
    """Refuse a folder that holds another baseline, or one trained otherwise.

    Raises
    ------
    PlaceError
        Naming what differs.
    """
    if (out / CONFIG).is_file() and read_config(out) != read_config(baseline):
        raise PlaceError(f"{out / CONFIG}: is not the description that is trained here", _REMEDY)
    path = out / TRAINING
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        _refuse_difference(path, found, {key: identity[key] for key in ("corpus_hash", "seed", "steps")})


def _refuse_difference(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key, value in wanted.items():
        if found.get(key) != value:
            raise PlaceError(
                f"{path}: is of another training, whose {key} is {found.get(key)} where {value} is wanted", _REMEDY
            )


def append_log(out: Path, entry: dict[str, Any]) -> None:
    """Add a line to the log."""
    with open(out / LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def cut_log(out: Path, step: int) -> None:
    """Drop the lines that were written after the state: their steps are done again."""
    path = out / LOG
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        storage.write_text(path, "".join(kept))
