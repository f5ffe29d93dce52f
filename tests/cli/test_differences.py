"""`sepbench diff` and `sepbench show`: what they print, and the codes that they end with."""

import json

import pytest

from sepbench import Manifest
from sepbench.cli import main

RECIPE = (
    'name = "mine"\nversion = 1\nsample_rate = 16000\nlength = 0.5\n[splits]\ntest = 4\n'
    '[[sources]]\nname = "speech"\nrole = "target"\nset = "librispeech"\nsplits = {test = ["test-clean"]}\n'
    '[[sources]]\nname = "noise"\nrole = "noise"\nset = "esc50"\nsplits = {test = ["fold5"]}\n[levels]\nsnr_db = %s\n'
)


@pytest.fixture(scope="module")
def corpora(catalogs, tmp_path_factory):
    """A folder with three corpora: `one`, `again` from the same recipe, `other` at another level."""
    folder = tmp_path_factory.mktemp("corpora")
    places = [f"--catalog={name}={catalogs[name]}" for name in ("librispeech", "esc50")]
    for name, level in (("one", "3.0"), ("again", "3.0"), ("other", "4.0")):
        (folder / "mine.toml").write_text(RECIPE % level)
        assert main(["mix", str(folder / "mine.toml"), "--out", str(folder / name), "--workers=0", "-q", *places]) == 0
    return folder


def test_the_same_ends_with_0_and_says_so(say, corpora):
    code, out, err = say("diff", corpora / "one", corpora / "again")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    corpus_hash = Manifest.read(corpora / "one").corpus_hash
    assert lines[0] == f"A: {corpora / 'one'}: mine, version 1, seed 0, 4 mixtures"
    assert lines[1].startswith(f"   {corpus_hash}, by sepbench ")
    assert lines[4:] == ["the same corpus, to the last sample"]


def test_a_difference_ends_with_1_and_is_named_with_a_remedy_where_names_mislead(say, corpora):
    code, out, err = say("diff", corpora / "one", corpora / "other", "--limit", 1)
    assert (code, err) == (1, "")
    assert "two different corpora under one name and version, mine 1" in out
    assert "\nhint: give one of them another `name`, or raise `version`, in its recipe\n" in out
    assert "recipe: levels.snr_db.choice[0]: `3.0` in A, `4.0` in B" in out
    assert "4 rows: planned otherwise\n  snr_mdb in 4\n    test-000000: 3000 in A, 4000 in B\n" in out
    assert "heard in `test` of A and in `test` of B" in out


def test_a_plan_is_compared_as_far_as_it_goes(say, corpora, catalogs, tmp_path):
    (tmp_path / "mine.toml").write_text(RECIPE % "3.0")
    places = [f"--catalog={name}={catalogs[name]}" for name in ("librispeech", "esc50")]
    assert say("mix", tmp_path / "mine.toml", "--out", tmp_path / "plan", "--plan-only", "-q", *places)[0] == 0
    code, out, _ = say("diff", corpora / "one", tmp_path / "plan")
    assert code == 0
    assert "the same plan; B was only planned, so what comes out was not compared" in out


def test_programs_get_all_of_it(say, corpora):
    code, out, _ = say("diff", corpora / "one", corpora / "other", "--json", "--quiet")
    found = json.loads(out)
    assert code == 1
    assert (found["same"], found["same_corpus"], found["one_name"]) == (False, False, True)
    assert found["recipe"] == [{"key": "levels.snr_db.choice[0]", "before": 3.0, "after": 4.0}]
    (column,) = found["planned"]["columns"]
    assert column["name"] == "snr_mdb"
    assert column["examples"][0] == {"mixture_id": "test-000000", "a": 3000, "b": 4000}
    assert {pair["name"] for pair in found["levels"]} >= {"snr_db", "duration_s", "stem:noise"}


def test_quiet_says_nothing_and_keeps_the_code(say, corpora):
    assert say("diff", corpora / "one", corpora / "again", "-q") == (0, "", "")
    assert say("diff", corpora / "one", corpora / "other", "-q") == (1, "", "")


def test_a_page_is_written_and_what_stands_out_is_said(say, corpora, tmp_path):
    page = tmp_path / "page.html"
    code, out, _ = say("show", corpora / "one", "--out", page, "--examples", 1)
    assert code == 0
    assert out.splitlines()[-1] == f"page: {page}"
    assert out.count("\n") > 1
    code, out, err = say("show", corpora / "one", "--out", page)
    assert (code, out) == (4, "")
    assert err == f"error: {page}: is there already\nhint: choose another name with --out, or say --force\n"
    code, out, _ = say("show", corpora / "one", "--out", page, "--force", "--json", "-q", "--examples", 0)
    assert code == 0
    assert json.loads(out)["mixtures"] == 4


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["diff", "ONE", "nowhere"], 2, "nowhere: there is no such manifest"),
        (["diff", "ONE", "."], 2, "manifest.parquet: there is no such manifest"),
        (["show", "nowhere"], 2, "nowhere: there is no such manifest"),
        (["show", "ONE", "--split", "train", "--out", "p.html"], 2, "the split `train` has no mixtures"),
        (["show", "ONE", "--out", "p.parquet", "--force"], 2, "p.parquet: expected the name of a page"),
        (["show", "ONE", "--root", "esc50", "--out", "p.html"], 2, "--root: expected NAME=VALUE"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_bad_input_is_one_sentence_with_a_remedy(say, corpora, tmp_path, monkeypatch, words, code, expected):
    monkeypatch.chdir(tmp_path)
    found, out, err = say(*(corpora / "one" if word == "ONE" else word for word in words))
    assert (found, out) == (code, "")
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 2
    assert "\nhint: " in err
    assert list(tmp_path.iterdir()) == []
