from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from sepbench import audio
from sepbench.leaderboard import boards, collect
from sepbench.leaderboard.pictures import quality_and_cost, spectrograms

SIX = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
LEVELS = 255 / 80  # steps of the picture's palette per dB


def tone(path, *, hertz=1000.0, amplitude=8000.0, seconds=1.0, rate=16000, channels=1):
    time = np.arange(round(seconds * rate)) / rate
    samples = np.rint(amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.int32)
    audio.write_pcm(path, np.repeat(samples[None], channels, axis=0), rate, 16)
    return path


def steps(spectrogram):
    """Give the picture as palette steps, shape (frequency, time), low frequencies first."""
    return np.asarray(Image.open(io.BytesIO(spectrogram.png)))[::-1].astype(int)


def test_a_tone_lights_up_at_its_frequency(tmp_path):
    pictures = spectrograms({"mixture": tone(tmp_path / "a.flac", hertz=2000.0)})
    picture = steps(pictures["mixture"])
    assert pictures["mixture"].highest_hz == 8000
    assert pictures["mixture"].duration_s == 1.0
    row = int(picture.mean(axis=1).argmax())
    assert row / (picture.shape[0] - 1) * 8000 == pytest.approx(2000, abs=16000 / 512)  # the width of a bin
    assert picture.max() == 255


def test_a_signal_at_a_tenth_of_the_mixture_is_20_db_darker(tmp_path):
    paths = {
        "mixture": tone(tmp_path / "a.flac", amplitude=20000.0),
        "estimate": tone(tmp_path / "b.flac", amplitude=2000.0),
    }
    pictures = spectrograms(paths)
    # one step of the palette, as both levels are rounded to one
    assert steps(pictures["mixture"]).max() - steps(pictures["estimate"]).max() == pytest.approx(20 * LEVELS, abs=1)


def test_silence_and_the_shortest_signal_have_a_picture(tmp_path):
    paths = {
        "mixture": tone(tmp_path / "a.flac", amplitude=0.0),
        "estimate": tone(tmp_path / "b.flac", seconds=1 / 16000),
    }
    pictures = spectrograms(paths)
    assert steps(pictures["mixture"]).max() == 0
    assert pictures["estimate"].duration_s == 1 / 16000


def test_channels_that_cancel_are_still_seen(tmp_path):
    samples = np.rint(8000 * np.sin(np.arange(16000) / 3)).astype(np.int32)
    audio.write_pcm(tmp_path / "a.flac", np.stack([samples, -samples]), 16000, 16)
    assert steps(spectrograms({"mixture": tmp_path / "a.flac"})["mixture"]).max() == 255


def test_a_long_signal_makes_no_large_picture(tmp_path):
    picture = steps(spectrograms({"mixture": tone(tmp_path / "a.flac", seconds=30, rate=44100)})["mixture"])
    assert picture.shape[0] <= 256
    assert picture.shape[1] <= 700


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
