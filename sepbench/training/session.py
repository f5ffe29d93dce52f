"""A network in training: AdamW, a cosine schedule, an average of the weights, and a state to go on from."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from sepbench import losses, storage
from sepbench.errors import UsageError
from sepbench.models.config import BaselineConfig, Training, build_network
from sepbench.training import checkpoint
from sepbench.training.batches import Batch, batches
from sepbench.training.pack import Pack
from sepbench.training.validation import Row, mean_improvement, validation_rows

__all__ = ["Session", "learning_rate", "total_loss"]

_LOG_EVERY = 50
_STATISTICS_STEPS = 25


def learning_rate(training: Training, step: int) -> float:
    """Give the rate of a step: linear warm-up, then half a cosine down to 0."""
    warmup = min(training.warmup_steps, training.steps - 1)
    if step < warmup:
        return training.learning_rate * (step + 1) / warmup
    return training.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (training.steps - warmup)))


class Session:
    """A network in training."""

    def __init__(self, config: BaselineConfig, seed: int, device: torch.device, identity: dict[str, Any]) -> None:
        self.config, self.seed, self.device, self.identity = config, seed, device, identity
        with torch.random.fork_rng(devices=[]):  # the caller's generator stays as it was
            torch.manual_seed(seed)
            network = build_network(config)
        self.network = network.to(device)
        average = get_ema_multi_avg_fn(config.training.ema_decay)  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(self.network, multi_avg_fn=average)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), config.training.learning_rate, weight_decay=config.training.weight_decay
        )
        self.step, self.seconds = 0, 0.0
        self.improvement: float | None = None  # of the last validation

    def run(
        self, corpora: dict[str, Any], out: Path, workers: int, progress: Callable[[int, int], None] | None
    ) -> None:
        """Train from where the session is to the end."""
        training, began = self.config.training, time.monotonic() - self.seconds
        pack = Pack(corpora["train"], self.config.targets)
        rows = validation_rows(corpora["valid"], self.config.targets, training.validate_rows)
        pending: list[torch.Tensor] = []
        for step, batch in batches(pack, self.config, self.seed, range(self.step, training.steps), workers=workers):
            pending.append(self.learn(step, batch))
            self.step, self.seconds = step + 1, time.monotonic() - began
            if progress is not None:
                progress(self.step, training.steps)
            validates = self.step % training.validate_every == 0 or self.step == training.steps
            if not validates and self.step % _LOG_EVERY:
                continue
            entry: dict[str, Any] = {
                "step": self.step,
                "loss": _mean(pending, self.step),
                "seconds": round(self.seconds, 1),
            }
            pending.clear()
            if validates:
                entry["valid_si_sdr_i"] = self.improvement = self.validate(pack, rows)
            checkpoint.append_log(out, entry)
            if validates:
                checkpoint.write_state(out, self.state())

    def learn(self, step: int, batch: Batch) -> torch.Tensor:
        """Take one step; give its loss, which has not been waited for."""
        training = self.config.training
        mixtures, targets = (torch.from_numpy(array).to(self.device) for array in batch)
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(training, step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            estimate = self.network(mixtures)
        loss = total_loss(training, targets, estimate.float())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), training.grad_clip)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        return loss.detach()

    def validate(self, pack: Pack, rows: list[Row]) -> float | None:
        """Give the improvement of the averaged network, in dB.

        Averaged weights have neither the last network's batch statistics nor the average of all: without a measurement
        of their own, a U-Net that improved by 4.2 dB read as 1.5 dB in the middle of its training.
        """
        first = batches(pack, self.config, self.seed, range(_STATISTICS_STEPS))
        update_bn((torch.from_numpy(batch.mixtures) for _, batch in first), self.averaged, self.device)
        found = mean_improvement(self.averaged.module, rows, self.config.sample_rate)
        return None if found is None else round(found, 4)

    def state(self) -> dict[str, Any]:
        """Give all that a later step depends on."""
        return {
            "identity": json.dumps(self.identity),
            "step": self.step,
            "seconds": self.seconds,
            "valid_si_sdr_i": self.improvement,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def resume(self, out: Path) -> None:
        """Go on from the state in a folder, if there is one."""
        state = checkpoint.read_state(out, json.loads(json.dumps(self.identity)), self.device)
        if state is not None:
            self.step, self.seconds, self.improvement = state["step"], state["seconds"], state["valid_si_sdr_i"]
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimizer.load_state_dict(state["optimizer"])
        checkpoint.cut_log(out, self.step)

    def save_weights(self, path: Path, report: dict[str, Any]) -> None:
        """Write the averaged weights."""
        weights = {name: tensor.cpu().contiguous() for name, tensor in self.averaged.module.state_dict().items()}
        said = {key: str(report[key]) for key in ("sepbench", "corpus", "corpus_hash", "seed", "steps")}
        with storage.atomic(path) as temporary:
            # one entry: safetensors writes several in a random order, and the file's hash is the baseline's version
            save_file(weights, temporary, {"sepbench": json.dumps(said, sort_keys=True)})


def total_loss(training: Training, targets: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    """Weigh the terms of the loss; the mean over batch and targets, both of shape (batch, target, time)."""
    weights = {name: weight for name, weight in training.loss.model_dump().items() if weight}
    terms = [weight * getattr(losses, name)(targets, estimate).mean() for name, weight in weights.items()]
    return torch.stack(terms).sum()


def _mean(pending: list[torch.Tensor], step: int) -> float:
    loss = float(torch.stack(pending).mean())
    if not math.isfinite(loss):
        raise UsageError(f"training: the loss was {loss} before step {step}", "lower `learning_rate` or `grad_clip`")
    return round(loss, 4)
