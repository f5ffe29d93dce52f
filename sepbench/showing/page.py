"""One page of a corpus that needs nothing else: no network, no script, no file beside it.

Everything from a manifest is a stranger's text, and the environment escapes all of it. The page's policy allows one style
sheet, and pictures and sounds that are in the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from sepbench import __version__
from sepbench.amounts import counted, duration
from sepbench.pages import environment_of, policy, source_of
from sepbench.showing.examples import Example
from sepbench.showing.plots import histogram
from sepbench.showing.survey import Pool, Survey
from sepbench.surveys import Distribution, distribution, level

__all__ = ["Figure", "figures", "page"]

_VALUES = 6  # of a label; the rest is counted


class Figure(NamedTuple):
    """A level: its distribution in each split as numbers, and as a picture where it varies."""

    name: str
    title: str
    unit: str
    rows: dict[str, Distribution]
    picture: Markup


class Label(NamedTuple):
    """A label of a source: its most frequent values, and how many others there are."""

    name: str
    values: tuple[tuple[str, int], ...]
    others: int
    largest: int


def figures(survey: Survey) -> list[Figure]:
    """Give the levels of the corpus, in the order in which one wants to know them."""
    return [_figure(survey, name) for name in survey.levels]


def _figure(survey: Survey, name: str) -> Figure:
    title, unit = level(name)
    values = {split: survey.level(name, split) for split in survey.splits}
    values = {split: found for split, found in values.items() if len(found)}
    rows = {split: distribution(found) for split, found in values.items()}
    whole = distribution(survey.levels[name])
    if _number(whole.min) == _number(whole.max):  # as far as the table shows it
        return Figure(name, title, unit, rows, Markup(""))
    words = "; ".join(f"{split}: {one.n:,} from {_number(one.min)} to {_number(one.max)}, median {_number(one.median)}"
                      for split, one in rows.items())  # fmt: skip
    return Figure(
        name,
        title,
        unit,
        rows,
        histogram(values, f"Histogram of {title.replace('`', '')}{f' in {unit}' * bool(unit)}. {words}"),
    )


def _labels(survey: Survey) -> dict[str, list[Label]]:
    return {
        source: [
            Label(name, tuple(values[:_VALUES]), len(values) - len(values[:_VALUES]), values[0][1])
            for name, values in labels.items()
        ]
        for source, labels in survey.labels.items()
    }


def _spread(pool: Pool) -> Distribution:
    return distribution(np.array([use.n for use in pool.groups], float))


def page(
    survey: Survey, examples: Sequence[Example], *, cautions: Sequence[str], silent: str, split: str | None
) -> str:
    """Write the page.

    Parameters
    ----------
    survey : Survey
    examples : sequence of Example
    cautions : sequence of str
        What stands out.
    silent : str
        Why there are fewer examples than were asked for; empty where there are not.
    split : str or None
        The split that this is, where it is not all of them.
    """
    environment = environment_of("sepbench.showing", autoescape=True)
    environment.filters |= {
        "number": _number,
        "counted": counted,
        "duration": duration,
        "spread": _spread,
        "marked": _marked,
    }
    style = source_of(environment, "base.css", "show.css")
    words: dict[str, Any] = {
        "survey": survey,
        "about": survey.manifest.metadata,
        "recipe": survey.manifest.metadata["recipe"],
        "facts": _facts(survey),
        "figures": figures(survey),
        "labels": _labels(survey),
        "examples": examples,
        "cautions": cautions,
        "silent": silent,
        "only": split,
        "version": __version__,
    }
    return environment.get_template("show.html").render(
        **words, style=Markup(style), policy=policy(style, media="data:")
    )


def _facts(survey: Survey) -> dict[str, Any]:
    duration_s = survey.levels["duration_s"]
    by_split = {
        split: (int((survey.split == split).sum()), float(duration_s[survey.split == split].sum()))
        for split in survey.splits
    }
    gains = survey.levels.get("common_gain_db", np.zeros(0))
    licences = sorted({one for (licence,) in survey.counts("licences") for one in licence.split(" AND ")})
    return {
        "mixtures": len(survey.usable),
        "seconds": float(duration_s.sum()),
        "splits": by_split,
        "formats": [
            f"{rate / 1000:g} kHz, {_CHANNELS.get(channels, f'{channels} channels')}, {bits} bits"
            for rate, channels, bits in survey.counts("formats")
        ],
        "sets": sorted({set_ for pool in survey.pools for set_ in pool.sets}),
        "licences": licences,
        "clipped": int((survey.clipped > 0).sum()),
        "turned_down": int((gains < 0).sum()),
    }


_CHANNELS = {1: "mono", 2: "stereo"}


def _number(value: float | None, decimals: int = 2) -> str:
    """Write a number for people; what is none is a dash, and nothing is less than nothing."""
    return "–" if value is None else f"{round(value, decimals) + 0.0:,.{decimals}f}".replace("-", "−")


def _marked(text: str) -> Markup:
    """Escape a text, and show what stands in backticks as code.

    Examples
    --------
    >>> print(_marked("`a` <b>"))
    <code>a</code> &lt;b&gt;
    """
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 and at < len(parts) - 1 else part
        for at, part in enumerate(parts)
    )
