"""`docs/sets.md` says what the code does."""

import re
from pathlib import Path

import pytest
import trees

from sepbench import catalog, shelf

PAGE = (Path(__file__).parents[2] / "docs" / "sets.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", shelf.names("sets"))
def test_page_has_a_section_and_the_licence_of_each_set(name: str) -> None:
    reader = shelf.load("sets", name)()
    assert f"\n## {name}\n" in PAGE
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))
    if name not in ("folder", "rooms"):
        assert reader.url in row
        fetched = row.split("|")[-2].strip()
        assert (fetched in ("yes", "0.92")) == any(file.urls for file in reader.published.files)
    if "-" in reader.licence:
        assert reader.licence in PAGE


@pytest.mark.parametrize("name", shelf.names("sets"))
def test_page_names_the_labels_that_the_reader_gives(name: str, tmp_path: Path) -> None:
    section = PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]
    if "as in LibriSpeech" in section:
        section += PAGE.split("\n## librispeech\n")[1].split("\n## ")[0]
    labels = {label for item in shelf.load("sets", name)().items(trees.TREES[name](tmp_path)) for label in item.labels}
    assert {label for label in labels if f"`{label}`" not in section} == set()


def test_example_reader_works_as_it_stands(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "background_noise.py").write_text(code, encoding="utf-8")
    trees.audio(tmp_path / "root", "speech_commands_v0.02/_background_noise_/pink_noise.wav")
    table = catalog.index(
        f"{tmp_path}/background_noise.py:BackgroundNoise", tmp_path / "root", tmp_path / "c.parquet", workers=0
    )
    (row,) = table.to_pylist()
    assert (row["item"], row["set"], row["status"]) == ("pink_noise", "speech-commands-noise", "ok")
    assert catalog.labels_of(row) == {"class": "pink_noise"}
