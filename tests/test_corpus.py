"""A corpus is the same one by one, in batches, from files, from recordings, from a pack, and in any process."""

import pickle

import numpy as np
import pytest

from sepbench import Corpus, mixing
from sepbench import recipe as recipes
from sepbench.errors import SignalError, TableError, UsageError
from sepbench.mixing.packing import Pack

RECIPE = recipes.parse(
    {
        "name": "c", "version": 1, "sample_rate": 16000, "length": 0.5, "splits": {"train": 12, "test": 3},
        "sources": [
            {"name": "speech", "role": "target", "set": "librispeech",
             "splits": {"train": ["train-clean-100"], "test": ["test-clean"]}},
            {"name": "noise", "role": "noise", "set": "esc50",
             "splits": {"train": ["fold1", "fold2", "fold3"], "test": ["fold5"]}, "when_short": "loop"},
        ],
        "levels": {"snr_db": {"uniform": [-5, 10]}},
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory, catalogs):
    """A rendered corpus, and the cache that holds its pack."""
    folder = tmp_path_factory.mktemp("made")
    mixing.mix(RECIPE, folder / "corpus", catalogs=catalogs, workers=0, pack="always", cache=folder / "cache")
    return folder / "corpus", folder / "cache"


@pytest.fixture(params=["files", "recordings", "pack"])
def corpus(request, made, tmp_path):
    path, cache = made
    kind = request.param
    return Corpus(path, split="train", on_the_fly=kind != "files", cache=cache if kind == "pack" else tmp_path)


def same(one, other):
    return np.array_equal(one["mixture"], other["mixture"]) and all(
        np.array_equal(one["sources"][name], other["sources"][name]) for name in other["sources"]
    )


def test_a_batch_holds_the_examples_whichever_way_they_are_made(corpus, made):
    batch = corpus.batch([7, 0, 3])
    assert batch["mixture"].shape == (3, 1, 8000)
    assert batch["mixture"].dtype == np.float32
    files = Corpus(made[0], split="train")
    for at, index in enumerate([7, 0, 3]):
        example = files[index]
        assert batch["mixture_id"][at] == example.mixture_id
        assert np.array_equal(batch["mixture"][at], example.mixture)
        assert all(np.array_equal(batch["sources"][name][at], example.sources[name]) for name in example.sources)
        assert np.array_equal(batch["mixture"][at], sum(signal[at] for signal in batch["sources"].values()))


def test_the_pack_is_what_is_read_where_there_is_one(made, catalogs, tmp_path):
    path, cache = made
    assert len(Pack(cache)) > 0
    corpus = Corpus(
        path, split="test", on_the_fly=True, cache=cache, roots={"librispeech": tmp_path, "esc50": tmp_path}
    )
    assert np.array_equal(corpus[0].mixture, Corpus(path, split="test")[0].mixture)
    with pytest.raises(TableError, match="is not there"):
        Corpus(path, split="test", on_the_fly=True, cache=tmp_path, roots={"librispeech": tmp_path, "esc50": tmp_path})[
            0
        ]


def test_each_epoch_deals_all_mixtures_in_an_order_of_its_own(corpus):
    batches = corpus.batches(4)
    orders = []
    for epoch in (0, 1, 0):
        batches.set_epoch(epoch, redraw=False)
        orders.append([name for batch in batches for name in batch["mixture_id"]])
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == [f"train-{number:06d}" for number in range(12)]


def test_a_batch_does_not_depend_on_who_makes_it(corpus):
    torch = pytest.importorskip("torch")
    batches = corpus.batches(5, segment_s=0.2, drop_last=False)
    alone = list(batches)
    assert [len(batch["mixture"]) for batch in alone] == [5, 5, 2]
    loader = torch.utils.data.DataLoader(batches, batch_size=None, num_workers=2)
    for one, other in zip(loader, alone, strict=True):
        assert one["mixture"].shape[1:] == (1, 3200)
        assert one["mixture_id"] == other["mixture_id"]
        assert same(
            {"mixture": one["mixture"].numpy(), "sources": {k: v.numpy() for k, v in one["sources"].items()}}, other
        )
    assert same(pickle.loads(pickle.dumps(batches))[1], alone[1])  # noqa: S301


def test_epoch_zero_is_the_manifest_and_others_are_drawn_anew(made, catalogs):
    corpus = Corpus(made[0], split="train", catalogs=catalogs)
    first = corpus.batch(range(12))
    corpus.set_epoch(1)
    second = corpus.batch(range(12))
    assert second["mixture_id"] == first["mixture_id"]
    assert not np.array_equal(first["mixture"], second["mixture"])
    assert np.array_equal(second["mixture"], second["sources"]["speech"] + second["sources"]["noise"])
    again = Corpus(made[0], split="train", catalogs=catalogs)
    again.set_epoch(1)
    assert same(again.batch([5]), corpus.batch([5]))
    corpus.set_epoch(0)
    assert same(corpus.batch(range(12)), first)


def test_other_epochs_take_catalogs(made):
    with pytest.raises(UsageError, match=r"(?s)mixtures of epoch 1 are drawn from the catalogs.*catalogs="):
        Corpus(made[0]).set_epoch(1)


def test_mixtures_of_several_lengths_need_segments(tmp_path, catalogs):
    recipe = recipes.parse(RECIPE.model_dump(exclude_defaults=True) | {"length": "target", "splits": {"test": 4}})
    mixing.mix(recipe, tmp_path / "long", catalogs=catalogs, workers=0, plan_only=True)
    corpus = Corpus(tmp_path / "long")
    with pytest.raises(SignalError, match=r"(?s)lengths of \d+ to \d+ samples.*segment_s"):
        corpus.batch([0, 1])
    (batch,) = corpus.batches(4, segment_s=30, shuffle=False)
    assert batch["mixture"].shape == (4, 1, 480000)
    for at in range(4):
        example = corpus[at]
        frames = example.mixture.shape[1]
        assert np.array_equal(batch["mixture"][at][:, :frames], example.mixture)
        assert not batch["mixture"][at][:, frames:].any()


def test_an_example_cannot_be_written_to(corpus):
    with pytest.raises(ValueError, match="read-only"):
        corpus[0].mixture[0, 0] = 1
