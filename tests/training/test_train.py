import json
import shutil

import pytest
import torch
from safetensors import safe_open
from tones import FakeCorpus, example

import sepbench
from sepbench.errors import PlaceError, SilentSignalError, UsageError
from sepbench.models.baseline import Baseline
from sepbench.models.config import Training, read_config
from sepbench.training import train
from sepbench.training.batches import Batch, make_batch
from sepbench.training.card import SECTIONS
from sepbench.training.pack import Pack
from sepbench.training.session import Session, learning_rate


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def interrupt_at(step):
    def progress(done, total):
        if done == step:
            raise Interrupted

    return progress


def lines(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("opened")
class TestTraining:
    def test_the_result_is_a_baseline_that_separates(self, folder, tmp_path):
        out = tmp_path / "out"
        report = train(folder, "corpus", out)
        separator = Baseline(out)
        mixture = example(0, "test").mixture
        assert separator.separate(mixture)["speech"].shape == mixture.shape
        assert separator.training == report
        assert {path.name for path in out.iterdir()} == {
            "card.md", "config.toml", "log.jsonl", "training.json", "weights.safetensors"
        }  # fmt: skip

    def test_the_report_says_on_what_it_was_trained(self, folder, tmp_path):
        report = train(folder, "somewhere/corpus", tmp_path / "out", seed=5)
        assert report["corpus"] == "tones"
        assert report["corpus_hash"] == "sha256:0123"
        assert report["groups"] == sorted(
            [f"esc50:{split}-{at}" for split in ("train", "valid") for at in range(2)]
            + [f"librispeech:{split}-{at}" for split in ("train", "valid") for at in range(4)]
        )
        assert (report["steps"], report["seed"], report["device"]) == (7, 5, "cpu")
        assert report["torch"] == torch.__version__
        assert isinstance(report["valid_si_sdr_i"], float)
        assert report["wall_s"] >= 0
        assert "somewhere" not in json.dumps(report)

    def test_the_weights_say_it_too(self, folder, tmp_path):
        train(folder, "corpus", tmp_path / "out")
        with safe_open(tmp_path / "out" / "weights.safetensors", "pt") as file:
            said = json.loads(file.metadata()["sepbench"])
        expected = {"corpus": "tones", "corpus_hash": "sha256:0123", "seed": "0", "steps": "7"}
        assert said == expected | {"sepbench": sepbench.__version__}

    def test_the_card_has_its_sections_and_the_hash_of_the_corpus(self, folder, tmp_path):
        train(folder, "corpus", tmp_path / "out")
        card = (tmp_path / "out" / "card.md").read_text()
        assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == list(SECTIONS)
        assert "sha256:0123" in card

    def test_the_log_has_the_loss_and_each_validation(self, folder, tmp_path):
        report = train(folder, "corpus", tmp_path / "out")
        entries = lines(tmp_path / "out")
        assert [entry["step"] for entry in entries] == [2, 4, 6, 7]
        assert entries[-1]["valid_si_sdr_i"] == report["valid_si_sdr_i"]
        assert all(set(entry) == {"step", "loss", "seconds", "valid_si_sdr_i"} for entry in entries)

    @pytest.mark.parametrize("stop", [1, 2, 5, 7])
    def test_an_interrupted_training_ends_with_the_same_weights(self, folder, tmp_path, stop):
        whole, broken = tmp_path / "whole", tmp_path / "broken"
        train(folder, "corpus", whole)
        with pytest.raises(Interrupted):
            train(folder, "corpus", broken, progress=interrupt_at(stop))
        steps = []
        train(folder, "corpus", broken, progress=lambda done, total: steps.append(done))
        assert steps == list(range(stop - 1 - (stop - 1) % 2 + 1, 8))
        assert (broken / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
        without_time = [[entry | {"seconds": 0} for entry in lines(out)] for out in (whole, broken)]
        assert without_time[0] == without_time[1]

    def test_neither_workers_nor_the_global_generator_change_the_weights(self, folder, tmp_path):
        train(folder, "corpus", tmp_path / "one")
        torch.manual_seed(99)
        state = torch.get_rng_state()
        train(folder, "corpus", tmp_path / "two", workers=2)
        assert torch.equal(torch.get_rng_state(), state)
        weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("one", "two")]
        assert weights[0] == weights[1]

    def test_another_seed_gives_other_weights(self, folder, tmp_path):
        weights = []
        for seed in (0, 1):
            train(folder, "corpus", tmp_path / str(seed), seed=seed, steps=1)
            weights.append((tmp_path / str(seed) / "weights.safetensors").read_bytes())
        assert weights[0] != weights[1]

    def test_the_number_of_steps_can_be_given(self, folder, tmp_path):
        assert train(folder, "corpus", tmp_path / "out", steps=3)["steps"] == 3

    def test_a_training_that_is_done_is_not_done_again(self, folder, tmp_path):
        first = train(folder, "corpus", tmp_path / "out")
        assert train(folder, "corpus", tmp_path / "out", progress=interrupt_at(1)) == first

    def test_a_baseline_can_be_trained_in_its_own_folder_and_keeps_its_card(self, folder):
        (folder / "card.md").write_text("mine")
        train(folder, "corpus", folder)
        assert (folder / "card.md").read_text() == "mine"
        assert Baseline(folder).parameters > 0

    @pytest.mark.parametrize(
        ("options", "words"), [({"seed": 1}, "seed is 0 where 1"), ({"steps": 3}, "steps is 7 where 3")]
    )
    @pytest.mark.parametrize("stop", [5, None])
    def test_a_folder_with_another_training_is_refused(self, folder, tmp_path, options, words, stop):
        begin(folder, tmp_path / "out", stop)
        with pytest.raises(PlaceError, match=words):
            train(folder, "corpus", tmp_path / "out", **options)

    @pytest.mark.parametrize("stop", [5, None])
    def test_a_folder_with_a_training_on_another_corpus_is_refused(self, folder, tmp_path, opened, stop):
        begin(folder, tmp_path / "out", stop)
        for corpus in opened.values():
            corpus.corpus_hash = "sha256:4567"
        with pytest.raises(PlaceError, match="corpus_hash is sha256:0123 where sha256:4567"):
            train(folder, "corpus", tmp_path / "out")

    def test_a_folder_with_another_description_is_refused(self, folder, tmp_path):
        begin(folder, tmp_path / "out", 5)
        (folder / "config.toml").write_text((folder / "config.toml").read_text().replace("steps = 7", "steps = 8"))
        with pytest.raises(PlaceError, match="is not the description"):
            train(folder, "corpus", tmp_path / "out")

    def test_a_damaged_state_is_refused(self, folder, tmp_path):
        begin(folder, tmp_path / "out", 5)
        state = tmp_path / "out" / "state.pt"
        state.write_bytes(state.read_bytes()[:1000])
        with pytest.raises(PlaceError, match="can't be read"):
            train(folder, "corpus", tmp_path / "out")

    def test_a_corpus_at_another_rate_is_refused(self, folder, tmp_path, opened):
        opened["valid"][:] = [example(0, "valid", sample_rate=16000)]
        with pytest.raises(UsageError, match="tones: its sample rate is 16000 Hz, but `tiny` works at 8000 Hz"):
            train(folder, "corpus", tmp_path / "out")

    def test_a_corpus_without_rows_to_train_on_is_refused(self, folder, tmp_path, opened):
        opened["train"].clear()
        with pytest.raises(UsageError, match="tones: has no rows of the split `train` to train `tiny` on"):
            train(folder, "corpus", tmp_path / "out")

    def test_a_corpus_without_rows_to_validate_on_will_do(self, folder, tmp_path, opened):
        opened["valid"].clear()
        assert train(folder, "corpus", tmp_path / "out")["valid_si_sdr_i"] is None
        assert "not measured" in (tmp_path / "out" / "card.md").read_text()

    def test_a_loss_that_is_no_number_ends_the_training(self, folder, tmp_path):
        text = (
            (folder / "config.toml")
            .read_text()
            .replace("steps = 7", "steps = 7\nlearning_rate = 1e30\ngrad_clip = 1e30")
        )
        (folder / "config.toml").write_text(text)
        with pytest.raises(UsageError, match=r"the loss was (nan|inf)"):
            train(folder, "corpus", tmp_path / "out")

    def test_the_loss_falls(self, folder, tmp_path):
        text = (folder / "config.toml").read_text()
        for before, after in (
            ("validate_every = 2", "validate_every = 25"),
            ("steps = 7", "steps = 100\nlearning_rate = 0.01\nsnr_db = [5.0, 5.0]"),
            ("ema_decay = 0.5", "ema_decay = 0.9"),
        ):
            text = text.replace(before, after)
        (folder / "config.toml").write_text(text)
        report = train(folder, "corpus", tmp_path / "out")
        losses = [entry["loss"] for entry in lines(tmp_path / "out")]
        assert losses[-1] < losses[0] - 2  # dB, of tones in noise
        assert report["valid_si_sdr_i"] > 1


def begin(folder, out, stop):
    if stop is None:
        train(folder, "corpus", out)
    else:
        with pytest.raises(Interrupted):
            train(folder, "corpus", out, progress=interrupt_at(stop))


def test_a_real_corpus_is_read_and_a_shelved_baseline_trained_on_it(catalogs, tmp_path):
    sepbench.mix("speech-demo", tmp_path / "corpus", catalogs=catalogs, workers=0)
    corpus = sepbench.Corpus(tmp_path / "corpus", split="train")
    shutil.copytree(sepbench.shelf.folder("baselines") / "conv1d-speech-16k", tmp_path / "mine")
    text = (tmp_path / "mine" / "config.toml").read_text().replace("batch_size = 4", "batch_size = 1")
    (tmp_path / "mine" / "config.toml").write_text(text)
    for name in ("weights.safetensors", "training.json"):
        (tmp_path / "mine" / name).unlink(missing_ok=True)
    report = train(tmp_path / "mine", tmp_path / "corpus", tmp_path / "out", steps=1)
    assert report["corpus_hash"] == corpus.corpus_hash
    assert {f"{source['set']}:{source['group']}" for row in corpus.manifest for source in row["sources"]} <= set(
        report["groups"]
    )


def test_the_rate_warms_up_and_falls_along_a_cosine():
    training = Training(steps=110, warmup_steps=10, learning_rate=1.0)
    rates = [learning_rate(training, step) for step in range(110)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10] == 1
    assert rates[60] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 1e-3


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (1, 100), (5, 5), (5, 0)])
def test_the_rate_is_positive_at_every_step_however_short_the_training(steps, warmup):
    training = Training(steps=steps, warmup_steps=warmup)
    assert all(0 < learning_rate(training, step) <= training.learning_rate for step in range(steps))


def with_unet(folder):
    text = (folder / "config.toml").read_text().replace("conv1d", "unet")
    before, after = text[: text.index("[model]")], text[text.index("[training]") :]
    (folder / "config.toml").write_text(f"{before}[model]\nfft_size = 64\nhop = 16\nchannels = [2, 4]\n{after}")
    return folder


def test_the_average_follows_the_weights(folder):
    session = Session(read_config(folder), 0, torch.device("cpu"), {})
    mixtures = torch.rand(2, 400).numpy()
    seen = []
    for step in range(2):
        session.learn(step, Batch(mixtures, 0.5 * mixtures[:, None] ** 2))
        seen.append({name: value.clone() for name, value in session.network.state_dict().items()})
    average = session.averaged.module.state_dict()["encoder.weight"]
    # the first step is copied, the second counts half: ema_decay is 0.5
    torch.testing.assert_close(average, (seen[0]["encoder.weight"] + seen[1]["encoder.weight"]) / 2)
    assert not torch.equal(seen[0]["encoder.weight"], seen[1]["encoder.weight"])


def test_averaged_weights_are_validated_with_batch_statistics_of_their_own(folder, corpora):
    session = Session(read_config(with_unet(folder)), 0, torch.device("cpu"), {})
    pack = Pack(corpora["train"], ["speech"])
    for step in range(3):
        session.learn(step, make_batch(pack, session.config, 0, step))
    session.validate(pack, [])
    network = session.averaged.module.eval()
    seen = []
    network.network.first[0].register_forward_hook(lambda module, inputs, output: seen.append(output.mean((0, 2, 3))))
    with torch.inference_mode():
        for step in range(25):
            network(torch.from_numpy(make_batch(pack, session.config, 0, step).mixtures))
    # float32 means in another order
    torch.testing.assert_close(network.network.first[1].running_mean, torch.stack(seen).mean(0), rtol=0, atol=1e-5)


@pytest.mark.usefixtures("opened")
def test_an_interrupted_training_ends_with_the_same_batch_statistics(folder, tmp_path):
    train(with_unet(folder), "corpus", tmp_path / "whole")
    begin(folder, tmp_path / "broken", 5)
    train(folder, "corpus", tmp_path / "broken")
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


def test_a_silent_corpus_is_refused_before_anything_is_learnt(folder, tmp_path, opened):
    quiet = example(0, "train")
    quiet.sources = {name: 0 * stem for name, stem in quiet.sources.items()}
    opened["train"][:] = FakeCorpus([quiet])
    with pytest.raises(SilentSignalError):
        train(folder, "corpus", tmp_path / "out")
