from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sepbench.errors import AudioError, PlaceError, UsageError
from sepbench.leaderboard import MARKER, publish

SIX = {"si_sdr": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]}


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def heard(write_result, write_example, edit_json, root):
    """Give results in which two separators were heard on one mixture."""
    for name in ("unet", "gate"):
        folder = write_result(name, {**SIX, "si_sdr_i": [1.0] * 6})
        edit_json(folder, examples=[write_example(folder, which) for which in ("worst", "best")])
    return root


def test_publishing_twice_gives_the_same_bytes(heard, tmp_path):
    publish(heard, tmp_path / "one")
    corpus = heard / "speech-urban-16k"
    publish([corpus / "unet", corpus / "gate"], tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_site_holds_all_that_the_page_needs(heard, tmp_path):
    made = publish(heard, tmp_path / "site")
    assert made.page == tmp_path / "site" / "index.html"
    assert len(made.tables) == 1
    names = set(contents(tmp_path / "site"))
    assert {"index.html", "leaderboard.md", "leaderboard.csv", MARKER} < names
    # one mixture, one reference and one estimate, however often they are heard
    assert sum(name.startswith("audio/") for name in names) == 3
    assert sum(name.startswith("pictures/") for name in names) == 3


def test_an_earlier_site_is_replaced_as_a_whole(heard, tmp_path):
    publish(heard, tmp_path / "site")
    (tmp_path / "site" / "stale.html").write_text("old")
    publish(heard / "speech-urban-16k" / "gate", tmp_path / "site")
    assert "stale.html" not in contents(tmp_path / "site")
    assert "unet" not in (tmp_path / "site" / "index.html").read_text()


def test_an_empty_folder_is_taken(results, tmp_path):
    (tmp_path / "site").mkdir()
    publish(results, tmp_path / "site")
    assert (tmp_path / "site" / "index.html").is_file()


def test_a_folder_of_somebody_else_is_refused_and_left_alone(results, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("ten years")
    with pytest.raises(PlaceError, match="no site of sepbench"):
        publish(results, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "ten years"
    with pytest.raises(PlaceError, match="found a file"):
        publish(results, tmp_path / "mine" / "thesis.tex")


def test_a_site_that_holds_the_results_is_not_replaced(results, tmp_path):
    (results / MARKER).write_text("{}")
    with pytest.raises(PlaceError, match="would remove"):
        publish(results, results)
    assert (results / "speech-urban-16k" / "unet" / "result.json").is_file()


def test_a_site_inside_the_results_is_no_result(results):
    publish(results, results / "site")
    before = contents(results / "site")
    publish(results, results / "site")
    assert contents(results / "site") == before


def test_when_publishing_fails_the_earlier_site_stays_and_nothing_else(heard, tmp_path):
    publish(heard, tmp_path / "site")
    before = contents(tmp_path / "site")
    (heard / "speech-urban-16k" / "unet" / "examples" / "test-000000" / "estimate.flac").write_bytes(b"no audio")
    with pytest.raises(AudioError):
        publish(heard, tmp_path / "site")
    assert contents(tmp_path / "site") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "site"]


def test_what_is_no_recording_is_not_copied(heard, tmp_path, edit_json, write_example):
    folder = heard / "speech-urban-16k" / "unet"
    example = write_example(folder)
    example["files"]["estimate"] = "result.json"
    edit_json(folder, examples=[example])
    with pytest.raises(UsageError, match="is no recording"):
        publish(heard, tmp_path / "site")


def test_a_place_that_can_not_be_written_is_an_error_of_the_environment(results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceError, match="can't be written"):
        publish(results, tmp_path / "file" / "site")
