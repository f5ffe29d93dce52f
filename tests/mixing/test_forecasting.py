"""What is said before a build: space and time, from the plan and from a clock."""

import re

import pytest
from test_building import SHORT

from sepbench import mixing
from sepbench.errors import PlaceError
from sepbench.mixing import forecasting, sizing


@pytest.fixture
def ticking(monkeypatch):
    """Let each reading of the clock be a tenth of a second after the one before."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(forecasting.time, "perf_counter", lambda: next(ticks) / 10)


def needs_of(rows, catalogs, monkeypatch):
    recipe = SHORT.model_copy(update={"splits": {"test": rows}})
    tables = {name: mixing.orders.catalog.read(path) for name, path in catalogs.items()}
    planned = mixing.plan(recipe, tables)
    return planned, sizing.needs_of(planned, {})


def said(planned, needs, *, chosen=(), workers=1):
    words = forecasting.forecast(planned, needs, chosen, "flac", workers)
    return float(re.fullmatch(r"\d+ mixtures take about .*B, and (\d+) s or so.*", words)[1])


def test_twice_the_mixtures_take_twice_the_time(catalogs, ticking, monkeypatch):
    monkeypatch.setattr(forecasting, "_reading_s", lambda *_: 0.0)
    few, many = (said(*needs_of(rows, catalogs, monkeypatch)) for rows in (40, 80))
    assert few == pytest.approx(4, abs=0.51)  # a tenth of a second each
    assert many == pytest.approx(8, abs=0.51)


def test_workers_share_the_time(catalogs, ticking, monkeypatch):
    planned, needs = needs_of(80, catalogs, monkeypatch)
    assert said(planned, needs, workers=4) == pytest.approx(said(planned, needs) / 4, abs=1)


def test_what_is_packed_is_read_once_and_what_is_neither_packed_nor_kept_each_time(catalogs, ticking, monkeypatch):
    planned, needs = needs_of(80, catalogs, monkeypatch)
    monkeypatch.setattr(forecasting, "_mixing_s", lambda *_: 0.0)
    monkeypatch.setattr(forecasting, "_reading_s", lambda *_: 5e-6)
    once = sum(one.frames for one, _ in needs.uses) * 5e-6
    each_time = sum(one.frames * count for one, count in needs.uses) * 5e-6
    assert said(planned, needs, chosen=[one for one, _ in needs.uses]) == pytest.approx(once, abs=0.51)
    assert said(planned, needs) == pytest.approx(once, abs=0.51)  # so little is kept
    monkeypatch.setattr(sizing, "_IN_MEMORY_BYTES", 0)
    assert said(planned, needs) == pytest.approx(each_time, abs=0.51)
    assert each_time > 2 * once


def test_a_build_says_it_before_it_begins(tmp_path, catalogs):
    lines = []
    mixing.mix(SHORT, tmp_path / "corpus", catalogs=catalogs, workers=0, say=lines.append)
    assert re.fullmatch(r"46 mixtures take about \d\.\d MB, and \d+ s or so", lines[0])


def test_a_recording_without_a_catalog_is_taken_to_end_with_its_last_excerpt(catalogs, monkeypatch):
    planned, needs = needs_of(80, catalogs, monkeypatch)
    ends = {}
    for row in planned:
        for source in row["sources"]:
            ends[source["path"]] = max(ends.get(source["path"], 0), source["start"] + source["frames"])
    assert {one.path: one.frames for one, _ in needs.uses} == ends


def test_a_pack_that_does_not_fit_beside_the_corpus_is_refused_where_it_is_asked_for(tmp_path, catalogs, monkeypatch):
    monkeypatch.setattr(sizing.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(PlaceError, match=r"the pack needs up to .* MB, and \d\.\d MB would be free"):
        mixing.mix(SHORT, tmp_path / "corpus", catalogs=catalogs, workers=0, pack="always", cache=tmp_path / "cache")
    made = mixing.mix(SHORT, tmp_path / "corpus", catalogs=catalogs, workers=0, cache=tmp_path / "cache")
    assert not made.failures()


class Usage:
    free = 3_000_000  # enough for the corpus
