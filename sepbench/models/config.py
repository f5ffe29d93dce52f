"""What a baseline is, as its ``config.toml`` says."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sepbench.errors import UnknownNameError, UsageError, did_you_mean
from sepbench.shelf import load, names

__all__ = ["CONFIG", "BaselineConfig", "LossWeights", "Training", "build_network", "read_config"]

CONFIG = "config.toml"
Positive = Annotated[int, Field(gt=0)]
Decibels = tuple[float, float]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LossWeights(_Table):
    """Weights of the terms of the loss, by their function in `sepbench.losses`."""

    negative_si_sdr: float = Field(default=1.0, ge=0)
    multi_resolution_stft: float = Field(default=1.0, ge=0)


class Training(_Table):
    """How a baseline is trained."""

    steps: Positive
    batch_size: Positive = 8
    segment_s: float = Field(2.0, gt=0)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    grad_clip: float = Field(5.0, gt=0)
    warmup_steps: int = Field(200, ge=0)
    ema_decay: float = Field(0.999, ge=0, lt=1)
    validate_every: Positive = 500
    validate_rows: Positive = 32
    snr_db: Decibels = (-5.0, 15.0)
    gain_db: Decibels = (-10.0, 0.0)
    colour: float = Field(default=0.0, ge=0, lt=0.5)
    speed: float = Field(default=0.0, ge=0, lt=0.5)
    second_noise: float = Field(default=0.0, ge=0, le=1)
    loss: LossWeights = Field(default_factory=LossWeights)


class BaselineConfig(_Table):
    """A baseline: a network, what it estimates, and how it is trained."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    architecture: str
    sample_rate: Positive
    targets: tuple[str, ...] = Field(min_length=1)
    model: dict[str, Any] = {}
    training: Training


def read_config(folder: Path | str) -> BaselineConfig:
    """Read a baseline's description.

    Raises
    ------
    UsageError
        If there is none, or it is not well formed; names the key.
    """
    path = Path(folder) / CONFIG
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})", "a baseline is a folder with one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not TOML ({error})", "see baselines/README.md for an example") from error
    try:
        return BaselineConfig.model_validate(content)
    except ValidationError as error:
        raise _usage_error(path, error) from error


def build_network(config: BaselineConfig) -> torch.nn.Module:
    """Build a baseline's network with random weights.

    Raises
    ------
    UsageError
        If the architecture or one of its hyperparameters is unknown.
    """
    architecture = load("models", config.architecture)
    known = [name for name in inspect.signature(architecture).parameters if name != "targets"]
    for name in config.model:
        if name not in known:
            raise UsageError(f"{config.name}: `{config.architecture}` has no hyperparameter `{name}`",
                             did_you_mean(name, known, kind="hyperparameters"))  # fmt: skip
    try:
        network = architecture(targets=len(config.targets), **config.model)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"{config.name}: `{config.architecture}` can't be built ({error})",
                         "correct the table [model] of its config.toml") from error  # fmt: skip
    if not isinstance(network, torch.nn.Module):
        known = [name for name in names("models") if name != "baseline"]
        raise UnknownNameError(f"{config.name}: `{config.architecture}` is not a network",
                               did_you_mean(config.architecture, known, kind="models"))  # fmt: skip
    return network


def _usage_error(path: Path, error: ValidationError) -> UsageError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        table, known = _table_of(first["loc"][:-1])
        where = f" in [{table}]" if table else ""
        return UsageError(
            f"{path}: unknown key `{first['loc'][-1]}`{where}", did_you_mean(str(first["loc"][-1]), known, kind="keys")
        )
    if first["type"] == "missing":
        return UsageError(f"{path}: `{key}` is missing", "see baselines/README.md for an example")
    return UsageError(f"{path}: `{key}` is wrong: {first['msg']}, got {first['input']!r}", "correct the value")


def _table_of(place: tuple[int | str, ...]) -> tuple[str, list[str]]:
    tables: dict[tuple[int | str, ...], type[BaseModel]] = {
        (): BaselineConfig,
        ("training",): Training,
        ("training", "loss"): LossWeights,
    }
    return ".".join(map(str, place)), list(tables[place].model_fields)
