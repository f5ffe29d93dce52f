"""Where a corpus comes from: which recordings of which public sets, under which licences, went into its mixtures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sepbench import shelf
from sepbench.published import Published

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Count", "Origin", "count_licences", "origins"]

_Used = dict[tuple[str, str], dict[str, int]]


class Count(NamedTuple):
    """How many different recordings have a licence, and how many times one of them is in a mixture."""

    recordings: int
    uses: int


@dataclass(frozen=True)
class Origin:
    """A public set of which recordings went into a corpus.

    Attributes
    ----------
    set : str
        As the recipe calls it.
    title, version, url, licence, licence_url, bibtex : str
        As its reader knows them; empty where no reader of this name is installed.
    licences : dict of str to Count
        The licences of its recordings, sorted.
    """

    set: str
    title: str = ""
    version: str = ""
    url: str = ""
    licence: str = ""
    licence_url: str = ""
    bibtex: str = ""
    licences: Mapping[str, Count] = field(default_factory=dict)


def origins(batches: Iterable[pa.RecordBatch], versions: Mapping[str, str] | None = None) -> list[Origin]:
    """Find the public sets of a manifest's rows, sorted by name.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Rows of a manifest.
    versions : mapping of str to str, optional
        The version of each set, where its catalog says it.
    """
    found = count_licences(batches)
    return [_origin(name, found[name], (versions or {}).get(name, "")) for name in sorted(found)]


def _origin(name: str, licences: Mapping[str, Count], version: str) -> Origin:
    offered = [one for one in shelf.names("sets") if name == one or name.startswith(f"{one}-")]
    if not offered:
        return Origin(name, version=version, licences=licences)
    reader = shelf.load("sets", max(offered, key=len))  # `folder-street` is read by `folder`
    published: Published = getattr(reader, "published", None) or Published()
    return Origin(
        name, reader.title, version or reader.version, reader.url, getattr(reader, "licence", ""), published.licence_url,
        published.bibtex.strip(), licences,
    )  # fmt: skip


def count_licences(batches: Iterable[pa.RecordBatch]) -> dict[str, dict[str, Count]]:
    """Count recordings and uses under each licence of each set, those that transforms take too."""
    import pyarrow as pa
    import pyarrow.compute as pc

    used: _Used = defaultdict(lambda: defaultdict(int))
    for batch in batches:
        sources = batch["sources"].flatten()
        names = ("set", "licence", "item")
        table = pa.table([pc.struct_field(sources, name) for name in names], names=names)
        for row in table.group_by(list(names)).aggregate([([], "count_all")]).to_pylist():
            used[row["set"], row["licence"]][row["item"]] += row["count_all"]
        applied = (pc.struct_field(sources, "transforms"), batch["degradations"])
        for set_, licence, item, count in _taken_by_transforms(applied):
            used[set_, licence][item] += count
    counts: dict[str, dict[str, Count]] = defaultdict(dict)
    for set_, licence in sorted(used):
        items = used[set_, licence]
        counts[set_][licence] = Count(len(items), sum(items.values()))
    return counts


def _taken_by_transforms(columns: Iterable[pa.Array]) -> Iterator[tuple[str, str, str, int]]:
    """Give set, licence, item and number of the recordings among parameters: impulse responses, and what is subtracted."""
    import pyarrow.compute as pc

    for column in columns:
        parameters = pc.struct_field(column.flatten(), "parameters")
        for pair in pc.value_counts(parameters).to_pylist():
            for value in json.loads(pair["values"]).values():
                if isinstance(value, dict) and {"set", "item", "licence"} <= value.keys():
                    yield value["set"], value["licence"], value["item"], pair["counts"]
