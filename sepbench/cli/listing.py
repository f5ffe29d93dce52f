"""What `sepbench list` prints: a name and a line for each thing on offer."""

from __future__ import annotations

import inspect
import tomllib
from typing import Any

from sepbench import shelf
from sepbench.errors import UnknownNameError, did_you_mean

__all__ = ["KINDS", "listing"]

KINDS = ("mixers", "sets", "baselines", *(group for group in shelf.GROUPS if group != "sets"))


def listing(kind: str) -> list[dict[str, Any]]:
    """Give name and description of everything of a kind."""
    if kind not in KINDS:
        raise UnknownNameError(f"there is no list of `{kind}`", did_you_mean(kind, KINDS, kind="lists"))
    if kind == "mixers":
        from sepbench.recipe import families, load

        return [{"name": one.pattern, "words": load(one.members[0]).title} for one in families().values()]
    return [{"name": name, "words": _words(kind, name)} for name in shelf.names(kind)]


def _words(kind: str, name: str) -> str:
    if kind == "baselines":
        config = tomllib.loads((shelf.find("baselines", name) / "config.toml").read_text(encoding="utf-8"))
        return str(config.get("title", ""))
    if kind == "sets":
        reader = shelf.load("sets", name)
        return f"{reader.title} ({getattr(reader, 'licence', 'licence by option')})"
    thing = shelf.load(kind, name)
    if kind == "metrics":
        return f"{thing.title}: {', '.join(thing.ids)}" + (f" in {thing.unit}" if thing.unit else "")
    if kind in ("transforms", "renderings", "exports"):
        return str(thing.title)
    return (inspect.getdoc(thing) or "").split("\n")[0]
