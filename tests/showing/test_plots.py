"""Histograms: every value is in a bar, the axis holds them all, and the element fits into the page."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.showing.plots import histogram, ticks

values = st.lists(st.floats(-1e4, 1e4, allow_subnormal=False), min_size=1, max_size=50)


def bars(svg):
    """Give the heights of the bars of each row, in units of the drawing."""
    found = []
    for path in re.findall(r'class="bars" d="M44 ([\d.]+)(.*?)V[\d.]+Z"', svg):
        tops = re.findall(r"V([\d.]+)H", path[1])
        found.append([float(path[0]) - float(top) for top in tops])
    return found


def test_whole_numbers_have_a_bar_each_as_high_as_they_are_frequent():
    (heights,) = bars(histogram({"train": np.array([1.0, 1, 1, 1, 3, 3])}, "talkers"))
    assert heights == pytest.approx([38, 0, 19], abs=0.06)  # a tenth of a unit is what is written


@given(st.dictionaries(st.sampled_from(["train", "valid", "test"]), values, min_size=1))
def test_any_values_have_a_picture_that_is_well_formed_and_within_its_frame(columns):
    svg = histogram({name: np.array(found) for name, found in columns.items()}, "anything")
    tree = ElementTree.fromstring(svg)
    width, height = map(float, tree.get("viewBox").split()[2:])
    rows = bars(svg)
    assert len(rows) == len(columns)
    assert all(max(row) == pytest.approx(38, abs=0.06) for row in rows)
    for across, up in re.findall(r'x="([\d.]+)" y="([\d.]+)"', svg):
        assert 0 <= float(across) <= width
        assert 0 <= float(up) <= height
    assert "style=" not in svg


def test_whole_numbers_are_counted_on_the_axis_and_no_halves():
    svg = histogram({"train": np.array([2.0, 3.0, 3.0])}, "talkers")
    assert re.findall(r'text-anchor="middle">([^<]*)<', svg) == ["2", "3"]


def test_names_are_text():
    svg = histogram({"<b>": np.array([1.0, 2.5])}, '"><script>')
    assert ElementTree.fromstring(svg).get("aria-label") == '"><script>'
    assert "&lt;b&gt;" in svg


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_round_within_the_range_and_neither_few_nor_many(low, width):
    found = ticks(low, low + width)
    assert 2 <= len(found) <= 8
    assert all(low - 1e-6 * width <= one <= low + width * (1 + 1e-6) for one in found)
