from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench import scores, shelf
from sepbench.errors import PlaceError, TableError, UsageError
from sepbench.leaderboard import boards
from sepbench.leaderboard.collect import collect, inside
from sepbench.leaderboard.schema import visible

SIX = {"si_sdr": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]}


def labels(found):
    return [result.label for result in found]


def test_results_a_corpus_and_separators_name_the_same_things(results):
    corpus = results / "speech-urban-16k"
    everything = ["gate", "irm", "mixture", "unet"]
    assert labels(collect([results])) == everything
    assert labels(collect([corpus])) == everything
    assert labels(collect([corpus / "unet", corpus / "gate"])) == ["gate", "unet"]
    assert labels(collect([results, str(corpus), corpus / "unet"])) == everything


def test_items_are_sorted_by_mixture_and_keep_their_groups(write_result):
    (result,) = collect([write_result("unet", {"si_sdr": [3.0, "silent_reference", 1.0]})])
    items = result.items["speech", "si_sdr"]
    assert items.mixtures.tolist() == ["test-000000", "test-000001", "test-000002"]
    assert items.groups.tolist() == ["talker-0", "talker-0", "talker-1"]
    assert items.statuses.tolist() == ["ok", "silent_reference", "ok"]
    assert items.values[[0, 2]].tolist() == [3.0, 1.0]


def test_folders_without_results_are_refused_with_a_remedy(tmp_path):
    with pytest.raises(UsageError, match="found none"):
        collect([tmp_path])
    with pytest.raises(PlaceError, match="no such folder"):
        collect([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="no results"):
        collect([])


def test_results_on_changed_corpora_are_refused_with_both_folders_and_hashes(write_result, root):
    one = write_result("unet", SIX)
    other = write_result("gate", SIX, corpus={"hash": "sha256:" + "cd" * 32})
    with pytest.raises(UsageError) as refused:
        collect([root])
    for part in (str(one), str(other), "sha256:" + "ab" * 32, "sha256:" + "cd" * 32):
        assert part in str(refused.value)


def test_results_of_two_versions_of_a_metric_are_refused(write_result, root):
    write_result("unet", SIX)
    write_result("gate", SIX, rows={"metric_version": "sepbench 2"})
    with pytest.raises(UsageError, match=r"the version of si_sdr is sepbench 2 and sepbench 1"):
        collect([root])


def test_groups_that_differ_between_results_are_refused(write_result, root):
    write_result("unet", SIX)
    write_result("gate", SIX, rows={"group": "one talker"})  # would narrow or widen its interval at will
    with pytest.raises(UsageError, match="the group of `test-000000`"):
        collect([root])


@pytest.mark.parametrize("field", ["split", "mixtures", "sample_rate", "channels"])
def test_results_that_disagree_on_the_corpus_are_refused(write_result, root, field):
    write_result("unet", SIX)
    write_result("gate", SIX, corpus={field: {"split": "valid"}.get(field, 7)})
    with pytest.raises(UsageError, match=f"`{field}` of speech-urban-16k"):
        collect([root])


@pytest.mark.parametrize("twin", ["unet", "UNET", "ｕｎｅｔ"])
def test_two_results_of_one_name_and_version_are_refused(write_result, root, twin):
    write_result("unet", SIX)
    write_result(twin, SIX, folder="speech-urban-16k/another")
    with pytest.raises(UsageError, match="another version"):
        collect([root])


def test_two_versions_of_one_separator_stand_side_by_side(write_result, root):
    write_result("unet", SIX)
    write_result("unet", SIX, about={"version": "2"}, folder="speech-urban-16k/unet-2")
    assert labels(collect([root])) == ["unet", "unet"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("NaN", "not a finite number"),
        ("-Infinity", "not a finite number"),
        ("1e999", "not a finite number"),
        ('{"a": 1, "a": 2}', "stands there twice"),
        ("[" * 100_000, "no valid JSON"),
        ("9" * 5000, "no valid JSON"),
        ("{", "no valid JSON"),
        ("[]", "the whole"),
        ('{"schema_version": 2}', "schema version 2"),
        ('{"schema_version": 1}', "`corpus`: Field required"),
        (" " * (1 << 20) + "{}", "larger than 1 MiB"),
    ],
)
def test_json_that_two_readers_may_read_differently_is_refused(write_result, words, reason):
    folder = write_result("unet", SIX)
    (folder / "result.json").write_text(words)
    with pytest.raises(TableError, match=reason) as refused:
        collect([folder])
    assert str(folder / "result.json") in str(refused.value)


def test_json_that_is_not_utf8_is_refused(write_result):
    folder = write_result("unet", SIX)
    (folder / "result.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(TableError, match="no valid JSON"):
        collect([folder])


@pytest.mark.parametrize(
    "change",
    [
        {"separator__name": "x" * 129},
        {"separator__name": ""},
        {"separator__name": " unet"},
        {"separator__name": 7},
        {"separator__parameters": -1},
        {"separator__parameters": True},
        {"separator__ranked": "yes"},
        {"separator__kind": "winner"},
        {"corpus__hash": "sha256:abc"},
        {"corpus__mixtures": 0},
        {"corpus__description": "x" * 4001},
        {"cost__real_time_factor": -0.1},
    ],
)
def test_fields_of_a_wrong_kind_are_refused_with_their_name(write_result, edit_json, change):
    folder = write_result("unet", SIX)
    edit_json(folder, **change)
    with pytest.raises(TableError) as refused:
        collect([folder])
    assert next(iter(change)).replace("__", ".") in str(refused.value)


def test_fields_of_a_later_sepbench_are_no_reason_to_refuse(write_result, edit_json):
    folder = write_result("unet", SIX)
    edit_json(folder, separator__colour="blue")
    assert labels(collect([folder])) == ["unet"]


@pytest.mark.parametrize(
    "relative",
    ["../secret.flac", "/etc/passwd", "examples/../../secret.flac", "C:\\secret.flac", "file:///etc/passwd",
     "examples\\a.flac", "a\nb.flac", "\u202eflac.a", "", "nowhere.flac", "."],
)  # fmt: skip
def test_paths_never_leave_the_result(write_result, write_example, edit_json, relative):
    folder = write_result("unet", SIX)
    (folder.parent / "secret.flac").write_bytes(b"secret")
    example = write_example(folder)
    example["files"]["estimate"] = relative
    edit_json(folder, examples=[example])
    with pytest.raises(UsageError):
        collect([folder])


def test_links_that_lead_out_of_a_result_are_refused(write_result, tmp_path):
    folder = write_result("unet", SIX)
    (tmp_path / "secret").write_bytes(b"secret")
    os.symlink(tmp_path / "secret", folder / "a.flac")
    with pytest.raises(UsageError, match="leads out"):
        inside(folder, "a.flac")
    shutil.move(folder / scores.FILE_NAME, tmp_path / "elsewhere.parquet")
    os.symlink(tmp_path / "elsewhere.parquet", folder / scores.FILE_NAME)
    with pytest.raises(UsageError, match="leads out"):
        collect([folder])


def test_a_folder_that_is_a_link_out_of_the_results_is_refused_unless_named(write_result, root, tmp_path):
    write_result("unet", SIX)
    shutil.move(root / "speech-urban-16k" / "unet", tmp_path / "unet")
    os.symlink(tmp_path / "unet", root / "speech-urban-16k" / "unet")
    with pytest.raises(UsageError, match="leads out"):
        collect([root])
    assert labels(collect([root / "speech-urban-16k" / "unet"])) == ["unet"]


def test_examples_need_their_three_signals(write_result, write_example, edit_json):
    folder = write_result("unet", SIX)
    example = write_example(folder)
    del example["files"]["reference"]
    edit_json(folder, examples=[example])
    with pytest.raises(TableError, match="has the files estimate, mixture"):
        collect([folder])


@pytest.mark.parametrize(
    "field", ["corpus__name", "corpus__hash", "corpus__split", "separator__name", "separator__version"]
)
def test_the_two_files_of_a_result_must_tell_the_same(write_result, edit_json, field):
    folder = write_result("unet", SIX)
    edit_json(folder, **{field: "sha256:" + "ef" * 32})
    with pytest.raises(TableError, match="not of one run"):
        collect([folder])


@pytest.mark.parametrize(
    ("values", "rows", "reason"),
    [
        ({"pesq_wb": [4.9]}, {}, "the scale ends at 4.65"),
        ({"stoi": [1.2]}, {}, "the scale ends at 1"),
        ({"si_sdr": [float("nan")]}, {}, "only a finite value is `ok`"),
        ({"si_sdr": [float("inf")]}, {}, "only a finite value is `ok`"),
        ({"si_sdr": ["ok"]}, {}, "only a finite value is `ok`"),
        ({"si_sdr": [1.0]}, {"status": "silent_reference"}, "only `ok` has a value"),
        ({"si_sdr": [1.0]}, {"status": "great"}, "unknown status `great`"),
        ({"si_sdr": [1.0]}, {"target": "vocals"}, "no target of the corpus"),
        ({"si_sdr": [1.0, 2.0]}, {"mixture_id": "test-0"}, "scored twice"),
    ],
)
def test_scores_that_can_not_be_are_refused(write_result, values, rows, reason):
    folder = write_result("unet", values, rows=rows)
    with pytest.raises(TableError, match=reason):
        collect([folder])


@pytest.mark.parametrize("column", ["metric", "metric_version"])
@pytest.mark.parametrize("text", ["x" * 100_000, "", " si_sdr"])
def test_words_of_the_score_table_that_are_no_names_are_refused_in_few_words(write_result, column, text):
    folder = write_result("unet", SIX, rows={column: text})
    with pytest.raises(TableError, match=f"{column} `") as refused:
        collect([folder])
    assert len(str(refused.value)) < 1000


def test_a_folder_that_is_still_being_written_is_no_result(write_result, root):
    write_result("unet", SIX)
    write_result("gate", SIX, folder="speech-urban-16k/.gate.1234.tmp")
    assert labels(collect([root])) == ["unet"]


@pytest.mark.parametrize("name", [*shelf.names("leaderboards"), "."])
def test_what_lies_on_the_shelf_can_be_published(name):
    if shelf.names("leaderboards"):
        assert boards(collect([shelf.folder("leaderboards") / name]))
    else:
        with pytest.raises(UsageError, match="found none"):
            collect([shelf.folder("leaderboards") / name])


def test_more_mixtures_than_the_corpus_has_are_refused(write_result):
    folder = write_result("unet", SIX, corpus={"mixtures": 5})
    with pytest.raises(TableError, match="6 mixtures for si_sdr, but the corpus has 5"):
        collect([folder])


def test_an_improvement_may_exceed_the_scale_of_its_metric(write_result):
    collect([write_result("unet", {"stoi_i": [-1.5]})])


def test_a_metric_with_frames_counts_once_per_mixture_with_the_median_over_them(write_result):
    folder = write_result("unet", SIX)
    table, _ = scores.read(folder / scores.FILE_NAME)
    rows = table.to_pylist()[:2]
    framed = [
        {**row, "frame": frame, "value": value, "status": "ok" if value is not None else "silent_reference"}
        for row, values in zip(rows, ([9.0, None, 1.0, 2.0], [None, None]), strict=True)
        for frame, value in enumerate(values)
    ]
    scores.write(framed, folder / scores.FILE_NAME, metadata={})
    (result,) = collect([folder])
    items = result.items["speech", "si_sdr"]
    assert items.values[0] == 2.0
    assert items.statuses.tolist() == ["ok", "silent_reference"]


def test_names_that_hide_or_turn_around_become_visible(write_result):
    (result,) = collect([write_result("a\u202eb\u200bc\nd\x1b[31m", SIX, folder="speech-urban-16k/x")])
    assert result.label == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+000A⟩d⟨U+001B⟩[31m"


@given(st.text())
def test_visible_text_is_printable_and_stays_as_it_is_the_second_time(text):
    shown = visible(text)
    assert visible(shown) == shown
    assert all(char.isprintable() or char.isspace() or not char.isascii() for char in shown)
    assert not set(shown) & set("\n\r\t\x1b\u200b\u202e\u2028\u2066")
