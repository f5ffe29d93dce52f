"""Examples to listen to: the best, the median and the worst item of a separator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sepbench import storage
from sepbench.audio import write_pcm
from sepbench.catalog import labels_of
from sepbench.evaluate.items import Contestant, built, opened
from sepbench.evaluate.run import run
from sepbench.separators.protocol import Signal

__all__ = ["write_examples"]

_BITS = 16


def write_examples(
    folder: Path,
    rows: Sequence[dict[str, Any]],
    metric: str,
    contestant: Contestant,
    where: tuple[Path, str, tuple[tuple[str, str], ...]],
) -> list[dict[str, Any]]:
    """Separate three items again and write what goes in and what comes out.

    Parameters
    ----------
    folder : Path
        The result folder; audio goes to ``examples/`` in it.
    rows : sequence of dict
        The separator's scores.
    metric : str
        By what the items are ranked, without qualifiers: an improvement.
    contestant : Contestant
    where : tuple
        Corpus folder, split and roots.

    Returns
    -------
    list of dict
        As ``result.json`` holds them; empty where the metric is defined for no item.
    """
    first_target = rows[0]["target"] if rows else ""
    ranked = sorted(
        (row for row in rows if row["metric"].partition(":")[0] == metric and row["target"] == first_target
         and row["value"] is not None),
        key=lambda row: (row["value"], row["mixture_id"]),
    )  # fmt: skip
    if not ranked:
        return []
    picks = {"best": ranked[-1], "median": ranked[len(ranked) // 2], "worst": ranked[0]}
    corpus = opened(*where)
    places = {row["mixture_id"]: place for place, row in enumerate(corpus._rows)}
    examples = []
    for which, row in picks.items():
        example = corpus[places[row["mixture_id"]]]
        found = run(built(contestant), example.mixture, example.sample_rate, example.targets, example.sources)
        target = row["target"]
        signals = {
            "mixture": ("mixture", example.mixture),
            "reference": (f"{target}.reference", example.sources[target]),
            "estimate": (f"{target}.estimate", found.estimates[target]),
        }
        files = {}
        for name, (stem, signal) in signals.items():
            files[name] = f"examples/{example.mixture_id}/{stem}.flac"
            with storage.atomic(folder / files[name]) as temporary:
                write_pcm(temporary, _to_listen(signal), example.sample_rate, _BITS, container=".flac")
        examples.append(
            {
                "which": which,
                "mixture_id": row["mixture_id"],
                "target": target,
                "metric": row["metric"],
                "value": round(row["value"], 4),
                "snr_db": row["snr_db"],
                "conditions": labels_of({"labels": row["conditions"]}),
                "files": files,
            }
        )
    return examples


def _to_listen(signal: Signal) -> Any:
    """Bring an estimate into 16 bits, for ears only: what is too loud is clipped, what is not a number is silence."""
    full_scale = 1 << (_BITS - 1)
    steps = np.rint(np.nan_to_num(signal.astype(np.float64)) * full_scale)
    return np.clip(steps, -full_scale, full_scale - 1).astype(np.int32)
