"""Examples to listen to: the best, the median and the worst item of a separator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sepbench import storage
from sepbench.audio import quantised, write_pcm
from sepbench.catalog import labels_of
from sepbench.errors import SepbenchError
from sepbench.evaluate.items import Contestant, built, opened
from sepbench.evaluate.running import run

__all__ = ["ExampleTask", "pick_examples", "write_examples"]

_BITS = 16


class ExampleTask(NamedTuple):
    """A separator, three of the corpus's items, and where their audio goes."""

    folder: Path
    contestant: Contestant
    where: tuple[Path, str, tuple[tuple[str, str], ...]]
    picks: tuple[tuple[str, dict[str, Any]], ...]


def pick_examples(rows: Sequence[dict[str, Any]], metric: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Pick the best, the median and the worst item of a separator, for each target.

    Parameters
    ----------
    rows : sequence of dict
        The separator's scores.
    metric : str
        By what the items are ranked, without qualifiers: an improvement.

    Returns
    -------
    tuple of (str, dict)
        Which it is, and its row; empty where the metric is defined for no item.
    """
    picks: list[tuple[str, dict[str, Any]]] = []
    for target in dict.fromkeys(row["target"] for row in rows):
        ranked = sorted(
            (row for row in rows if row["metric"].partition(":")[0] == metric and row["target"] == target
             and row["value"] is not None),
            key=lambda row: (row["value"], row["mixture_id"]),
        )  # fmt: skip
        if ranked:
            picks += [("best", ranked[-1]), ("median", ranked[len(ranked) // 2]), ("worst", ranked[0])]
    return tuple(picks)


def write_examples(task: ExampleTask) -> list[dict[str, Any]]:
    """Separate the items again, and write what goes in and what comes out, as ``result.json`` holds it.

    An item that can't be separated a second time is left out.
    """
    corpus = opened(*task.where)
    places = corpus.places()
    examples = []
    for which, row in task.picks:
        example = corpus[places[row["mixture_id"]]]
        try:
            found = run(built(task.contestant), example.mixture, example.sample_rate, example.targets, example.sources)
        except SepbenchError:
            continue
        target = row["target"]
        signals = {
            "mixture": ("mixture", example.mixture),
            "reference": (f"{target}.reference", example.sources[target]),
            "estimate": (f"{target}.estimate", found.estimates[target]),
        }
        files = {}
        for name, (stem, signal) in signals.items():
            files[name] = f"examples/{example.mixture_id}/{stem}.flac"
            with storage.atomic(task.folder / files[name]) as temporary:
                write_pcm(temporary, quantised(signal, _BITS), example.sample_rate, _BITS, container=".flac")
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
