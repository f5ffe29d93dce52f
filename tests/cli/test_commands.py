"""The command line: what it prints, where, and the code that it ends with."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from sepbench.cli import main
from sepbench.tour import RECORDINGS, SETS


@pytest.fixture(scope="module")
def corpus(catalogs, tmp_path_factory):
    """A small corpus from a recipe of the user's."""
    folder = tmp_path_factory.mktemp("cli")
    recipe = folder / "mine.toml"
    recipe.write_text(
        'name = "mine"\nversion = 1\nsample_rate = 16000\nlength = 1.0\nmetrics = ["snr", "si_sdr"]\n[splits]\ntest = 6\n'
        '[[sources]]\nname = "speech"\nrole = "target"\nset = "librispeech"\nsplits = {test = ["test-clean"]}\n'
        '[[sources]]\nname = "noise"\nrole = "noise"\nset = "esc50"\nsplits = {test = ["fold5"]}\n[levels]\nsnr_db = 3.0\n'
    )
    places = [f"--catalog={name}={catalogs[name]}" for name in ("librispeech", "esc50")]
    assert main(["mix", str(recipe), "--out", str(folder / "corpus"), "--workers", "0", "--quiet", *places]) == 0
    return folder / "corpus"


def test_help_is_instant_and_loads_nothing_heavy():
    check = (
        "import sys\nfrom sepbench.cli import main\ncode = main(['--help'])\n"
        "heavy = [m for m in ('torch', 'librosa', 'numpy', 'scipy', 'pandas', 'pyarrow') if m in sys.modules]\n"
        "sys.exit(f'loaded {heavy}' if heavy or code else 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in (
        "demo",
        "index",
        "mix",
        "verify",
        "show",
        "diff",
        "train",
        "separate",
        "score",
        "measure",
        "publish",
        "list",
    ):
        assert f"  {command} " in done.stdout


def test_the_main_job_end_to_end(say, tmp_path, corpus):
    assert say("verify", corpus, "--workers", 0)[:2] == (0, f"{corpus}: 6 rows remade, all the same\n")
    code, out, _ = say("score", "mixture", "spectral-gate", "--corpus", corpus, "--out", tmp_path / "r", "--workers", 0)
    assert code == 0
    assert "spectral-gate: 6 mixtures" in out
    code, out, _ = say("publish", tmp_path / "r", "--out", tmp_path / "s")
    assert code == 0
    assert "spectral-gate" in out
    assert (tmp_path / "s" / "index.html").is_file()


def test_json_goes_to_standard_output_and_words_to_standard_error(say, tmp_path, corpus):
    code, out, err = say("verify", corpus, "--json", "--workers", 0)
    assert code == 0
    assert json.loads(out) == {"rows": 6, "differences": []}
    assert "6 rows remade" in err
    code, out, err = say("verify", corpus, "--json", "--quiet", "--workers", 0)
    assert json.loads(out)
    assert err == ""


def test_quiet_says_nothing(say, corpus):
    assert say("verify", corpus, "--quiet", "--workers", 0) == (0, "", "")


def test_verify_ends_with_1_and_names_the_first_that_differs(say, tmp_path, corpus):
    copy = tmp_path / "corpus"
    shutil.copytree(corpus, copy)
    folder = copy / "audio" / "test" / "test-000002"
    shutil.copy(folder / "noise.flac", folder / "mixture.flac")
    code, out, err = say("verify", copy, "--workers", 0)
    assert code == 1
    assert out == ""
    assert err.startswith("error: test-000002: audio differs:")


@pytest.mark.parametrize("kind", ["mixers", "sets", "baselines", "metrics", "separators", "models", "transforms"])
def test_every_shelf_can_be_listed(say, kind):
    code, out, _ = say("list", kind)
    assert code == 0
    assert all(len(line.split(maxsplit=1)) == 2 for line in out.splitlines())
    code, data, _ = say("list", kind, "--json")
    assert [row["name"] for row in json.loads(data)] == [line.split()[0] for line in out.splitlines()]


def bad(words, *expected, code=2):
    return pytest.param(words, expected, code, id=" ".join(words)[:60])


@pytest.mark.parametrize(
    ("words", "expected", "code"),
    [
        bad(["index", "librispeech", "--root", "nowhere", "--out", "c"], "nowhere", "LibriSpeech/SUBSET", code=4),
        bad(["index", "librispech", "--root", ".", "--out", "c"], "librispech", "did you mean `librispeech`"),
        bad(["index", "urbansound8k", "--root", "empty", "--out", "c"], "empty", "UrbanSound8K"),
        bad(["index", "folder", "--root", "empty", "--out", "c"], "empty: holds no recordings"),
        bad(["index", "folder", "--root", "broken", "--out", "c"], "none of 2 recordings can be used"),
        bad(["mix", "speech-dmo", "--out", "c"], "did you mean `speech-demo`"),
        bad(["mix", "typo.toml", "--out", "c"], "typo.toml: unknown key `sampel_rate`", "did you mean `sample_rate`"),
        bad(["mix", "speech-demo", "--out", "c"], "no catalog for esc50, librispeech", "--catalog esc50=FILE"),
        bad(["mix", "speech-demo", "--catalog", "esc50", "--out", "c"], "--catalog: expected NAME=VALUE, got `esc50`"),
        bad(
            ["mix", "speech-demo", "--catalog", "esc50=no", "--catalog", "librispeech=no", "--out", "c"],
            "no: there is no such catalog",
        ),
        bad(
            ["mix", "greedy.toml", "--catalog", "librispeech=ls", "--out", "c"], "asks for 999 mixtures", "17 of speech"
        ),
        bad(
            ["mix", "speech-demo", "--catalog", "librispeech=ls", "--catalog", "esc50=esc", "--out", "taken"],
            "is not empty",
            code=4,
        ),
        bad(["verify", "empty"], "manifest.parquet: there is no such manifest"),
        bad(["score", "mixture", "--corpus", "empty", "--out", "r"], "there is no such manifest"),
        bad(
            ["score", "mixtur", "--corpus", "CORPUS", "--out", "r"],
            "unknown separator `mixtur`",
            "did you mean `mixture`",
        ),
        bad(["score", "no_module:Class", "--corpus", "CORPUS", "--out", "r"], "can't be imported"),
        bad(["score", "mine.py:Nothing", "--corpus", "CORPUS", "--out", "r"], "has no `Nothing`"),
        bad(["score", "mine.py:Vocals", "--corpus", "CORPUS", "--out", "r"], "returns vocals", "has speech, noise"),
        bad(
            ["score", "mixture", "--corpus", "CORPUS", "--split", "train", "--out", "r"],
            "split `train` has no mixtures",
        ),
        bad(["score", "mixture", "--corpus", "CORPUS", "--metric", "sdr", "--out", "r"], "unknown metric `sdr`"),
        bad(
            ["score", "mixture", "--corpus", "CORPUS", "--metric", "sdr_v3_512", "--out", "r"],
            "it comes with `bss_eval_sources`",
        ),
        bad(["mix", "speech-demo", "--mixtures", "tain=3", "--out", "r"], "choose train, valid, test"),
        bad(["mix", "speech-demo", "--mixtures", "train", "--out", "r"], "for example --mixtures test=100"),
        bad(["separate", "irm", "noisy.wav", "--out", "o"], "is an oracle"),
        bad(["separate", "mixture", "nowhere.wav", "--out", "o"], "nowhere.wav"),
        bad(["separate", "mixture", "broken/a.wav", "--out", "o"], "broken/a.wav"),
        bad(["publish", "empty", "--out", "s"], "empty"),
        bad(["list", "mixer"], "did you mean `mixers`"),
        bad(["train", "unett", "--corpus", "CORPUS", "--out", "t"], "unett"),
        bad(["nonsense"], "No such command"),
        bad(["mix"], "Missing argument"),
    ],
)
def test_bad_input_is_one_sentence_with_a_remedy(say, tmp_path, monkeypatch, catalogs, corpus, words, expected, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.wav").write_bytes(b"")
    (tmp_path / "broken" / "b.wav").write_bytes(b"RIFF....")
    (tmp_path / "typo.toml").write_text(
        'name = "x"\nversion = 1\nsample_rate = 16000\nsampel_rate = 1\nlength = 1.0\nsplits = {test = 1}\n'
        '[[sources]]\nname = "speech"\nrole = "target"\nset = "librispeech"\n'
    )
    (tmp_path / "greedy.toml").write_text(
        'name = "x"\nversion = 1\nsample_rate = 16000\nlength = "target"\nsplits = {test = 999}\n'
        '[[sources]]\nname = "speech"\nrole = "target"\nset = "librispeech"\nsplits = {test = ["test-clean"]}\n'
    )
    (tmp_path / "mine.py").write_text(
        "class Vocals:\n    sample_rate, targets = 16000, ('vocals',)\n    def separate(self, mixture): return {}\n"
    )
    shutil.copy(catalogs["librispeech"], tmp_path / "ls")
    shutil.copy(catalogs["esc50"], tmp_path / "esc")
    shutil.copy(next(RECORDINGS.rglob("*.wav")), tmp_path / "noisy.wav")
    before = sorted(tmp_path.rglob("*"))
    found, out, err = say(*(corpus if word == "CORPUS" else word for word in words))
    assert found == code, err
    assert out == ""
    for text in expected:
        assert text in err
    assert "Traceback" not in err
    if err.startswith("error:"):
        assert err.count("\n") == 2
        assert "\nhint: " in err
    left = [path for path in sorted(tmp_path.rglob("*")) if path not in before and "__pycache__" not in path.parts]
    assert left == [], "something half-written was left"


def test_some_bad_recordings_do_not_stop_an_index(say, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(RECORDINGS / "noise" / "ESC-50-master" / "audio", folder)
    (folder / "empty.wav").write_bytes(b"")
    code, out, _ = say("index", "folder", "--root", folder, "--out", tmp_path / "c.parquet", "--workers", 0)
    assert code == 3
    assert "9 recordings" in out
    assert "empty.wav: is empty" in out
    assert "1 recordings can't be used" in out


def test_a_separator_that_fails_is_counted_and_the_rest_is_scored(say, tmp_path, corpus):
    (tmp_path / "odd.py").write_text(
        "class Odd:\n    sample_rate, targets, calls = 16000, ('speech',), 0\n"
        "    def separate(self, mixture):\n        Odd.calls += 1\n"
        "        return {'speech': mixture[:, :-1] if Odd.calls % 2 else mixture}\n"
    )
    code, out, _ = say("score", f"{tmp_path}/odd.py:Odd", "--corpus", corpus, "--out", tmp_path / "r", "--workers", 0)
    assert code == 3
    assert "6 mixtures, 3 failed: Odd: `speech`: expected shape (1, 16000), got (1, 15999)" in out


def test_debug_shows_the_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sepbench", "verify", tmp_path, "--debug"], capture_output=True, text=True
    )
    assert "Traceback" in done.stderr
    assert "TableError" in done.stderr


def test_the_version_is_printed(say):
    import sepbench

    assert say("--version")[1].strip() == sepbench.__version__


def test_an_interrupted_command_says_how_to_go_on(tmp_path, corpus):
    code = (
        "import time\nclass Slow:\n    sample_rate, targets = 16000, ('speech',)\n"
        "    def separate(self, mixture):\n        open('begun', 'w').close(); time.sleep(60)\n"
    )
    (tmp_path / "slow.py").write_text(code)
    words = [sys.executable, "-m", "sepbench", "score", "slow.py:Slow", "--corpus", str(corpus), "--out", "r"]
    process = subprocess.Popen(
        words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        # a job in the background inherits that Ctrl-C is ignored, and Python then leaves it so
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "error: interrupted\nhint: run the same command again" in err
    assert not (tmp_path / "r").exists()


def test_the_sets_of_the_demo_are_there():
    assert all((RECORDINGS / folder).is_dir() for _, folder, _ in SETS)
