"""Docs are code: generated pages are what the code says, and the README's commands do what it says."""

import contextlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sepbench.cli import main
from sepbench.cli.commands import app
from sepbench.separators.protocol import Separator, build, checked
from sepbench.tour import RECORDINGS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELVES = [ROOT / name for name in ("mixers", "baselines", "leaderboards")]
PAGES = sorted(page for folder in (ROOT, ROOT / "docs", *SHELVES) for page in folder.glob("*.md"))


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("path", sorted(generator().pages()), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_page_is_what_the_code_says(path):
    assert path.read_text(encoding="utf-8") == generator().pages()[path], "run `python docs/generate.py`"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_is_in_the_readme_or_its_help():
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert commands == {
        "demo",
        "export",
        "fetch",
        "index",
        "mix",
        "verify",
        "train",
        "separate",
        "score",
        "measure",
        "publish",
        "list",
        "preview",
        "show",
        "diff",
    }
    for name in commands:
        assert f"sepbench {name}" in README, name


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A folder in which the README's words can be typed: public sets as published, and a noisy recording."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(RECORDINGS / "speech" / "LibriSpeech", folder / "LibriSpeech")
    shutil.copytree(RECORDINGS / "noise" / "ESC-50-master", folder / "ESC-50-master")
    shutil.copy(next((RECORDINGS / "noise").rglob("5-*.wav")), folder / "noisy.wav")
    write_pairs(folder / "VoiceBank-DEMAND")
    shutil.copy(folder / "noisy.wav", folder / "clean.wav")
    for name in ("clean", "enhanced"):
        (folder / name).mkdir()
        shutil.copy(folder / "noisy.wav", folder / name)
    (folder / "my_separator.py").write_text(next(block for block in blocks("python") if "class Halve" in block))
    return folder


def write_pairs(folder):
    """Make a test set as VoiceBank-DEMAND is published: noisy and clean recordings of the same name."""
    for kind in ("clean", "noisy"):
        (folder / f"{kind}_testset_wav").mkdir(parents=True)
    for number, path in enumerate(sorted((RECORDINGS / "speech").rglob("9005-*.flac"))):
        clean, rate = soundfile.read(path, dtype="int16")
        noise = np.random.default_rng(number).integers(-300, 300, len(clean)).astype(np.int16)
        for kind, samples in (("clean", clean // 2), ("noisy", clean // 2 + noise)):
            soundfile.write(folder / f"{kind}_testset_wav" / f"p232_{number:03d}.wav", samples, rate)


@contextlib.contextmanager
def inside(folder):
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def test_the_readmes_commands_work_as_they_stand(disk, capsys):
    with inside(disk):
        for line in "".join(blocks("sh")).splitlines():
            words = shlex.split(line)
            assert words[0] == "sepbench"
            # what a command prints is checked where it is tested; here it must end well, and quickly
            extra = ["--limit", "4", "--metric", "si_sdr"] if words[1] == "score" else []
            assert main([*words[1:], *extra]) == 0, f"{line}\n{capsys.readouterr().err}"
    assert (disk / "separated" / "noisy" / "speech.flac").exists()
    assert "halve" in (disk / "site" / "index.html").read_text(encoding="utf-8")


def test_the_page_on_separators_has_every_attribute_and_its_class_works(tmp_path):
    page = (ROOT / "docs" / "separators.md").read_text(encoding="utf-8")
    for name in [
        *Separator.__annotations__,
        *re.findall(r"``(\w+)(?: =.*?)?``", Separator.__doc__.partition("Notes")[2]),
    ]:
        assert f"`{name}`" in page
    (tmp_path / "gate.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])
    gate = build(f"{tmp_path / 'gate.py'}:Gate", {"threshold": "0.02"})
    mixture = np.array([[0.01, -0.03]], np.float32)
    assert checked(gate, mixture, sample_rate=16000, targets=("speech",))["speech"].tolist() == [[0, mixture[0, 1]]]


def test_the_readmes_metrics_take_arrays(capsys):
    script = next(block for block in blocks("python") if "metrics.si_sdr" in block)
    reference, noise = np.random.default_rng(0).standard_normal((2, 16000))
    exec(script, {"reference": reference, "noise": 1e-3 * noise, "sample_rate": 16000})
    values = [float(word) for word in capsys.readouterr().out.split()]
    assert values == [pytest.approx(40, abs=0.2), pytest.approx(-20, abs=0.01), pytest.approx(20, abs=0.1), pytest.approx(0.9, abs=0.1)]  # fmt: skip


def test_the_readmes_python_works_as_it_stands(disk):
    script = next(block for block in blocks("python") if "sepbench.index" in block)
    script = script.replace('"corpus"', '"corpus-2"').replace('"results"', '"results-2"').replace('"site"', '"site-2"')
    script = script.replace('results-2")', "results-2\", limit=2, metric_names=['si_sdr'])")
    (disk / "script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], cwd=disk, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    page, shape = done.stdout.splitlines()
    assert page == "site-2/index.html"
    assert re.fullmatch(r"\(1, \d+\) \['speech', 'noise'\]", shape)
