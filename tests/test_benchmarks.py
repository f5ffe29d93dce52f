"""The benchmarks run, and every contender delivers; how long it takes is nobody's business here."""

import importlib.util
import json
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def mixing(monkeypatch):
    """Give the script; what it starts in processes of their own runs in this one, which has imported it all."""
    spec = importlib.util.spec_from_file_location("mixing", FOLDER / "mixing.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mixing", module)
    spec.loader.exec_module(module)
    monkeypatch.syspath_prepend(str(FOLDER))

    def child(arguments, python=sys.executable):
        monkeypatch.setattr(sys, "argv", list(map(str, arguments)))
        runpy.run_path(sys.argv[0], run_name="__main__")
        return ""

    monkeypatch.setattr(module, "child", child)
    return module


def test_both_ways_of_scoring_run_and_give_the_same_values(mixing, monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("metrics_benchmark", FOLDER / "metrics.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "metrics_benchmark", module)  # where a dataclass looks for its module
    spec.loader.exec_module(module)
    figures = tmp_path / "figures.json"
    module.main(["--items", "1", "--seconds", "5", "--repeat", "1", "--only", "STOI", "--json", str(figures)])
    found = json.loads(figures.read_text())
    assert [row["way"] for row in found["rows"]] == ["pystoi", "stoi", "pystoi extended", "estoi"]
    assert list(found["rows"][1]["times"]) == ["pystoi"]
    assert max(found["differences"].values()) < 1e-9


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # librosa imports what Python 3.13 drops
def test_every_contender_makes_all_mixtures_and_sepbench_the_exact_ones(mixing, tmp_path, capsys):
    mixing.main(["--quick", "--items", "4", "--rows", "50", "--json", str(tmp_path / "figures.json")])
    rows = json.loads((tmp_path / "figures.json").read_text())["rows"]
    names = {row["name"] for row in rows}
    assert {
        "librosa loop",
        "LibriMix style",
        "DNS style",
        "plain writes",
        "sepbench, streamed",
        "sepbench index",
    } <= names
    for row in rows:
        assert row["items"] > 0, row["name"]
        if row["name"].startswith("sepbench,"):
            assert row["sum_error_steps"] == 0
            assert row["snr_error_db"] < 0.01  # 16 bits; architecture.md has the bound
    assert "scaper: not installed" in capsys.readouterr().out
