"""The skeleton of a baseline's card: what a user needs to know before using it."""

from __future__ import annotations

from typing import Any

from sepbench.models.config import BaselineConfig

__all__ = ["CARD", "SECTIONS", "card"]

CARD = "card.md"
SECTIONS = ("What it does", "Trained on", "Scores", "Use", "Limits", "Licence")


def card(config: BaselineConfig, report: dict[str, Any]) -> str:
    """Write a card with what is known at the end of a training; the rest is marked `TODO`."""
    improvement = report["valid_si_sdr_i"]
    shown = "not measured: the corpus has no split `valid`" if improvement is None else f"{improvement:.2f} dB"
    return f"""# {config.title}

## What it does

Estimates {", ".join(config.targets)} from mixtures at {config.sample_rate} Hz. Architecture `{config.architecture}`,
{report["parameters"]:,} weights.

## Trained on

Corpus `{report["corpus"]}`, `{report["corpus_hash"]}`;
{report["steps"]} steps of {config.training.batch_size} segments of {config.training.segment_s:g} s,
seed {report["seed"]}, on {report["device"]} in {report["wall_s"] / 60:.0f} min, with
sepbench {report["sepbench"]} and PyTorch {report["torch"]}.

    {report["command"]}

## Scores

SI-SDR improvement on the split `valid`: {shown}. TODO: scores on `test`.

## Use

    sepbench score {config.name} --corpus CORPUS --out results

## Limits

TODO: on what it must be expected to fail.

## Licence

TODO: of the weights, with the licences of the recordings that they were trained on.
"""
