"""Lhotse: cuts that its own checks accept, with stems and speakers."""

import pytest
from openers import OPENERS, assert_same_samples, lines

import sepbench
from sepbench import Corpus

lhotse = pytest.importorskip("lhotse")
FILES = [
    f"{kind}_{split}.jsonl.gz"
    for kind in ("cuts", "recordings", "supervisions")
    for split in ("train", "valid", "test")
]


@pytest.fixture(scope="module")
def folder(talk, catalogs, tmp_path_factory):
    out = tmp_path_factory.mktemp("lhotse") / "out"
    sepbench.export(talk, "lhotse", out, catalogs={"librispeech": catalogs["librispeech"]})
    return out


@pytest.mark.parametrize("corpus", ["talk", "crowd", "songs"])
def test_lhotse_finds_nothing_wrong_with_it(corpus, tmp_path, request):
    from lhotse.qa import validate

    sepbench.export(request.getfixturevalue(corpus), "lhotse", tmp_path / "out")
    for path in (tmp_path / "out").glob("*.jsonl.gz"):
        validate(lhotse.load_manifest(path), read_data=not path.name.startswith("supervisions"))


def test_a_cut_has_the_achieved_levels_and_who_speaks(folder, talk):
    cuts = {cut.id: cut for cut in lhotse.CutSet.from_file(folder / "cuts_test.jsonl.gz")}
    for example in Corpus(talk, split="test"):
        cut, source = cuts[example.mixture_id], example.row["sources"][0]
        (speech,) = cut.supervisions
        assert cut.custom["snr_db"] == example.row["proof"]["achieved_snr_db"]
        assert (speech.speaker, speech.gender) == (f"librispeech/{source['group']}", "FM"["M" in str(source["labels"])])
        assert speech.custom["stem"] == "speech"


def test_text_is_known_for_whole_utterances_with_a_catalog(folder, talk, tmp_path):
    def texts(place):
        return [
            one.get("text") for split in ("valid", "test") for one in lines(place / f"supervisions_{split}.jsonl.gz")
        ]

    sepbench.export(talk, "lhotse", tmp_path / "without")
    assert any(texts(folder))
    assert not any(texts(tmp_path / "without"))


def test_talkers_are_supervised_each_in_its_time(crowd, tmp_path):
    sepbench.export(crowd, "lhotse", tmp_path / "out")
    for cut in lhotse.CutSet.from_file(tmp_path / "out/cuts_test.jsonl.gz"):
        assert len({one.speaker for one in cut.supervisions}) == len(cut.supervisions) >= 2
        assert all(one.end <= cut.duration for one in cut.supervisions)


def test_relative_paths_hold_in_the_folder_wherever_it_is(talk, tmp_path, monkeypatch):
    sepbench.export(talk, "lhotse", tmp_path / "out", options={"paths": "relative"})
    (tmp_path / "out").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    assert_same_samples(OPENERS["lhotse"](tmp_path / "moved"), Corpus(talk))


def test_the_same_corpus_gives_the_same_bytes(talk, tmp_path):
    for name in ("one", "two"):
        sepbench.export(talk, "lhotse", tmp_path / name, options={"paths": "relative"})
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
