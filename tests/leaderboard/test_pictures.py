from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from sepbench.leaderboard import boards, collect
from sepbench.leaderboard.pictures import quality_and_cost

SIX = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.fixture
def svg(results):
    return quality_and_cost(boards(collect([results]))[0])


def test_the_plot_is_an_element_that_the_page_s_policy_allows(svg):
    ElementTree.fromstring(svg)
    assert not re.search(r"style=|<style|<script|<!--|<!DOCTYPE|<metadata|https?:|[0-9]{4}-[0-9]{2}-[0-9]{2}", svg)
    ids = re.findall(r' id="([^"]*)"', svg)
    assert all(f"#{one}" in svg for one in ids)


def test_the_plot_is_the_same_each_time(svg, results):
    assert quality_and_cost(boards(collect([results]))[0]) == svg


def test_two_plots_on_a_page_share_no_id(write_result, root):
    for target in ("vocals", "accompaniment"):
        write_result(target, {"si_sdr": SIX}, corpus={"targets": ["vocals", "accompaniment"]}, target=target)
    first, second = ({*re.findall(r' id="([^"]*)"', quality_and_cost(board))} for board in boards(collect([root])))
    assert first
    assert not first & second


def test_the_plot_takes_its_colours_from_the_page(svg):
    assert "var(--accent)" in svg
    assert "var(--ink)" in svg
    # black would vanish on a dark page; only the page's own colours and `none` are left
    assert {found for found in re.findall(r'(?:fill|stroke)="([^"]*)"', svg) if not found.startswith("var(")} == {
        "none"
    }


def test_the_plot_names_separators_and_oracles_but_not_the_mixture(svg):
    texts = [element.text for element in ElementTree.fromstring(svg).iter() if element.text and element.text.strip()]
    assert {"unet", "gate", "irm"} < set(texts)
    assert "mixture" not in texts
    assert "SI-SDR improvement in dB (higher is better)" in texts


@pytest.mark.parametrize("name", ["$\\frac{1}{0}$", "<b>&amp;", "漢字", "x" * 100])
def test_a_name_in_the_plot_is_text_and_never_a_formula(write_result, root, name):
    write_result(name, {"si_sdr": SIX}, folder="corpus/separator")
    svg = quality_and_cost(boards(collect([root]))[0])
    texts = [element.text for element in ElementTree.fromstring(svg).iter() if element.text]
    assert (name if len(name) <= 28 else "x" * 27 + "…") in texts


def test_without_a_cost_there_is_no_plot(write_result, root):
    write_result("unet", {"si_sdr": SIX}, changed={"cost": {}})
    assert quality_and_cost(boards(collect([root]))[0]) == ""
