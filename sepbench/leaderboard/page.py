"""The files of a site: the page and the Markdown from the templates beside this module, and the CSV.

Everything from a result is a stranger's text: the page's environment escapes all of it, the Markdown environment too,
and the page's content security policy allows one style sheet and one script, by their hashes, and nothing from the
network.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from sepbench import __version__
from sepbench.errors import UsageError
from sepbench.leaderboard import tables
from sepbench.leaderboard.board import Board, Cell, Row
from sepbench.leaderboard.collect import PARTS, Result, inside
from sepbench.leaderboard.pictures import quality_and_cost
from sepbench.leaderboard.schema import Example
from sepbench.pages import environment_of, policy, source_of
from sepbench.spectrograms import Spectrogram, spectrograms
from sepbench.storage import write_text

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["markdown_escaped", "to_csv", "write_page"]

AUDIO_SUFFIXES = (".flac", ".wav")
_CAPTIONS = {"mixture": "Mixture", "reference": "Reference", "estimate": "Estimate"}


class Listening(NamedTuple):
    """One signal to listen to: where its sound and its picture lie in the site."""

    part: str
    audio: str
    picture: str
    spectrogram: Spectrogram


@dataclass
class _Media:
    """Copies sounds and pictures into the site, each once, under the hash of its content.

    So a mixture that three separators were heard on is stored once, and no name in the site comes from a stranger.
    """

    folder: Path
    known: dict[tuple[str, str], Listening] = field(default_factory=dict)

    def of(self, result: Result, example: Example) -> list[Listening]:
        """Give the signals of an example, from left to right."""
        paths = {part: inside(result.folder, example.files[part]) for part in PARTS}
        for path in paths.values():
            if path.suffix not in AUDIO_SUFFIXES:
                raise UsageError(f"{path}: is no recording", f"examples are {' or '.join(AUDIO_SUFFIXES)} files")
        contents = {part: path.read_bytes() for part, path in paths.items()}
        keys = {part: (_short_hash(contents["mixture"]), _short_hash(contents[part])) for part in PARTS}
        if any(key not in self.known for key in keys.values()):
            pictures = spectrograms(paths)
            for part, key in keys.items():
                audio = self._stored(f"audio/{key[1]}{paths[part].suffix}", contents[part])
                picture = self._stored(f"pictures/{_short_hash(pictures[part].png)}.png", pictures[part].png)
                self.known[key] = Listening(part, audio, picture, pictures[part])
        return [self.known[keys[part]]._replace(part=part) for part in PARTS]

    def _stored(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return name


@dataclass(frozen=True)
class Section:
    """A table as the page shows it: with its place, its plot, and what there is to listen to."""

    board: Board
    anchor: str
    plot: Markup
    heard: list[tuple[Row, list[tuple[Example, list[Listening]]]]]


def write_page(boards: list[Board], folder: Path) -> None:
    """Write ``index.html`` with what it shows and plays, ``leaderboard.md`` and ``leaderboard.csv`` into a folder."""
    environment = _html_environment()
    style, script = source_of(environment, "base.css", "page.css"), source_of(environment, "page.js")
    words: dict[str, Any] = {
        "corpora": _by_corpus(_sections(boards, _Media(folder))),
        "version": __version__,
        "made_with": sorted({row.result.about.sepbench for board in boards for row in board.all_rows}),
    }
    page = environment.get_template("page.html").render(
        **words, style=Markup(style), script=Markup(script), policy=policy(style, script), captions=_CAPTIONS
    )
    write_text(folder / "index.html", page)
    write_text(folder / "leaderboard.csv", to_csv(boards))
    write_text(folder / "leaderboard.md", _markdown_environment().get_template("leaderboard.md").render(**words))


def _sections(boards: list[Board], media: _Media) -> list[Section]:
    found: list[Section] = []
    for board in boards:
        plain = re.sub(r"[^a-z0-9]+", "-", f"{board.corpus.name}-{board.target}".lower()).strip("-") or "table"
        names = itertools.chain([plain], (f"{plain}-{n}" for n in itertools.count(2)))
        taken = {section.anchor for section in found}
        heard = [(row, [(one, media.of(row.result, one)) for one in board.examples(row)]) for row in board.all_rows]
        found.append(
            Section(
                board,
                anchor=next(name for name in names if name not in taken),
                plot=Markup(quality_and_cost(board)),
                heard=[(row, examples) for row, examples in heard if examples],
            )
        )
    return found


def _by_corpus(sections: list[Section]) -> list[list[Section]]:
    return [list(mine) for _, mine in itertools.groupby(sections, key=lambda section: section.board.corpus.name)]


def markdown_escaped(value: object) -> str:
    r"""Escape a text so that Markdown shows it as it is, also inside a table.

    Examples
    --------
    >>> print(markdown_escaped("a|b `c` <script> under_score"))
    a\|b \`c\` &lt;script> under\_score
    """
    if isinstance(value, Markup):
        return value
    text = re.sub(r"([\\`*_{}\[\]|~$#])", r"\\\1", " ".join(str(value).splitlines()))
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _html_environment() -> Environment:
    environment = _environment(autoescape=True)
    environment.filters["number"] = lambda *a, **k: tables.number(*a, **k).replace("-", "−")
    environment.filters["interval"] = lambda *a: tables.interval(*a).replace("-", "−")
    return environment


def _markdown_environment() -> Environment:
    # `finalize` sees every expression, so no template can forget to escape one
    environment = _environment(autoescape=False, finalize=markdown_escaped)
    environment.filters["code"] = Markup  # inside a fence, where a line can't end it
    environment.filters["shown"] = lambda cell: tables.shown(cell) if cell.absent else Markup(tables.shown(cell))
    environment.filters["to_above"] = lambda *a: Markup(tables.to_above(*a))
    return environment


def _environment(**options: Any) -> Environment:
    environment = environment_of("sepbench.leaderboard", **options)
    environment.filters |= {
        "number": tables.number,
        "interval": tables.interval,
        "shown": tables.shown,
        "to_above": tables.to_above,
        "cost": tables.cost,
        "weights": tables.weights,
        "quoted": shlex.quote,
    }
    return environment


def _short_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:20]


def to_csv(boards: list[Board]) -> str:
    """Write the tables as CSV: one line per separator and metric, numbers with all their digits."""
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for board in boards:
        for row in board.all_rows:
            for cell in row.cells.values():
                line = _csv_line(board, row, cell)
                writer.writerow({key: _csv_value(value) for key, value in line.items()})
    return file.getvalue()


CSV_COLUMNS = ("corpus", "corpus_hash", "split", "target", "rank", "tie", "rank_by_median", "separator", "version",
               "kind", "ranked", "metric", "metric_version", "unit", "mean", "low", "high", "median", "n", "of",
               "statuses", "minus_above", "minus_above_low", "minus_above_high", "real_time_factor",
               "parameters", "leak", "licence", "notes")  # fmt: skip


def _csv_line(board: Board, row: Row, cell: Cell) -> dict[str, Any]:
    about, is_main = row.result.about, cell.column.id == board.main.id
    line: dict[str, Any] = {
        "corpus": board.corpus.name, "corpus_hash": board.corpus.hash, "split": board.corpus.split,
        "target": board.target, "rank": row.rank, "tie": row.tied, "rank_by_median": row.rank_by_median,
        "separator": about.separator.name, "version": about.separator.version, "kind": about.separator.kind,
        "ranked": about.separator.ranked, "metric": cell.column.id, "metric_version": cell.column.version,
        "unit": cell.column.info.unit, "mean": cell.mean, "low": cell.low, "high": cell.high, "median": cell.median,
        "n": cell.n, "of": cell.total, "statuses": "; ".join(f"{name} {n}" for name, n in cell.lost.items()),
        "real_time_factor": about.cost.real_time_factor, "parameters": about.separator.parameters,
        "leak": "; ".join(about.leak), "licence": board.corpus.licence, "notes": " ".join(board.notes),
    }  # fmt: skip
    if is_main and row.to_above is not None:
        above = row.to_above
        line |= {
            "minus_above": above.mean,
            "minus_above_low": above.low,
            "minus_above_high": above.high,
        }
    return line


def _csv_value(value: Any) -> str:
    """Write a cell; a text that a spreadsheet would run as a formula gets an apostrophe, a number never."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(float(value)) if isinstance(value, float) else str(value)
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
