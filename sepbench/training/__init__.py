"""Training the baselines: from a corpus and a description to a folder with weights."""

from __future__ import annotations

from sepbench.training.run import train

__all__ = ["train"]
