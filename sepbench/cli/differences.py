"""What `sepbench diff` prints, and what it gives to programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from sepbench.amounts import counted
from sepbench.comparing import Comparison, Count, Differing, Rows, Side
from sepbench.surveys import Distribution, level

__all__ = ["described", "told"]

_NAMED = 8  # of each kind; --json has all
_WIDE = 60


def described(found: Comparison) -> dict[str, Any]:
    """Give everything that was found, as JSON holds it."""
    verdict = {"same": found.same, "same_corpus": found.same_corpus, "one_name": found.one_name}
    return verdict | {field.name: _plain(getattr(found, field.name)) for field in dataclasses.fields(found)}


def _plain(value: Any) -> Any:
    """Write named tuples as objects, at any depth."""
    if hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def told(found: Comparison) -> Iterator[str]:
    """Give what was found in lines for people; what is the same is not said."""
    yield from (_side(letter, side) for letter, side in (("A", found.a), ("B", found.b)))
    yield _verdict(found)
    yield from _named("recipe: ", [f"{one.key}: {' in A, '.join(map(_short, one.words))} in B" for one in found.recipe])
    if found.a.seed != found.b.seed:
        yield f"seed: {found.a.seed} in A, {found.b.seed} in B"
    if not found.same_corpus:
        yield from _rows(found)
        yield from _levels(found)
    counted = {"status": found.statuses, "float stage": found.stages, "set": found.sets, "licence": found.licences}
    for kind, counts in counted.items():
        yield from _counts(kind, counts)
    yield from _shared(found)


def _side(letter: str, side: Side) -> str:
    rendered = "" if side.rendered == side.rows else f", {side.rendered:,} of them rendered"
    return (
        f"{letter}: {side.path}: {side.name}, version {side.version}, seed {side.seed}, {counted(side.rows, 'mixture')}{rendered}\n"
        f"   {side.corpus_hash or side.plan_hash}, by sepbench {side.sepbench}"
    )


def _verdict(found: Comparison) -> str:
    planned = [letter for letter, side in (("A", found.a), ("B", found.b)) if side.corpus_hash is None]
    if found.one_name:
        return (
            f"two different corpora under one name and version, {found.a.name} {found.a.version}: scores on them look "
            "comparable and are not\nhint: give one of them another `name`, or raise `version`, in its recipe"
        )
    if not found.same_corpus:
        return "two different corpora"
    if len(planned) == 1:
        return f"the same plan; {planned[0]} was only planned, so what comes out was not compared"
    return "the same plan, neither was rendered" if planned else "the same corpus, to the last sample"


def _rows(found: Comparison) -> Iterator[str]:
    common = found.a.rows - found.only_a.n
    only = (_only(letter, rows) for letter, rows in (("A", found.only_a), ("B", found.only_b)))
    yield "; ".join([f"rows: {common:,} in both", *filter(None, only)])
    yield from _differing(found.planned, "planned otherwise")
    yield from _differing(found.made, "planned alike, and something else came out")


def _only(letter: str, rows: Rows) -> str:
    names = [*rows.first, "…"] if rows.n > len(rows.first) else rows.first
    listed = f" ({', '.join(names)})" if rows.first else ""
    return f"{rows.n:,} only in {letter}{listed}" if rows.n else ""


def _differing(rows: Differing, how: str) -> Iterator[str]:
    if not rows.rows:
        return
    yield f"{counted(rows.rows, 'row')}: {how}"
    for column in rows.columns[:_NAMED]:
        yield f"  {column.name} in {column.rows:,}"
        for one in column.examples:
            yield f"    {one.mixture_id}: {_short(_text(one.a))} in A, {_short(_text(one.b))} in B"
    if len(rows.columns) > _NAMED:
        yield f"  and {len(rows.columns) - _NAMED} more columns; --json lists them"


def _text(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…"


def _levels(found: Comparison) -> Iterator[str]:
    titles = {pair.name: " in ".join(filter(None, level(pair.name))) for pair in found.levels if pair.a != pair.b}
    if not titles:
        return
    width = max(map(len, titles.values()))
    yield f"{'levels':{width}}     {'n':>9} {'mean':>8} {'min':>8} {'median':>8} {'max':>8}"
    for pair in found.levels:
        if pair.name in titles:
            yield f"{titles[pair.name]:{width}}  A  {_numbers(pair.a)}"
            yield f"{'':{width}}  B  {_numbers(pair.b)}"


def _numbers(one: Distribution) -> str:
    values = (f"{'-' if value is None else f'{value:.2f}':>8}" for value in one[1:])
    return f"{one.n:>9,} {' '.join(values)}"


def _counts(kind: str, counts: tuple[Count, ...]) -> Iterator[str]:
    unlike = [one for one in counts if one.a != one.b and (kind, one.name) != ("status", "ok")]
    yield from _named(f"{kind}: ", [f"{_short(one.name)}: {one.a:,} in A, {one.b:,} in B" for one in unlike])


def _named(before: str, lines: list[str]) -> Iterator[str]:
    yield from (f"{before}{line}" for line in lines[:_NAMED])
    if len(lines) > _NAMED:
        yield f"{before}and {len(lines) - _NAMED} more; --json lists them"


def _shared(found: Comparison) -> Iterator[str]:
    for one in found.leaks if found.same_corpus else found.shared:
        leak = "" if one.split_a == one.split_b else ": who trains on the one can't be tested on the other"
        yield (
            f"heard in `{one.split_a}` of A and in `{one.split_b}` of B: {counted(one.recordings, 'recording')}, "
            f"{counted(one.groups, 'group')}{leak}"
        )
