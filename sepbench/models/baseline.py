"""The separator behind every baseline: a folder with a description, weights and a card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from sepbench.errors import UsageError
from sepbench.models.config import build_network, read_config
from sepbench.models.device import usable_device
from sepbench.models.inference import estimates

__all__ = ["TRAINING", "WEIGHTS", "Baseline"]

WEIGHTS = "weights.safetensors"
TRAINING = "training.json"


class Baseline:
    """A trained network.

    Each channel is separated by itself. Recordings of more than 30 s are cut into chunks that overlap by 2 s, so memory
    does not grow with their length.

    Parameters
    ----------
    folder : path
        The baseline's folder: ``config.toml``, ``weights.safetensors`` and ``training.json``.
    device : str
        Where it runs, as PyTorch names it.

    Raises
    ------
    UsageError
        If the weights are missing, or are those of another network.
    """

    channels: int | None = None

    def __init__(self, folder: Path | str, device: str = "cpu") -> None:
        folder = Path(folder)
        config = read_config(folder)
        self.name = config.name
        self.sample_rate = config.sample_rate
        self.targets = config.targets
        network = build_network(config)
        path = folder / WEIGHTS
        self.version = _load(network, path, config.name)
        self.parameters = sum(parameter.numel() for parameter in network.parameters())
        self.training = _training(folder / TRAINING)
        self._network = network.to(usable_device(device)).eval()

    def separate(self, mixture: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Estimate the targets.

        Parameters
        ----------
        mixture : ndarray of float32, shape (channel, time)
            At `sample_rate`; any level, any length.

        Returns
        -------
        dict of str to ndarray of float32, shape (channel, time)
            One estimate per target.
        """
        found = estimates(self._network, mixture, self.sample_rate)
        return dict(zip(self.targets, found, strict=True))


def _load(network: torch.nn.Module, path: Path, name: str) -> str:
    """Put the weights into the network; give the first 12 digits of the file's SHA-256."""
    if not path.is_file():
        raise UsageError(
            f"{path}: the baseline `{name}` has no weights",
            f"train it: sepbench train {name} --corpus CORPUS --out {path.parent.name}",
        )
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{path}: is not a safetensors file, or damaged ({error})", "fetch it again") from error
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reasons = "; ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise UsageError(
            f"{path}: are the weights of another network ({reasons})", "take config.toml and weights of one training"
        ) from error
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _training(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path}: is not JSON ({error})", "fetch it again, or train again") from error
    return found
