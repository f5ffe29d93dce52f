"""What every registered format of export must do, whoever wrote it."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from openers import OPENERS, assert_same_samples

import sepbench
from sepbench import shelf
from sepbench.errors import PlaceError, TableError, UsageError
from sepbench.exports.citing import parsed

FORMATS = shelf.names("exports")
pytestmark = pytest.mark.parametrize("name", FORMATS)
TOOLS = {
    "croissant": "mlcroissant",
    "duckdb": "duckdb",
    "huggingface": "datasets",
    "lhotse": "lhotse",
    "webdataset": "webdataset",
}


@pytest.fixture(autouse=True)
def tool(name: str) -> None:
    """Skip a format whose tool is not installed."""
    if name in TOOLS:
        pytest.importorskip(TOOLS[name])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_format_says_what_it_is_and_how_it_is_opened(name: str) -> None:
    form = shelf.load("exports", name)
    assert form.title
    assert "\n" not in form.title
    assert re.search(r"```(python|sh)\n.*FOLDER", form.opening, re.DOTALL)


def test_words_that_open_it_are_right(name: str, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sepbench.export(talk, name, tmp_path / "out")
    language, code = re.findall(r"```(python|sh)\n(.*?)```", shelf.load("exports", name).opening, re.DOTALL)[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "egs2/MY_SET/enh1/data").mkdir(parents=True)
    (tmp_path / "script").write_text(code.replace("FOLDER", "out"), encoding="utf-8")
    done = subprocess.run([sys.executable if language == "python" else "sh", "script"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_page_of_exports_shows_how_it_is_opened(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
    assert shelf.load("exports", name).opening in page
    for option in inspect.signature(shelf.load("exports", name)).parameters:
        assert f"`{option}" in page, f"docs/exports.md does not say what the option `{option}` does"


@pytest.mark.parametrize("corpus", ["talk", "crowd", "songs"])
def test_what_its_tool_opens_is_the_corpus_to_the_last_sample(
    name: str, corpus: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert name in OPENERS, f"open a folder of {name} in tests/openers.py"
    folder = request.getfixturevalue(corpus)
    done = sepbench.export(folder, name, tmp_path / "out")
    assert (done.mixtures, done.left_out) == (len(sepbench.Corpus(folder)), {})
    assert_same_samples(OPENERS[name](tmp_path / "out"), sepbench.Corpus(folder))


def test_one_split_is_exported_alone(name: str, talk: Path, tmp_path: Path) -> None:
    assert sepbench.export(talk, name, tmp_path / "out", split="train").mixtures == 3
    assert_same_samples(OPENERS[name](tmp_path / "out"), sepbench.Corpus(talk, split="train"))


def test_card_licences_and_citations_go_along(name: str, talk: Path, tmp_path: Path) -> None:
    sepbench.export(talk, name, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert shelf.load("exports", name).opening in card
    assert "esc50" in (tmp_path / "out" / "LICENSES.md").read_text(encoding="utf-8")
    entries = (tmp_path / "out" / "citation.bib").read_text(encoding="utf-8").strip().split("\n\n")
    assert [parsed(entry)["key"] for entry in entries] == ["sepbench:talk", "sepbench", "piczak2015esc", "panayotov2015librispeech"]  # fmt: skip
    about = json.loads((tmp_path / "out" / "sepbench-export.json").read_text())
    assert about["corpus_hash"] == sepbench.Corpus(talk).corpus_hash


def test_mixtures_without_audio_are_left_out_and_counted_in_words(name: str, gaps: Path, tmp_path: Path) -> None:
    said: list[str] = []
    done = sepbench.export(gaps, name, tmp_path / "out", say=said.append)
    assert done.left_out == {"source_missing": 2}
    assert said == ["left out: 2 of 8 mixtures have no audio (2 source_missing)"]
    assert (
        "Left out: 2 of 8 planned mixtures have no audio (2 `source_missing`)."
        in (tmp_path / "out" / "README.md").read_text()
    )
    assert_same_samples(OPENERS[name](tmp_path / "out"), sepbench.Corpus(gaps))


def test_place_that_is_taken_is_refused_and_stays_as_it_was(name: str, talk: Path, tmp_path: Path) -> None:
    sepbench.export(talk, name, tmp_path / "out", split="test")
    before = contents(tmp_path / "out")
    with pytest.raises(PlaceError, match=r"(?s)out: is there already.*hint: .*--force"):
        sepbench.export(talk, name, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_earlier_export_is_replaced_with_force(name: str, talk: Path, tmp_path: Path) -> None:
    sepbench.export(talk, name, tmp_path / "out", split="test")
    assert sepbench.export(talk, name, tmp_path / "out", split="valid", force=True).mixtures == 1
    assert_same_samples(OPENERS[name](tmp_path / "out"), sepbench.Corpus(talk, split="valid"))
    assert sorted(path.name for path in tmp_path.iterdir() if "cache" not in path.name) == ["out"]


def test_corpus_that_was_only_planned_is_refused(name: str, catalogs: dict[str, Path], tmp_path: Path) -> None:
    sepbench.mix("speech-demo", tmp_path / "plan", catalogs=catalogs, plan_only=True, workers=0)
    with pytest.raises(TableError, match=r"(?s)planned but not rendered.*hint: run `sepbench mix"):
        sepbench.export(tmp_path / "plan", name, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_unknown_option_is_refused_with_those_that_are_known(name: str, talk: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)no_such_option.*hint: options of this format: "):
        sepbench.export(talk, name, tmp_path / "out", options={"no_such_option": "1"})
    assert not list(tmp_path.iterdir())


def test_what_fails_midway_leaves_nothing(
    name: str, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sepbench.exports.exporting._describe", full)
    with pytest.raises(PlaceError, match=r"(?s)out: can't be written \(No space.*hint: make room"):
        sepbench.export(talk, name, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_corpus_is_left_as_it_was(name: str, talk: Path, tmp_path: Path) -> None:
    before = contents(talk)
    sepbench.export(talk, name, tmp_path / "out")
    assert contents(talk) == before
