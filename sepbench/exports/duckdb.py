"""DuckDB: a database of the mixtures, their sources and their stems, with the paths of the audio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from sepbench.errors import MissingExtraError
from sepbench.exports.columns import MIXTURE_COLUMNS, SOURCE_COLUMNS, STEM_COLUMNS, described_sources, flat, flat_stems
from sepbench.exports.contents import MIXTURE, Contents
from sepbench.exports.options import AUDIO, choice
from sepbench.parquet import column

__all__ = ["DuckDb"]

_KEY = MIXTURE_COLUMNS[:2]
_PATH = column(
    "path", pa.string(), "Of the audio, relative to the folder of the database; absolute with `audio=refer`."
)
TABLES = {
    "mixtures": [*MIXTURE_COLUMNS, _PATH],
    "sources": [*_KEY, *SOURCE_COLUMNS],
    "stems": [*_KEY, *STEM_COLUMNS, _PATH],
    "corpus": [column("name", pa.string(), "What is said."), column("value", pa.string(), "Of the corpus.")],
}
_ROWS = 2048


class DuckDb:
    """The form of a DuckDB database, ``corpus.duckdb``.

    Parameters
    ----------
    audio : {"link", "copy", "refer"}
        How the audio comes along: linked, copied, or not, so that paths are absolute and lead into the corpus.
    """

    title = "DuckDB: a database of mixtures, sources and stems"
    opening = '''```python
import duckdb

with duckdb.connect("FOLDER/corpus.duckdb", read_only=True) as database:
    rows = database.sql("""
        SELECT split, s.labels['class'] AS noise, count(*) AS mixtures, round(avg(m.snr_db), 2) AS snr_db
        FROM mixtures m JOIN sources s USING (mixture_id, split)
        WHERE s.role = 'noise' GROUP BY ALL ORDER BY ALL
    """).fetchall()
```

Tables: `mixtures`, one row each; `sources`, one for each recording in a mixture; `stems`, with the paths of their audio;
`corpus`, what it is. Columns have comments (`SELECT * FROM duckdb_columns()`). Paths are relative to the folder, which
may be moved; with the option `audio=refer` they are absolute, and hold as long as the corpus stays.'''

    def __init__(self, audio: str = "link") -> None:
        self.audio = choice("audio", audio, AUDIO)

    def require(self) -> None:
        """Refuse to begin without the package.

        Raises
        ------
        MissingExtraError
        """
        try:
            import duckdb  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                "duckdb: the package `duckdb` is not installed", "pip install 'sepbench[duckdb]'"
            ) from error

    def write(self, contents: Contents, folder: Path) -> Mapping[str, Any]:
        """Write the database, a few thousand rows at a time."""
        import duckdb

        try:
            with duckdb.connect(str(folder / "corpus.duckdb")) as database:
                for name, fields in TABLES.items():
                    _create(database, name, fields)
                for rows in self._pieces(contents, folder):
                    for name, content in rows.items():
                        _insert(database, name, content)
                _insert(database, "corpus", _described(contents))
        except duckdb.IOException as error:
            raise OSError(f"DuckDB: {error}".partition("\n")[0]) from error
        return {}

    def _pieces(self, contents: Contents, folder: Path) -> Iterator[dict[str, list[dict[str, Any]]]]:
        piece: dict[str, list[dict[str, Any]]] = {"mixtures": [], "sources": [], "stems": []}
        for row in contents.rows():
            key = {field.name: row[field.name] for field in _KEY}
            piece["mixtures"].append(flat(row) | {"path": contents.bring(row, MIXTURE, folder, self.audio)})
            for source in described_sources(row, contents.transcripts):
                labels = {label["name"]: label["value"] for label in source["labels"]}
                piece["sources"].append(key | source | {"labels": labels})
            for stem in flat_stems(row):
                piece["stems"].append(key | stem | {"path": contents.bring(row, stem["name"], folder, self.audio)})
            if len(piece["mixtures"]) >= _ROWS:
                yield piece
                piece = {name: [] for name in piece}
        yield piece


def _type(field: pa.Field) -> pa.DataType:
    """Give a column's type; labels are a map here, which SQL asks by name."""
    return pa.map_(pa.string(), pa.string()) if pa.types.is_list(field.type) else field.type


def _schema(name: str) -> pa.Schema:
    return pa.schema([pa.field(field.name, _type(field)) for field in TABLES[name]])


def _create(database: Any, name: str, fields: list[pa.Field]) -> None:
    database.register("empty", _schema(name).empty_table())
    database.execute(f"CREATE TABLE {name} AS SELECT * FROM empty")
    database.unregister("empty")
    for field in fields:
        words = field.metadata[b"doc"].decode().replace("'", "''")
        database.execute(f"COMMENT ON COLUMN {name}.\"{field.name}\" IS '{words}'")


def _insert(database: Any, name: str, rows: list[dict[str, Any]]) -> None:
    database.register("rows", pa.Table.from_pylist(rows, _schema(name)))
    database.execute(f"INSERT INTO {name} SELECT * FROM rows")
    database.unregister("rows")


def _described(contents: Contents) -> list[dict[str, str]]:
    metadata = contents.manifest.metadata
    said = {
        "name": contents.name, "version": metadata["recipe"]["version"], "seed": metadata.get("seed", 0),
        "corpus_hash": contents.manifest.corpus_hash, "sepbench": metadata.get("sepbench", ""),
    }  # fmt: skip
    return [{"name": name, "value": str(value)} for name, value in said.items()]
