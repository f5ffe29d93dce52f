"""sepbench: generate corpora, score separators, publish comparison tables.

Audio source separation and speech enhancement, with every number proved. The commands of the ``sepbench`` tool are
functions here, under the same names::

    sepbench.index("librispeech", "LibriSpeech", "librispeech.parquet")
    sepbench.mix("speech-demo", "corpus", catalogs={"librispeech": "librispeech.parquet", "esc50": "esc50.parquet"})
    sepbench.score(["mixture", "my_module:MySeparator"], "corpus", "results")
    sepbench.publish(["results"], "site")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Corpus": "sepbench.corpus",
    "Manifest": "sepbench.manifest",
    "SepbenchError": "sepbench.errors",
    "Separator": "sepbench.separators.protocol",
    "demo": "sepbench.tour",
    "diff": "sepbench.comparing",
    "export": "sepbench.exports",
    "fetch": "sepbench.fetching",
    "index": "sepbench.catalog",
    "measure": "sepbench.evaluate",
    "metrics": "",
    "mix": "sepbench.mixing",
    "preview": "sepbench.mixing",
    "publish": "sepbench.leaderboard",
    "score": "sepbench.evaluate",
    "separate": "sepbench.evaluate",
    "shelves": "sepbench.shelf",
    "show": "sepbench.showing",
    "train": "sepbench.training",
    "verify": "sepbench.mixing",
}

__all__ = [
    "Corpus",
    "Manifest",
    "Separator",
    "SepbenchError",
    "__version__",
    "demo",
    "diff",
    "export",
    "fetch",
    "index",
    "measure",
    "metrics",
    "mix",
    "preview",
    "publish",
    "score",
    "separate",
    "shelves",
    "show",
    "train",
    "verify",
]

if TYPE_CHECKING:
    from sepbench import metrics
    from sepbench.catalog import index
    from sepbench.comparing import diff
    from sepbench.corpus import Corpus
    from sepbench.errors import SepbenchError
    from sepbench.evaluate import measure, score, separate
    from sepbench.exports import export
    from sepbench.fetching import fetch
    from sepbench.leaderboard import publish
    from sepbench.manifest import Manifest
    from sepbench.mixing import mix, preview, verify
    from sepbench.separators.protocol import Separator
    from sepbench.shelf import shelves
    from sepbench.showing import show
    from sepbench.tour import demo
    from sepbench.training import train


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import sepbench`` is instant."""
    if name not in _HOME:
        raise AttributeError(f"module `sepbench` has no attribute `{name}`")
    if not _HOME[name]:
        return importlib.import_module(f"sepbench.{name}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
