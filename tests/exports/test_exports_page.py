"""`docs/exports.md` says what the code does; how each format is opened is compared in the contracts."""

import re
from pathlib import Path

import pytest

import sepbench
from sepbench import Corpus, shelf

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")


def test_page_has_a_section_for_each_format():
    assert set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)) == set(shelf.names("exports"))


def test_the_format_of_your_own_works_as_it_stands(talk, tmp_path):
    code = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "class Listing" in block)
    (tmp_path / "my_format.py").write_text(code)
    sepbench.export(talk, f"{tmp_path}/my_format.py:Listing", tmp_path / "listing")
    lines = (tmp_path / "listing/list.tsv").read_text().splitlines()
    assert len(lines) == 7
    assert all(Path(line.split("\t")[0]).is_file() for line in lines)


def test_the_manifest_answers_the_questions_of_the_page(talk, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(talk.parent)
    first, second = re.search(r"```sql\n(.*?)```", PAGE, re.DOTALL)[1].strip().splitlines()
    assert {row[0]: row[1] for row in duckdb.sql(first).fetchall()} == {"train": 3, "valid": 1, "test": 3}
    assert len(duckdb.sql(second).fetchall()) == len(Corpus(talk))
