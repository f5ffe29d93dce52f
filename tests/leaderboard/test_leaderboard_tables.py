from __future__ import annotations

import pytest
from rich.console import Console

from sepbench import statistics
from sepbench.errors import UnknownNameError, UsageError
from sepbench.leaderboard import boards, collect, publish, terminal
from sepbench.leaderboard.tables import cost, interval, number, shown, weights

SIX = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def plus(gain, values=SIX):
    return [value + gain for value in values]


@pytest.fixture
def board(results):
    (only,) = boards(collect([results]))
    return only


def one_board(root, **options):
    (only,) = boards(collect([root]), **options)
    return only


def places(board):
    return [(row.place, row.result.label) for row in board.rows]


def test_the_best_mean_stands_first_and_yardsticks_have_no_rank(board):
    assert places(board) == [("1", "unet"), ("2", "gate")]
    assert [(row.place, row.result.label) for row in board.yardsticks] == [("–", "irm"), ("–", "mixture")]


def test_a_cell_has_mean_median_interval_and_count(board):
    cell = board.rows[0].cells["si_sdr"]
    assert (cell.mean, cell.median, cell.n, cell.total) == (10.5, 10.5, 6, 6)
    # three groups with the means 8.5, 10.5 and 12.5: the extremes have a chance of 1/27 = 3.7 % each, more than 2.5 %
    assert (cell.low, cell.high) == (8.5, 12.5)
    assert shown(cell) == "10.50 [8.50, 12.50] (n = 6)"


def test_every_number_is_that_of_the_statistics(board):
    items = board.rows[1].result.items["speech", "si_sdr"]
    found = statistics.summary(items.values, items.groups)
    cell = board.rows[1].cells["si_sdr"]
    assert (cell.mean, cell.median, cell.low, cell.high) == (found.mean, found.median, found.low, found.high)


def test_the_improvement_stands_beside_its_metric_and_the_main_metric_first(board):
    assert [column.id for column in board.columns] == ["si_sdr", "si_sdr_i", "pesq_wb", "estoi"]
    assert [column.heading for column in board.columns[:2]] == ["SI-SDR", "Δ SI-SDR"]
    assert shown(board.rows[0].cells["si_sdr_i"]) == "+8.00 [+8.00, +8.00] (n = 6)"


def test_a_qualifier_stays_with_the_metric_and_with_its_improvement(write_result, root):
    write_result("unet", {"si_sdr_i:channel-mean": SIX, "si_sdr:channel-mean": SIX, "snr_i": SIX})
    board = one_board(root)  # the corpus names `si_sdr`
    assert board.main.id == "si_sdr:channel-mean"
    assert [column.heading for column in board.columns] == [
        "SI-SDR (channel-mean)",
        "Δ SI-SDR (channel-mean)",
        "snr_i",  # there is no `snr` of which it would be the improvement
    ]


def test_metrics_that_share_a_title_are_told_apart_by_their_ids(write_result, root):
    shared = {"title": "BSS Eval v3", "unit": "dB", "definition": "Projections."}
    metrics = {name: shared for name in ("sar_v3_512", "sdr_v3_512", "sir_v3_512")}
    write_result("unet", {**dict.fromkeys(metrics, SIX), "sdr_v3_512_i": SIX}, corpus={"main_metric": "sdr_v3_512"},
                 changed={"metrics": metrics})  # fmt: skip
    board = one_board(root)
    assert [column.heading for column in board.columns] == ["sdr_v3_512", "Δ sdr_v3_512", "sir_v3_512", "sar_v3_512"]
    assert [[column.base for column in columns] for columns in board.definitions] == [
        ["sdr_v3_512", "sir_v3_512", "sar_v3_512"]
    ]


def test_another_main_metric_ranks_when_it_is_asked_for(results):
    board = one_board(results, main="si_sdr_i")
    assert board.main.improvement
    assert [column.id for column in board.columns][:2] == ["si_sdr", "si_sdr_i"]
    with pytest.raises(UnknownNameError, match="did you mean `estoi`"):
        one_board(results, main="estio")


def test_where_lower_is_better_the_lowest_stands_first(write_result, root):
    metrics = {"err": {"title": "Error", "unit": "%", "higher_is_better": False}}
    for name, gain in (("bad", 9.0), ("good", 0.0)):
        write_result(name, {"err": plus(gain)}, corpus={"main_metric": "err"}, changed={"metrics": metrics})
    board = one_board(root)
    assert places(board) == [("1", "good"), ("2", "bad")]
    assert board.main.arrow == "↓"
    assert board.best["err"] == 2.5


def test_what_has_no_better_and_no_worse_is_shown_and_ranks_nothing(write_result, root, tmp_path):
    metrics = {
        "si_sdr": {"title": "SI-SDR", "unit": "dB"},
        "loudness": {"title": "Loudness", "unit": "LUFS", "higher_is_better": None},
    }
    for name, gain in (("loud", 9.0), ("soft", 0.0)):
        write_result(name, {"si_sdr": plus(gain), "loudness": plus(gain)}, changed={"metrics": metrics})
    board = one_board(root, main="si_sdr")
    (column,) = (column for column in board.columns if column.id == "loudness")
    assert column.arrow == ""
    assert "loudness" not in board.best
    assert publish([root], tmp_path / "site").page.exists()
    with pytest.raises(UsageError, match="`loudness` has no better and no worse"):
        one_board(root, main="loudness")


def test_rows_whose_paired_difference_holds_zero_share_a_rank(write_result, root):
    write_result("a", {"si_sdr": plus(0.1)})
    write_result("b", {"si_sdr": [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]})
    write_result("c", {"si_sdr": plus(-9.0)})
    board = one_board(root)
    assert places(board) == [("1=", "a"), ("1=", "b"), ("3", "c")]
    assert board.rows[1].to_above.tie
    assert board.rows[1].to_above.mean == pytest.approx(-0.1)  # this row minus the upper one
    assert any(note.startswith("=: ") for note in board.footnotes(board.columns))


@pytest.mark.parametrize(
    ("mixtures", "warned"), [(2, "1 independent group "), (6, "3 independent groups "), (20, None)]
)
def test_intervals_from_a_few_groups_are_not_to_be_relied_on(write_result, root, mixtures, warned):
    write_result("a", {"si_sdr": [float(number % 5) for number in range(mixtures)]})
    board = one_board(root)
    notes = [note for note in board.footnotes(board.columns) if note.startswith("Intervals and ties stand on ")]
    assert [warned in note for note in notes] == ([True] if warned else [])


def test_a_small_difference_on_every_item_is_no_tie_however_wide_the_intervals(write_result, root):
    write_result("a", {"si_sdr": plus(0.1)})
    write_result("b", {"si_sdr": SIX})
    assert places(one_board(root)) == [("1", "a"), ("2", "b")]


def test_one_group_gives_no_interval_and_every_row_a_tie(write_result, root):
    write_result("a", {"si_sdr": plus(9.0)}, rows={"group": "one"})
    write_result("b", {"si_sdr": SIX}, rows={"group": "one"})
    board = one_board(root)
    assert interval(board.rows[0].cells["si_sdr"], board.main) == ""
    assert places(board) == [("1=", "a"), ("1=", "b")]


def test_a_row_that_the_median_would_move_is_marked(write_result, root):
    write_result("a", {"si_sdr": [10.0, 1.0, 10.0, 1.0, 1.1, 1.1]})  # mean 4.0, median 1.1
    write_result("b", {"si_sdr": [5.0, 1.5, 5.0, 1.5, 1.05, 1.0]})  # mean 2.5, median 1.5; worse in every group
    board = one_board(root)
    assert places(board) == [("1", "a"), ("2", "b")]
    assert [(row.rank_by_median, row.moved_by_median) for row in board.rows] == [(2, True), (1, True)]
    assert any(note.startswith("≠: ") for note in board.footnotes(board.columns))


def test_within_a_tie_the_median_moves_nobody(write_result, root):
    write_result("a", {"si_sdr": [30.0, 30.0, 0.0, 0.0, 0.0, 0.0]})
    write_result("b", {"si_sdr": [8.0, 8.0, 8.0, 8.0, 8.0, 8.0]})
    board = one_board(root)
    assert [(row.place, row.rank_by_median, row.moved_by_median) for row in board.rows] == [
        ("1=", 2, False),
        ("1=", 1, False),
    ]


def test_what_is_undefined_is_counted_and_explained(write_result, root):
    write_result("a", {"si_sdr": [1.0, 2.0, 3.0, "silent_reference", "silent_reference", "not_rendered"]})
    board = one_board(root)
    cell = board.rows[0].cells["si_sdr"]
    assert cell.mean == 2.0
    assert cell.count == "n = 3 of 6, 1 not scored, 2 undefined"
    assert cell.reasons == [
        "1 × not_rendered: not scored: the corpus holds no audio for this row",
        "2 × silent_reference: undefined: the reference is silent",
    ]
    assert "silent_reference: undefined: the reference is silent." in board.footnotes(board.columns)


def test_values_above_100_db_are_counted_but_not_averaged(write_result, root):
    write_result("a", {"si_sdr": [1.0, 2.0, 3.0, "saturated_high"]})
    cell = one_board(root).rows[0].cells["si_sdr"]
    assert (cell.mean, cell.count) == (2.0, "n = 3 of 4, 1 > 100 dB, not averaged")


def test_mixtures_without_a_row_are_missing(write_result, root):
    write_result("a", {"si_sdr": SIX}, corpus={"mixtures": 8})
    assert one_board(root).rows[0].cells["si_sdr"].count == "n = 6 of 8, 2 missing"


def test_a_metric_that_is_not_installed_says_so(board):
    assert shown(board.rows[0].cells["pesq_wb"]) == "pesq_wb: not installed"


def test_a_metric_that_one_row_lacks_leaves_its_cell_without_a_value(write_result, root):
    write_result("a", {"si_sdr": SIX, "snr": SIX})
    write_result("b", {"si_sdr": SIX})
    row = next(row for row in one_board(root).rows if row.result.label == "b")
    assert shown(row.cells["snr"]) == "no value (n = 0 of 6, 6 missing)"


@pytest.mark.parametrize("fault", ["silent_estimate", "nonfinite_estimate", "separator_failed"])
def test_nobody_climbs_by_failing_on_what_is_difficult(write_result, root, fault):
    write_result("honest", {"si_sdr": [-20.0, -20.0, 9.0, 9.0, 9.0, 9.0]})
    write_result("clever", {"si_sdr": [fault, fault, 8.9, 8.9, 8.9, 8.9]})
    board = one_board(root)
    assert [row.result.label for row in board.rows] == ["honest", "clever"]
    assert board.rows[1].cells["si_sdr"].mean == pytest.approx(8.9)  # what is shown is the mean of what there is
    assert board.rows[1].counted_as_worst == 2
    assert any(note.startswith("clever: 2 of 6 mixtures have no SI-SDR") for note in board.footnotes(board.columns))


def test_nobody_climbs_by_leaving_rows_out(write_result, root):
    write_result("honest", {"si_sdr": [9.0, 9.0, 9.0, 9.0, -20.0, -20.0]})
    write_result("clever", {"si_sdr": [8.9, 8.9, 8.9, 8.9]}, corpus={"mixtures": 6})
    assert [row.result.label for row in one_board(root).rows] == ["honest", "clever"]


def test_what_is_undefined_for_all_costs_nobody_a_rank(write_result, root):
    write_result("a", {"si_sdr": [9.0, 9.0, 9.0, "silent_reference"]})
    write_result("b", {"si_sdr": [1.0, 1.0, 1.0, "silent_reference"]})
    board = one_board(root)
    assert places(board) == [("1", "a"), ("2", "b")]
    assert board.rows[0].counted_as_worst == 0


def test_a_separator_without_any_value_stands_last_without_a_rank(write_result, root):
    write_result("a", {"si_sdr": ["separator_failed"] * 6})
    write_result("b", {"si_sdr": SIX})
    assert places(one_board(root)) == [("1", "b"), ("–", "a")]


def test_a_perfect_separator_is_not_ranked_by_its_worse_items(write_result, root):
    write_result("perfect", {"si_sdr": ["saturated_high"] * 5 + [3.0]})
    write_result("good", {"si_sdr": [20.0] * 6})
    assert places(one_board(root))[0] == ("1", "perfect")


def test_there_is_one_table_per_corpus_and_target(write_result, root):
    both = {"targets": ["vocals", "accompaniment"]}
    other = {"name": "vocals-16k", "hash": "sha256:" + "cd" * 32, **both}
    write_result("unet", {"si_sdr": SIX})
    write_result("unet", {"si_sdr": SIX}, corpus=other, target="vocals")
    write_result("gate", {"si_sdr": SIX}, corpus=other, target="accompaniment")
    found = boards(collect([root]))
    assert [(board.corpus.name, board.target, len(board.rows)) for board in found] == [
        ("speech-urban-16k", "speech", 1),
        ("vocals-16k", "vocals", 1),
        ("vocals-16k", "accompaniment", 1),
    ]


def test_notes_of_all_results_are_kept_once(write_result, root):
    write_result("a", {"si_sdr": SIX}, corpus={"notes": ["The vocals are synthetic."]})
    write_result("b", {"si_sdr": SIX}, corpus={"notes": ["The vocals are synthetic.", "Few."]})
    assert one_board(root).notes == ["The vocals are synthetic.", "Few."]


@pytest.mark.parametrize("width", [100, 120])
def test_the_terminal_table_fits_and_has_what_matters(board, width):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(terminal(board, width=width))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= width
    for part in ("unet", "10.50", "[8.50, 12.50]", "n = 6", "0.128", "123 k", "oracle, not ranked", "6 mixtures"):
        assert part in text
    assert "more metrics in the page" in text


def test_the_terminal_shows_a_name_with_markup_as_it_is(write_result, root):
    write_result(
        "[red]unet[/red] \x1b[31m", {"si_sdr": SIX}, folder="speech-urban-16k/x", changed={"leak": ["[b]all[/b]"]}
    )
    console = Console(width=140)
    with console.capture() as capture:
        console.print(terminal(one_board(root), width=140))
    text = "".join(capture.get().split())
    assert "[red]unet[/red]" in text
    assert "[b]all[/b]" in text
    assert "\x1b" not in text


def test_cost_and_weights_are_short(board):
    assert (cost(board.rows[0]), weights(board.rows[0]), weights(board.rows[1])) == ("0.128", "123 k", "–")


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "expected"),
    [(-3.2, 2, False, "-3.20"), (3.2, 2, True, "+3.20"), (-0.001, 2, True, "0.00"), (0.5, 3, False, "0.500")],
)
def test_numbers_are_written_with_their_sign_and_no_negative_zero(value, decimals, signed, expected):
    assert number(value, decimals, signed=signed) == expected
